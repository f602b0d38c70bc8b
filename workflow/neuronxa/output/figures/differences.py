"""Forest plot of how much better one method correlates than the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neuronxa.alignment.methods import METHODS
from neuronxa.errors import StatisticsError
from neuronxa.output.figures.correlations import STEP, SYMBOL
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


def plot_differences(data: pd.DataFrame, *, ax: Axes, rows: list[str]) -> Axes:
    """Draw the difference to every other method with its interval; 0 is no difference.

    Parameters
    ----------
    data
        Columns ``row, other, difference, low, high``; what is not defined is not drawn.
    ax
        Axes to draw on.
    rows
        Rows from top to bottom.
    """
    others = [name for name in METHODS if name in set(data["other"])]
    for rank, other in enumerate(others):
        part = data.loc[(data["other"] == other) & data["difference"].notna()]
        low, high = (part[end].fillna(part["difference"]) for end in ("low", "high"))
        ax.errorbar(
            part["difference"],
            [rows.index(row) + (rank - (len(others) - 1) / 2) * STEP for row in part["row"]],
            # BCa bounds need not enclose the estimate
            xerr=np.maximum([part["difference"] - low, high - part["difference"]], 0),
            fmt=METHOD_MARKERS[other],
            ms=3.2,
            color=METHOD_COLOURS[other],
            elinewidth=0.9,
            label=other,
            zorder=3,
        )
    ax.axvline(0, color=QUIET, lw=0.7, zorder=1)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.grid(axis="x")
    return ax


def figure_differences(differences: pd.DataFrame, *, labels: Labels | None = None) -> Figure:
    """Compose the forest plot of one corpus and extraction: a panel per task, a row per model.

    Parameters
    ----------
    differences
        What :func:`neuronxa.statistics.differences.compare_methods` returns, of one corpus and
        extraction. Pearson's, of the mean over layers, without the pivot, are drawn.
    labels
        Names to show.

    Raises
    ------
    StatisticsError
        If no row is left.
    """
    labels = labels or Labels()
    kept = differences.loc[
        (differences["coefficient"] == "pearson")
        & (differences["reduction"] == "mean")
        & ~differences["pivot_included"]
    ]
    if kept.empty:
        raise StatisticsError(
            "no difference of Pearson correlations of the mean over layers",
            where="differences",
            remedy="check that models and languages of the task scores are those of the run",
        )
    corpus, method = labels.corpus(single(kept, "corpus")), single(kept, "method")
    single(kept, "extraction")
    kept = kept.assign(row=kept["model"].map(labels.model))
    models = list(dict.fromkeys(kept["row"]))
    panels = list(kept.groupby(["task", "metric"], sort=False))
    columns = min(len(panels), 2 if len(panels) == 4 else 3)
    count = -(-len(panels) // columns)
    with styled():
        figure = new_figure(PAGE_WIDTH, max(1.9, 0.75 + (0.45 + 0.42 * len(models)) * count))
        grid = figure.subplots(count, columns, squeeze=False, sharex=True, sharey=True)
        for ax in grid.flat[len(panels) :]:
            ax.remove()
        for index, (ax, ((task, metric), part)) in enumerate(zip(grid.flat, panels, strict=False)):
            plot_differences(part, ax=ax, rows=models)
            ax.set_title(labels.task(str(task)), pad=12)
            ax.text(0.0, 1.02, metric, transform=ax.transAxes, fontsize=SMALL_TEXT, va="bottom")
            if index + columns >= len(panels):
                ax.set_xlabel(f"{SYMBOL['pearson']} of {method} less that of the other")
                ax.tick_params(labelbottom=True)
        handles, names = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
        figure.suptitle(f"{corpus} · mean over layers, without the pivot", x=0.01, ha="left")
    return figure
