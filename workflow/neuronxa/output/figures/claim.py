"""Figure of what each correlation could have shown: noise ceiling, power, published value."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuronxa.alignment.methods import METHODS
from neuronxa.errors import StatisticsError
from neuronxa.output.figures.correlations import SYMBOL
from neuronxa.output.labels import Labels
from neuronxa.output.style import (
    FAINT,
    INK,
    METHOD_COLOURS,
    METHOD_MARKERS,
    PAGE_WIDTH,
    QUIET,
    new_figure,
    styled,
)
from neuronxa.statistics.claim import AT_CHANCE


def plot_claim(data: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw a row per method with all that bounds its correlation.

    Parameters
    ----------
    data
        Columns ``method, estimate, low, high, ceiling, detectable, published, verdict``, a row per
        method.
    ax
        Axes to draw on.
    """
    methods = [name for name in METHODS if name in set(data["method"])]
    for y, method in enumerate(methods):
        row = data.loc[data["method"] == method].iloc[0]
        colour = METHOD_COLOURS[method]
        if np.isfinite(row["ceiling"]):
            ax.barh(y, row["ceiling"], height=0.62, color=FAINT, zorder=1)
        if np.isfinite(row["estimate"]):
            ax.errorbar(
                row["estimate"],
                y,
                xerr=[[row["estimate"] - row["low"]], [row["high"] - row["estimate"]]],
                fmt=METHOD_MARKERS[method],
                ms=3.6,
                color=colour,
                mfc="white" if row["verdict"] == AT_CHANCE else colour,
                elinewidth=0.9,
                zorder=3,
            )
        if np.isfinite(row["detectable"]):
            ax.plot([row["detectable"]] * 2, [y - 0.4, y + 0.4], ":", color=INK, lw=0.9, zorder=2)
        if np.isfinite(row["published"]):
            ax.plot(row["published"], y, "x", ms=4.2, mew=1.1, color=INK, zorder=4)
    ax.axvline(0, color=QUIET, lw=0.7, zorder=1)
    ax.set_yticks(range(len(methods)), methods)
    ax.set_ylim(len(methods) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    return ax


def figure_claim(claim: pd.DataFrame, *, labels: Labels | None = None) -> Figure:
    """Compose a panel per model, corpus, extraction, task and metric, without the pivot.

    Parameters
    ----------
    claim
        What :func:`neuronxa.statistics.claim.claim_frame` returns.
    labels
        Names to show.

    Raises
    ------
    StatisticsError
        If there is no Pearson correlation of the mean over layers.
    """
    labels = labels or Labels()
    kept = claim.loc[
        (claim["coefficient"] == "pearson")
        & (claim["reduction"] == "mean")
        & ~claim["pivot_included"]
    ]
    if kept.empty:
        raise StatisticsError(
            "no Pearson correlation of the mean over layers",
            where="claim",
            remedy="check that models and languages of the task scores are those of the run",
        )
    keys = ["corpus", "extraction", "task", "metric", "model"]
    panels = list(kept.groupby(keys, sort=False))
    several = kept[["corpus", "extraction"]].drop_duplicates().shape[0] > 1
    columns = min(len(panels), kept["model"].nunique() if kept["model"].nunique() in (2, 3) else 3)
    count = -(-len(panels) // columns)
    with styled():
        figure = new_figure(PAGE_WIDTH, 0.5 + 1.15 * count)
        grid = figure.subplots(count, columns, squeeze=False, sharex=True)
        for ax in grid.flat[len(panels) :]:
            ax.remove()
        for ax, (key, part) in zip(grid.flat, panels, strict=False):
            corpus, extraction, task, metric, model = map(str, key)
            plot_claim(part, ax=ax)
            run = f"{labels.corpus(corpus)}, {extraction}: " if several else ""
            ax.set_title(f"{run}{labels.model(model)}\n{labels.task(task)}, {metric}", fontsize=7)
        for ax in grid.flat[max(0, len(panels) - columns) : len(panels)]:
            ax.set_xlabel(f"{SYMBOL['pearson']} over languages")
            ax.tick_params(labelbottom=True)
        low = float(np.nan_to_num(kept["low"].min(), nan=0.0))
        grid.flat[0].set_xlim(min(-0.05, low - 0.03), 1.03)
    return figure
