"""Forest plot of the correlations of each method with each task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuronxa.alignment.methods import METHODS, Reduction
from neuronxa.errors import StatisticsError
from neuronxa.output.labels import Labels, single
from neuronxa.output.style import (
    METHOD_COLOURS,
    METHOD_MARKERS,
    PAGE_WIDTH,
    QUIET,
    SMALL_TEXT,
    new_figure,
    styled,
)
from neuronxa.statistics.coefficients import Coefficient

STEP: Final = 0.19
"""Distance of the methods of one model, of 1 between models."""
SYMBOL: Final = {"pearson": "Pearson's r", "spearman": "Spearman's ρ", "kendall": "Kendall's τ"}


def plot_correlations(data: pd.DataFrame, *, ax: Axes, rows: Sequence[str] | None = None) -> Axes:
    """Draw a point with its interval for every row and method.

    Parameters
    ----------
    data
        Columns ``row, method, estimate, low, high, n``; a NaN estimate is told by its n alone.
    ax
        Axes to draw on.
    rows
        Rows from top to bottom; by default in the order in which they come.
    """
    rows = list(dict.fromkeys(data["row"])) if rows is None else list(rows)
    methods = [name for name in METHODS if name in set(data["method"])]
    place = {row: index for index, row in enumerate(rows)}
    for rank, method in enumerate(methods):
        part = data.loc[data["method"] == method]
        y = part["row"].map(place) + (rank - (len(methods) - 1) / 2) * STEP
        known = part["estimate"].notna()
        shown = part.loc[known]
        ax.errorbar(
            shown["estimate"],
            y[known],
            xerr=[shown["estimate"] - shown["low"], shown["high"] - shown["estimate"]],
            fmt=METHOD_MARKERS[method],
            ms=3.2,
            color=METHOD_COLOURS[method],
            elinewidth=0.9,
            label=method,
            zorder=3,
        )
        for value, n in zip(y[~known], part.loc[~known, "n"], strict=True):
            ax.text(
                0.02,
                value,
                f"{method}: not defined (n = {n})",
                fontsize=SMALL_TEXT - 1,
                va="center",
                color=QUIET,
            )
    for row, index in place.items():
        counts = data.loc[data["row"] == row, "n"]
        if len(counts):
            least, most = int(counts.min()), int(counts.max())
            text = f"{least}" if least == most else f"{least}–{most}"
            ax.annotate(
                f"n = {text}",
                (1.0, index),
                xycoords=("axes fraction", "data"),
                xytext=(2, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL_TEXT - 0.5,
                color=QUIET,
                annotation_clip=False,
            )
    ax.axvline(0, color=QUIET, lw=0.7, zorder=1)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    low = min(-0.05, float(np.nan_to_num(data["low"].min(), nan=0.0)))
    ax.set_xlim(max(-1.03, low - 0.05), 1.03)
    ax.grid(axis="x")
    return ax


def figure_correlations(
    correlations: pd.DataFrame,
    *,
    coefficient: Coefficient = "pearson",
    reduction: Reduction = "mean",
    pivot_included: bool = False,
    labels: Labels | None = None,
) -> Figure:
    """Compose the forest plot of one corpus and extraction: a panel per task, a row per model.

    Parameters
    ----------
    correlations
        What :func:`neuronxa.statistics.correlation.correlate_methods` returns, of one corpus and
        extraction.
    coefficient, reduction, pivot_included
        Which of the rows to show.
    labels
        Names to show.

    Raises
    ------
    StatisticsError
        If no row is left.
    """
    labels = labels or Labels()
    kept = correlations.loc[
        (correlations["coefficient"] == coefficient)
        & (correlations["reduction"] == reduction)
        & (correlations["pivot_included"] == pivot_included)
    ]
    if kept.empty:
        raise StatisticsError(
            f"no {coefficient} correlation for the {reduction} over layers",
            where="correlations",
            remedy="check that models and languages of the task scores are those of the run",
        )
    corpus = labels.corpus(single(kept, "corpus"))
    single(kept, "extraction")
    kept = kept.assign(row=kept["model"].map(labels.model))
    models = list(dict.fromkeys(kept["row"]))
    panels = list(kept.groupby(["task", "metric"], sort=False))
    columns = min(len(panels), 2 if len(panels) == 4 else 3)
    count = -(-len(panels) // columns)
    with styled():
        panel = 0.45 + 0.42 * max(len(models), 1)
        figure = new_figure(PAGE_WIDTH, max(1.9, 0.75 + panel * count))
        grid = figure.subplots(count, columns, squeeze=False, sharex=True, sharey=True)
        for ax in grid.flat[len(panels) :]:
            ax.remove()
        for ax, ((task, metric), part) in zip(grid.flat, panels, strict=False):
            plot_correlations(part, ax=ax, rows=models)
            ax.set_title(labels.task(str(task)), pad=12)
            ax.text(0.0, 1.02, metric, transform=ax.transAxes, fontsize=SMALL_TEXT, va="bottom")
        for index, ax in enumerate(grid.flat[: len(panels)]):
            if index + columns >= len(panels):
                ax.set_xlabel(f"{SYMBOL[coefficient]} over languages")
                ax.tick_params(labelbottom=True)
        low = min(0.0, float(kept[["estimate", "low"]].min().min()))
        grid.flat[0].set_xlim(low - 0.05, 1.03)
        known: dict[str, Artist] = {}
        for ax in grid.flat[: len(panels)]:
            for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
                known.setdefault(name, handle)
        figure.legend(
            list(known.values()), list(known), loc="outside lower center", ncols=len(known)
        )
        figure.suptitle(
            f"{corpus} · {reduction} over layers, "
            f"{'with' if pivot_included else 'without'} the pivot",
            x=0.01,
            ha="left",
        )
    return figure
