"""Heat-map of every language with every language."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from neuronxa.alignment.methods import METHODS, Reduction, Site
from neuronxa.errors import StatisticsError
from neuronxa.output.figures.layers import spread
from neuronxa.output.figures.pairs import cluster_order, family_order, pair_matrix
from neuronxa.output.labels import Labels, short_codes, single
from neuronxa.output.style import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    QUIET,
    SMALL_TEXT,
    axes_size,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from neuronxa.languages import Language

SMALL: Final = 12
"""Up to so many languages fit one column."""
MOST_LEVELS: Final = 4
"""Codes are staggered over at most so many rows before some are left out."""
LEAST_TEXT: Final = 4.5
"""Smallest size of a code (pt)."""


def plot_heatmap(
    matrix: pd.DataFrame,
    *,
    ax: Axes,
    families: Sequence[tuple[str, int]] = (),
    codes: Mapping[str, str] | None = None,
    limits: tuple[float, float] | None = None,
) -> AxesImage:
    """Draw a square of scores in the order that the frame has.

    Parameters
    ----------
    matrix
        Square frame, index and columns alike.
    ax
        Axes to draw on; its size decides how the codes are staggered.
    families
        Name and size of each block along the axes; lines part them and names stand on the right.
    codes
        Language code to the code shown.
    limits
        Ends of the colour map; by default the range off the diagonal.

    Returns
    -------
    matplotlib.image.AxesImage
        For a colour bar. The diagonal is masked: a language with itself is 1 by definition.
    """
    count = len(matrix)
    values = matrix.to_numpy(dtype=np.float64, copy=True)
    np.fill_diagonal(values, np.nan)
    colours = mpl.colormaps["viridis"].with_extremes(bad="0.93")
    low, high = limits or (float(np.nanmin(values)), float(np.nanmax(values)))
    image = ax.imshow(
        np.ma.masked_invalid(values), cmap=colours, vmin=low, vmax=high, aspect="equal"
    )
    ax.spines[:].set_visible(False)
    shown = codes or short_codes(matrix.index)
    _write_codes(ax, [shown[code] for code in matrix.index])
    edge = -0.5
    ends = []
    for _, size in families:
        ends.append(edge + size / 2)
        edge += size
        if edge < count - 0.5:
            ax.axhline(edge, color="white", lw=0.8 if count <= 60 else 0.4)
            ax.axvline(edge, color="white", lw=0.8 if count <= 60 else 0.4)
    height = _side(ax) * 72
    step = SMALL_TEXT * 1.15 / height * count
    line: dict[str, Any] = {"arrowstyle": "-", "lw": 0.4, "color": QUIET, "relpos": (0.0, 0.5)}
    line |= {"shrinkA": 1, "shrinkB": 0}
    for (name, _), place, written in zip(
        families, ends, spread(ends, step=step, low=-0.5, high=count - 0.5), strict=True
    ):
        ax.annotate(
            name,
            xy=(count - 0.5, place),
            xytext=(count - 0.5 + 0.035 * count, written),
            fontsize=SMALL_TEXT,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "lw": 0.4,
                "color": QUIET,
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0.0, 0.5),
            },
        )
    return image


def _side(ax: Axes) -> float:
    """Return the side of the square in inch."""
    return min(axes_size(ax))


class _Codes(NamedTuple):
    """How the codes along one axis are written.

    Attributes
    ----------
    size
        Of the text (pt).
    every
        One in so many codes is written.
    starts
        Distance from the axes of each code that is written (pt).
    depth
        Distance that all of them take (pt).
    """

    size: float
    every: int
    starts: tuple[float, ...]
    depth: float


def _arrange_codes(texts: Sequence[str], *, side: float) -> _Codes:
    """Stagger codes on a side of so many inch, each as near to the axes as can be."""
    room = side * 72 / len(texts)
    size = min(7.0, max(LEAST_TEXT, room / 1.1))
    every = max(1, math.ceil(size * 1.1 / room / MOST_LEVELS))
    near = math.ceil(size * 1.1 / (room * every)) - 1
    placed: list[tuple[float, float]] = []
    for text in texts[::every]:
        width = 0.66 * size * len(text)
        start = 2.0
        for begin, end in sorted(placed[len(placed) - min(near, len(placed)) :]):
            if start < end and begin < start + width:
                start = end + 2
        placed.append((start, start + width))
    starts = tuple(start for start, _ in placed)
    return _Codes(size, every, starts, max(end for _, end in placed))


def _write_codes(ax: Axes, texts: Sequence[str]) -> None:
    """Write the codes along both axes, with a thin line to those that stand off."""
    codes = _arrange_codes(texts, side=_side(ax))
    line = {"arrowstyle": "-", "lw": 0.25, "color": "0.75", "shrinkA": 0, "shrinkB": 0}
    ax.set_xticks([])
    ax.set_yticks([])
    for index, start in zip(range(0, len(texts), codes.every), codes.starts, strict=True):
        for x in (True, False):
            ax.annotate(
                texts[index],
                xy=(index, 0) if x else (0, index),
                xycoords=("data", "axes fraction") if x else ("axes fraction", "data"),
                xytext=(0, -start) if x else (-start, 0),
                textcoords="offset points",
                rotation=90 if x else 0,
                ha="center" if x else "right",
                va="top" if x else "center",
                fontsize=codes.size,
                annotation_clip=False,
                arrowprops=line | {"relpos": (0.5, 1.0) if x else (1.0, 0.5)}
                if start > min(codes.starts)
                else None,
            )


def figure_heatmap(
    scores: pd.DataFrame,
    *,
    languages: Mapping[str, Language],
    site: Site,
    method: str = "NASCA",
    reduction: Reduction = "mean",
    by: Literal["family", "cluster"] = "family",
    labels: Labels | None = None,
) -> Figure:
    """Compose the heat-map of all pairs.

    Parameters
    ----------
    scores
        Scores of all pairs of one model, corpus and extraction, as
        :func:`neuronxa.alignment.scores.pairs_frame` gives them.
    languages
        Code to language; gives the family.
    site
        FFN site of NASCA and NAVCA.
    method
        Name of the method.
    reduction
        ``mean`` or ``max`` over layers.
    by
        Order of the languages: by family and then by score, or by clustering their scores.
    labels
        Names to show.

    Raises
    ------
    StatisticsError
        If the scores hold no pair of two languages for the method.
    """
    labels = labels or Labels()
    representation = METHODS[method].at(site)
    matrix = pair_matrix(scores, representation=representation, reduction=reduction)
    if len(matrix) < 2:
        raise StatisticsError(
            f"a heat-map needs pairs of languages, and {representation} has {len(matrix)} language",
            where="alignment scores",
            allowed=sorted(scores["representation"].unique()),
            remedy="add languages to the run, or choose a method that it has",
        )
    families: list[tuple[str, int]] = []
    if by == "family":
        order, families = family_order(matrix, languages=languages)
    else:
        order = cluster_order(matrix)
    n = int(scores.loc[scores["representation"] == representation, "n"].min())
    title = f"{labels.model(single(scores, 'model'))} · {labels.corpus(single(scores, 'corpus'))}"
    return square_figure(
        matrix.loc[order, order],
        families=families,
        title=title,
        note=f"{method}, {reduction} over layers: {len(matrix)} languages, n = {n} sentences",
    )


def square_figure(
    matrix: pd.DataFrame, *, families: Sequence[tuple[str, int]], title: str, note: str
) -> Figure:
    """Compose a heat-map with its colour bar, title and a note below the title.

    Parameters
    ----------
    matrix
        Square frame in the order that is drawn.
    families
        Name and size of each block along the axes.
    title, note
        First and second line above the square.
    """
    order = [str(code) for code in matrix.index]
    shown = short_codes(order)
    width, beside = (PAGE_WIDTH, 1.3) if len(order) > SMALL else (COLUMN_WIDTH, 1.05)
    # Codes are sized to the square and the square leaves room for the codes: settled in steps.
    side, margin = width - beside - 0.5, 0.5
    for _ in range(4):
        codes = _arrange_codes([shown[code] for code in order], side=side)
        margin = max(margin, codes.depth / 72 + 0.05)
        side = min(4.65, width - beside - margin)
    left = bottom = margin
    height = bottom + side + 0.4
    right = left + side + 0.15
    with styled():
        figure = new_figure(width, height)
        figure.set_layout_engine("none")
        ax = figure.add_axes((left / width, bottom / height, side / width, side / height))
        image = plot_heatmap(matrix, ax=ax, families=families, codes=shown)
        bar = figure.add_axes(
            (right / width, 0.25 / height, (width - right - 0.15) / width, 0.09 / height)
        )
        figure.colorbar(image, cax=bar, orientation="horizontal")
        bar.xaxis.set_major_locator(MaxNLocator(3))
        bar.tick_params(labelsize=SMALL_TEXT)
        figure.text(0.01, 1 - 0.06 / height, title, va="top", fontsize=8)
        figure.text(0.01, 1 - 0.22 / height, note, va="top", fontsize=SMALL_TEXT)
    return figure
