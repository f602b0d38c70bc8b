"""Alignment against the lexical floor: which languages are found by more than their spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuronxa.alignment.methods import Reduction
from neuronxa.errors import StatisticsError
from neuronxa.output.figures.names import write_names
from neuronxa.output.figures.scatter import draw_points
from neuronxa.output.labels import Labels, short_codes, single
from neuronxa.output.style import (
    INK,
    METHOD_COLOURS,
    PAGE_WIDTH,
    QUIET,
    SMALL_TEXT,
    message_figure,
    new_figure,
    styled,
)
from neuronxa.statistics.correlation import correlate

if TYPE_CHECKING:
    from neuronxa.languages import Language

MARGIN: Final = 0.06


def floor_points(
    method_scores: pd.DataFrame, lexical: pd.DataFrame, *, method: str, reduction: Reduction
) -> pd.DataFrame:
    """Join one method's scores with the lexical floor of the same languages.

    Returns
    -------
    pandas.DataFrame
        Columns ``language, x, y, n``; x is the floor (mu), y the score.
    """
    floor = lexical.loc[lexical["measure"] == "mu", ["language", "value"]]
    score = method_scores.loc[
        (method_scores["method"] == method) & (method_scores["reduction"] == reduction),
        ["language", "value", "n"],
    ]
    joined = floor.merge(score, on="language", suffixes=("_floor", "_score"))
    joined = joined.rename(columns={"value_floor": "x", "value_score": "y"})
    return joined.dropna(subset=["x", "y"], ignore_index=True)[["language", "x", "y", "n"]]


def plot_lexical(
    data: pd.DataFrame,
    *,
    ax: Axes,
    colour: str = "#0072B2",
    codes: Mapping[str, str] | None = None,
    long_tail: Sequence[str] = (),
    top: float | None = None,
) -> Axes:
    """Draw each language's score against its floor, the diagonal, and how many lie above it.

    Parameters
    ----------
    data
        Columns ``language, x, y``.
    ax
        Axes to draw on.
    colour
        Colour of the points.
    codes
        Language code to the code shown.
    long_tail
        Languages drawn as triangles instead of discs.
    top
        Upper end of both axes, where several panels share it.
    """
    end = top or axis_end(data)
    ax.set_xlim(-MARGIN * end / 2, end)
    ax.set_ylim(-MARGIN * end / 2, end)
    ax.plot([0, end], [0, end], color=QUIET, lw=0.8, ls=(0, (4, 3)), zorder=1, label="floor")
    draw_points(data, ax=ax, colour=colour, long_tail=long_tail)
    note = f"{int((data['y'] > data['x']).sum())} of {len(data)} above the floor"
    try:
        r = correlate(data["x"], data["y"], coefficient="pearson")
    except StatisticsError:
        pass
    else:
        note += f"\nr = {r.estimate:.2f} [{r.low:.2f}, {r.high:.2f}]"
    told = ax.annotate(
        note,
        xy=(0.0, 1.0),
        xycoords="axes fraction",
        xytext=(3, -2),
        textcoords="offset points",
        va="top",
        fontsize=SMALL_TEXT,
        color=INK,
        zorder=6,
    )
    line = np.linspace(0, end, 40)
    write_names(
        data,
        ax=ax,
        codes=codes or short_codes(data["language"]),
        avoid_x=line,
        avoid_y=line,
        objects=[told],
    )
    return ax


def axis_end(data: pd.DataFrame) -> float:
    """Return the upper end of both axes: a little above the highest floor or score."""
    return max(0.1, (1 + MARGIN) * float(data[["x", "y"]].max().max()))


def figure_lexical(
    method_scores: pd.DataFrame,
    lexical: pd.DataFrame,
    *,
    languages: Mapping[str, Language],
    methods: Sequence[str] = ("NASCA", "MEXA"),
    reduction: Reduction = "mean",
    labels: Labels | None = None,
) -> Figure:
    """Compose scores against the lexical floor of one model, a panel per method.

    Parameters
    ----------
    method_scores
        Scores of one model, corpus and extraction.
    lexical
        What :func:`neuronxa.controls.lexical.lexical_frame` returns for the same corpus.
    languages
        Code to language; gives the class.
    methods
        Methods to show; those without scores are left out.
    reduction
        ``mean`` or ``max`` over layers.
    labels
        Names to show.

    Returns
    -------
    Figure
        Where no language has both, a figure that says so.
    """
    labels = labels or Labels()
    model, corpus = single(method_scores, "model"), single(method_scores, "corpus")
    title = f"{labels.model(model)} · {labels.corpus(corpus)}"
    panels = {
        name: floor_points(method_scores, lexical, method=name, reduction=reduction)
        for name in methods
    }
    panels = {name: part for name, part in panels.items() if not part.empty}
    if not panels:
        return message_figure("no language has both a score and a lexical floor", title=title)
    top = max(map(axis_end, panels.values()))
    with styled():
        figure = new_figure(PAGE_WIDTH, 3.3)
        grid = figure.subplots(1, len(panels), squeeze=False)
        for ax, (name, part) in zip(grid.flat, panels.items(), strict=True):
            ax.set_title(name)
            note = f"{len(part)} languages, n = {int(part['n'].min())}"
            ax.set_title(note, loc="right", fontsize=SMALL_TEXT, fontweight="normal")
            ax.set_xlabel("lexical floor (μ of character n-grams)")
            ax.set_ylabel(f"{name} ({reduction} over layers)")
        figure.suptitle(title, x=0.01, ha="left")
        # Names are moved apart in the panel's final size.
        figure.canvas.draw()
        for ax, (name, part) in zip(grid.flat, panels.items(), strict=True):
            tail = [c for c in part["language"] if languages[c].resource_class == "long-tail"]
            plot_lexical(
                part, ax=ax, colour=METHOD_COLOURS.get(name, "#0072B2"), long_tail=tail, top=top
            )
        handles, names = grid.flat[0].get_legend_handles_labels()
        figure.legend(
            handles, names, loc="outside lower center", ncols=len(names), fontsize=SMALL_TEXT
        )
    return figure
