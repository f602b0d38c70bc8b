"""Plots to point at: layer curves, and every language with every language."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from neuronxa.alignment.methods import METHODS, Site
from neuronxa.languages import Language
from neuronxa.output.figures.layers import layer_curves, named_languages
from neuronxa.output.figures.pairs import family_order, pair_matrix

#: Okabe and Ito's colours that hold 3:1 against white, for colour-blind readers.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#7B3294", "#A6611A", "#444444")
_FONT: Final = {"family": "system-ui, sans-serif", "size": 13, "color": "#1a1a1a"}
_PAPER: Final = {
    "paper_bgcolor": "#fff",
    "plot_bgcolor": "#fff",
    "font": _FONT,
    "legend": {"orientation": "h", "yanchor": "top", "y": -0.2},  # a phone has no room beside it
}


class Plot(NamedTuple):
    """A plot of Plotly, and what it shows."""

    title: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


def plot_curves(
    scores: pd.DataFrame,
    *,
    method: str,
    site: Site,
    pivot: str,
    languages: Mapping[str, Language],
    order: Sequence[str],
) -> Plot | None:
    """Layer curves of one method: some languages in colours, the others in grey, the mean.

    Parameters
    ----------
    scores
        Alignment scores of one run.
    method, site
        What is drawn.
    pivot
        Language whose own curve is left out.
    languages
        Code to language.
    order
        Languages from best to worst: its ends are named. The same order for every method gives a
        language the same colour everywhere.

    Returns
    -------
    Plot or None
        None where the run has no such method.
    """
    representation = METHODS[method].at(site)
    if representation not in set(scores["representation"]):
        return None
    curves = layer_curves(scores, pivot=pivot, representation=representation)
    named = named_languages(order)
    quiet: dict[str, list[Any]] = {"x": [], "y": [], "text": []}
    data: list[dict[str, Any]] = [{}]
    for language, part in curves.groupby("language"):
        part = part.sort_values("depth")  # noqa: PLW2901 - the same curve in order
        x, y = _rounded(part["depth"]), _rounded(part["value"])
        name = languages[str(language)].name
        if language in named:
            place = named.index(str(language))
            line = {
                "color": COLOURS[place % len(COLOURS)],
                "dash": "solid" if place < len(named) / 2 else "dot",
            }
            data.append({"x": x, "y": y, "name": name, "line": line, "mode": "lines"})
        else:
            quiet["x"] += [*x, None]
            quiet["y"] += [*y, None]
            quiet["text"] += [name] * (len(x) + 1)
    data[0] = {
        **quiet,
        "name": "others",
        "mode": "lines",
        "line": {"color": "#bbb", "width": 1},
        "hovertemplate": "%{text}: %{y:.3f}<extra></extra>",
    }
    mean = curves.groupby("depth", as_index=False)["value"].mean()
    data.append(
        {
            "x": _rounded(mean["depth"]),
            "y": _rounded(mean["value"]),
            "name": "mean",
            "mode": "lines",
            "line": {"color": "#000", "width": 4},
        }
    )
    of_mu = (scores["representation"] == representation) & (scores["measure"] == "mu")
    of_mu &= scores["n"] > 0
    chance = round(1 / (2 * int(scores.loc[of_mu, "n"].min()) - 1), 4)
    ends = [data[-1]["x"][0], data[-1]["x"][-1]]
    dashed = {"color": "#666", "dash": "dash", "width": 1}
    data.append({"x": ends, "y": [chance] * 2, "name": "chance", "mode": "lines", "line": dashed})
    layout = {
        **_PAPER,
        "xaxis": {"title": {"text": "relative depth"}, "showgrid": False, "linecolor": "#888"},
        "yaxis": {
            "title": {"text": "alignment with the pivot"},
            "gridcolor": "#e5e5e5",
            "rangemode": "tozero",
        },
        "hovermode": "closest",
        "margin": {"l": 60, "r": 10, "t": 10, "b": 10},
        "height": 420,
    }
    return Plot(f"{method} in every layer", data, layout)


def plot_pairs(
    pairs: pd.DataFrame, *, method: str, site: Site, languages: Mapping[str, Language]
) -> Plot | None:
    """Heat-map of all pairs of languages by one method, families together."""
    representation = METHODS[method].at(site)
    if representation not in set(pairs["representation"]):
        return None
    matrix = pair_matrix(pairs, representation=representation)
    order, _ = family_order(matrix, languages=languages)
    values = matrix.loc[order, order].to_numpy(dtype=float, copy=True)
    np.fill_diagonal(values, np.nan)
    names = [f"{languages[code].name} ({code})" for code in order]
    cells = [[None if np.isnan(v) else round(float(v), 3) for v in row] for row in values]
    layout = {
        **_PAPER,
        "xaxis": {"showticklabels": len(order) <= 40, "tickangle": -90, "automargin": True},
        "yaxis": {"showticklabels": len(order) <= 40, "autorange": "reversed", "automargin": True},
        "height": 700,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
    }
    heat = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": cells,
        "colorscale": "Viridis",
        "hovertemplate": "%{y}<br>%{x}<br>%{z:.3f}<extra></extra>",
        "colorbar": {"title": {"text": "μ"}},
    }
    return Plot(f"{method} of every pair, mean over layers", [heat], layout)


def plot_models(board: pd.DataFrame, *, methods: list[str]) -> Plot:
    """Bars of one language: every model by every method, with intervals."""
    data = []
    for number, method in enumerate(methods):
        part = board.loc[board[method].notna()]
        up, down = part[f"{method}:high"] - part[method], part[method] - part[f"{method}:low"]
        data.append(
            {
                "type": "bar",
                "name": method,
                "x": part["shown"].tolist(),
                "y": _rounded(part[method]),
                "marker": {"color": COLOURS[number]},
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": _rounded(up.fillna(0)),
                    "arrayminus": _rounded(down.fillna(0)),
                },
            }
        )
    layout = {
        **_PAPER,
        "barmode": "group",
        "yaxis": {"gridcolor": "#e5e5e5", "rangemode": "tozero"},
        "height": 400,
        "margin": {"l": 60, "r": 10, "t": 10, "b": 10},
    }
    return Plot("Alignment with the pivot, mean over layers", data, layout)


def embedded(value: Any) -> str:
    """JSON that can stand inside a page: no text in it can end the element that holds it."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _rounded(values: pd.Series) -> list[float | None]:
    return [None if pd.isna(value) else round(float(value), 4) for value in values]
