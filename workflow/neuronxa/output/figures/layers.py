"""Layer curves: how alignment with the pivot rises and falls through a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuronxa.alignment.methods import METHODS, Site
from neuronxa.errors import StatisticsError
from neuronxa.output.labels import Labels, short_codes, single
from neuronxa.output.style import (
    FAINT,
    INK,
    PAGE_WIDTH,
    QUIET,
    SMALL_TEXT,
    axes_size,
    new_figure,
    styled,
)

Depth = Literal["relative", "block"]

ALL_NAMED: Final = 12
"""Up to so many languages each curve has its own colour and name."""
EACH_END: Final = 4
"""Of more languages, so many of the best and of the worst are named."""


def layer_curves(
    scores: pd.DataFrame, *, pivot: str, representation: str, depth: Depth = "relative"
) -> pd.DataFrame:
    """Put the layers of one representation on a depth axis that all representations share.

    The FFN neurons of block b (from 1 to L) and the hidden state that leaves the block have depth
    b; hidden state 0, the embeddings, has depth 0. ``relative`` divides by L.

    Parameters
    ----------
    scores
        Alignment scores of one model, corpus and extraction.
    pivot
        Language code; the pivot's own curve is left out.
    representation
        Name of the representation.
    depth
        ``relative`` or ``block``.

    Returns
    -------
    pandas.DataFrame
        Columns ``language, depth, value, n``.
    """
    rows = scores.loc[
        (scores["measure"] == "mu")
        & (scores["reduction"] == "layer")
        & (scores["representation"] == representation)
        & (scores["source"] == pivot)
        & (scores["target"] != pivot)
    ]
    index = rows["layer"].astype("int64")
    hidden = representation.startswith("hidden")
    block = index if hidden else index + 1
    scale = block.max() if depth == "relative" else 1
    curves = rows.assign(language=rows["target"], depth=block / scale)
    return curves[["language", "depth", "value", "n"]].sort_values(
        ["language", "depth"], ignore_index=True
    )


def named_languages(order: Sequence[str]) -> list[str]:
    """Choose the languages that get a colour and a name, from a list ordered from best to worst."""
    if len(order) <= ALL_NAMED:
        return list(order)
    return [*order[:EACH_END], *order[-EACH_END:]]


def plot_layers(
    data: pd.DataFrame,
    *,
    ax: Axes,
    order: Sequence[str] | None = None,
    chance: float | None = None,
    codes: Mapping[str, str] | None = None,
    top: float | None = None,
) -> Axes:
    """Draw one curve per language, the mean of all, and the chance level.

    Parameters
    ----------
    data
        Columns ``language, depth, value``.
    ax
        Axes to draw on.
    order
        Languages from best to worst, which fixes colours and names; by default by their mean here.
    chance
        Chance level, drawn as a dashed line.
    codes
        Language code to the code shown.
    top
        Upper end of the axis, where several panels share it.
    """
    curves = {
        str(language): part.sort_values("depth") for language, part in data.groupby("language")
    }
    if order is None:
        order = sorted(curves, key=lambda code: -float(curves[code]["value"].mean()))
    named = [code for code in named_languages(order) if code in curves]
    shown = codes or short_codes(order)
    # The light end of the map would vanish on white.
    shades = mpl.colormaps["viridis"](np.linspace(0.0, 0.85, max(len(named), 2)))
    thin = 0.6 if len(curves) <= 60 else 0.3
    for code, curve in curves.items():
        if code not in named:
            ax.plot(curve["depth"], curve["value"], color=FAINT, lw=thin, zorder=1, label=code)
    ends: list[tuple[float, str, NDArray[np.float64]]] = []
    for place, code in enumerate(named):
        curve = curves[code]
        ax.plot(curve["depth"], curve["value"], color=shades[place], lw=1.0, zorder=3, label=code)
        ends.append((float(curve["value"].iloc[-1]), shown[code], shades[place]))
    mean = data.groupby("depth")["value"].mean()
    ax.plot(mean.index, mean, color=INK, lw=1.8, zorder=4, label="mean")
    if chance is not None:
        ax.axhline(chance, color=QUIET, lw=0.8, ls=(0, (4, 3)), zorder=2, label="chance")
    ax.set_ylim(0, top or headroom(data))
    right = float(data["depth"].max())
    ax.set_xlim(0, right)
    _name_ends(ax, ends, right=right)
    ax.grid(axis="y")
    return ax


def headroom(data: pd.DataFrame) -> float:
    """Return the upper end of the axis: a little above the highest value, never far above 1."""
    return min(1.02, max(0.1, 1.08 * float(data["value"].max())))


def _name_ends(
    ax: Axes, ends: list[tuple[float, str, NDArray[np.float64]]], *, right: float
) -> None:
    """Write each curve's code right of its end, moved apart so that no two overlap."""
    bottom, top = ax.get_ylim()
    step = (SMALL_TEXT * 1.15) / (72 * axes_size(ax)[1]) * (top - bottom)
    # Of equal ends the best language, which comes first, is written on top.
    ends.reverse()
    ordered = sorted(ends, key=lambda end: end[0])
    places = spread([end[0] for end in ordered], step=step, low=bottom, high=top)
    for (value, code, shade), place in zip(ordered, places, strict=True):
        ax.annotate(
            code,
            xy=(right, value),
            xytext=(right * 1.06, place),
            color=shade,
            fontsize=SMALL_TEXT,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "lw": 0.4,
                "color": shade,
                "shrinkA": 0,
                "shrinkB": 0,
                "relpos": (0.0, 0.5),
            },
        )


def spread(places: Sequence[float], *, step: float, low: float, high: float) -> list[float]:
    """Move ascending places apart to at least ``step``, as little as possible, within bounds.

    Overlapping places are merged into blocks that are centred on the mean of their members.

    Parameters
    ----------
    places
        Wanted places, ascending.
    step
        Least distance; made smaller where the bounds leave no room.
    low, high
        Bounds.
    """
    if not places:
        return []
    step = min(step, (high - low) / max(len(places) - 1, 1))
    blocks: list[list[float]] = []
    starts: list[float] = []
    for place in places:
        blocks.append([place])
        starts.append(min(max(place, low), high))
        while len(blocks) > 1 and starts[-2] + len(blocks[-2]) * step > starts[-1]:
            starts.pop()
            merged = blocks.pop()
            blocks[-1].extend(merged)
            width = (len(blocks[-1]) - 1) * step
            wanted = float(np.mean(blocks[-1])) - width / 2
            starts[-1] = min(max(wanted, low), high - width)
    return [
        start + place * step
        for start, block in zip(starts, blocks, strict=True)
        for place in range(len(block))
    ]


def figure_layers(
    scores: pd.DataFrame,
    *,
    pivot: str,
    site: Site,
    methods: Sequence[str] = ("NASCA", "MEXA"),
    depth: Depth = "relative",
    labels: Labels | None = None,
) -> Figure:
    """Compose the layer curves of one model, a panel per method.

    Parameters
    ----------
    scores
        Alignment scores of one model, corpus and extraction, with rows per layer.
    pivot
        Language code.
    site
        FFN site of NASCA and NAVCA.
    methods
        Methods to show; those that the scores do not hold are left out.
    depth
        ``relative``, or ``block`` for the number of the block.
    labels
        Names to show.

    Raises
    ------
    StatisticsError
        If none of the methods has scores per layer.
    """
    labels = labels or Labels()
    title = f"{labels.model(single(scores, 'model'))} · {labels.corpus(single(scores, 'corpus'))}"
    panels = {
        name: layer_curves(scores, pivot=pivot, representation=METHODS[name].at(site), depth=depth)
        for name in methods
    }
    panels = {name: curves for name, curves in panels.items() if not curves.empty}
    if not panels:
        raise StatisticsError(
            f"no scores per layer for {', '.join(methods)} with pivot '{pivot}'",
            where="alignment scores",
            allowed=sorted(scores["representation"].unique()),
            remedy="extract these representations, or choose methods that the run has",
        )
    shown = pd.concat(panels.values())
    means = shown.groupby("language")["value"].mean()
    order = [str(code) for code in means.sort_values(ascending=False, kind="stable").index]
    codes = short_codes([*order, pivot])
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    with styled():
        figure = new_figure(PAGE_WIDTH, 0.4 + 2.3 * rows)
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for ax in grid.flat[len(panels) :]:
            ax.remove()
        for ax in grid[-1, :]:
            ax.set_xlabel("relative depth" if depth == "relative" else "block")
        for ax in grid[:, 0]:
            ax.set_ylabel(f"alignment with {codes[pivot]} (μ)")
        figure.suptitle(title, x=0.01, ha="left")
        for ax, (name, curves) in zip(grid.flat, panels.items(), strict=False):
            n = int(curves["n"].min())
            chance = 1 / (2 * n - 1)
            plot_layers(curves, ax=ax, order=order, chance=chance, codes=codes, top=headroom(shown))
            ax.set_title(name)
            note = f"{curves['language'].nunique()} languages, n = {n}, chance {chance:.3f}"
            ax.set_title(note, loc="right", fontsize=SMALL_TEXT, fontweight="normal")
    return figure
