"""The correlation with a task under one changed setting at a time, a panel per setting."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from neuronxa.alignment.methods import METHODS
from neuronxa.output.figures.correlations import SYMBOL
from neuronxa.output.labels import Labels, single
from neuronxa.output.style import (
    METHOD_COLOURS,
    METHOD_MARKERS,
    PAGE_WIDTH,
    QUIET,
    SMALL_TEXT,
    message_figure,
    new_figure,
    styled,
)
from neuronxa.output.tables.ablation import SETTING_NAMES
from neuronxa.statistics.ablation import ALL_PAIRS
from neuronxa.statistics.coefficients import Coefficient

BESIDE: Final = 0.13
"""Distance of the methods of one level, of 1 between levels."""
MANY: Final = 10
"""From so many levels on intervals are bands."""


def plot_ablation(data: pd.DataFrame, *, ax: Axes, labels: Labels | None = None) -> Axes:
    """Draw one setting: a correlation with its interval for each level and method.

    Parameters
    ----------
    data
        Rows of one setting, coefficient, task and metric.
    ax
        Axes to draw on.
    labels
        Names of corpora.
    """
    labels = labels or Labels()
    setting = single(data, "setting")
    places = level_places(setting, list(dict.fromkeys(data["level"])))
    present = [name for name in METHODS if name in set(data["method"])]
    for rank, method in enumerate(present):
        rows = data.loc[(data["method"] == method) & data["estimate"].notna()]
        x = rows["level"].map(places).to_numpy(dtype=np.float64)
        colour = METHOD_COLOURS[method]
        if len(places) > MANY:
            ax.fill_between(x, rows["low"], rows["high"], color=colour, alpha=0.10, lw=0, zorder=1)
            ax.plot(x, rows["estimate"], color=colour, zorder=3, label=method)
            continue
        ordered = setting == "pairs"
        step = BESIDE * (min(np.diff(sorted(places.values()))) if len(places) > 1 else 1)
        ax.errorbar(
            x + (rank - (len(present) - 1) / 2) * step,
            rows["estimate"],
            yerr=[rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]],
            fmt=METHOD_MARKERS[method] + ("-" if ordered else ""),
            ms=3.2,
            lw=0.8,
            color=colour,
            elinewidth=0.8,
            zorder=3,
            label=method,
        )
    ax.axhline(0, color=QUIET, lw=0.7, zorder=1)
    if len(places) <= MANY:
        names = [labels.corpus(name) if setting == "corpus" else name for name in places]
        ax.set_xticks(list(places.values()), names)
        if setting != "pairs":
            ax.set_xlim(-0.5, len(places) - 0.5)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.grid(axis="y")
    return ax


def level_places(setting: str, levels: list[str]) -> dict[str, float]:
    """Place levels on the axis: pairs by their logarithm, layers by number, others in order."""
    if setting == "layer":
        return {level: float(level) for level in levels}
    if setting == "pairs":
        sizes = [float(level) for level in levels if level != ALL_PAIRS]
        # all sentences, of languages that have different numbers, stand one step to the right
        places = {level: np.log10(float(level)) for level in levels if level != ALL_PAIRS}
        return places | ({ALL_PAIRS: np.log10(max(sizes) * 1.5)} if ALL_PAIRS in levels else {})
    return {level: float(place) for place, level in enumerate(levels)}


def figure_ablations(
    ablations: pd.DataFrame,
    *,
    task: str,
    metric: str,
    coefficient: Coefficient = "pearson",
    confidence: float = 0.95,
    labels: Labels | None = None,
) -> Figure:
    """Compose the ablations of one model, corpus and task.

    Parameters
    ----------
    ablations
        What :func:`neuronxa.statistics.ablation.ablate` returns, of one model and corpus.
    task, metric
        Which task.
    coefficient
        ``pearson`` or ``spearman``.
    confidence
        Level of the intervals, for the title.
    labels
        Names to show.

    Returns
    -------
    Figure
        Where no correlation is defined, a figure that says so.
    """
    labels = labels or Labels()
    name = f"{labels.task(task)} ({metric})"
    title = f"{labels.model(single(ablations, 'model'))} · " + labels.corpus(
        single(ablations, "corpus")
    )
    kept = ablations.loc[
        (ablations["task"] == task)
        & (ablations["metric"] == metric)
        & (ablations["coefficient"] == coefficient)
    ]
    settings = [
        setting
        for setting in SETTING_NAMES
        if kept.loc[kept["setting"] == setting, "estimate"].notna().any()
    ]
    if not settings:
        said = kept["message"].iloc[0] if len(kept) else "no setting has two levels"
        return message_figure(f"{name}: {said}", title=title)
    columns = min(len(settings), 2)
    rows = -(-len(settings) // columns)
    low = float(np.nanmin(kept["low"]))
    with styled():
        figure = new_figure(PAGE_WIDTH, 0.75 + 1.9 * rows)
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for ax in grid.flat[len(settings) :]:
            ax.remove()
        for ax, setting in zip(grid.flat, settings, strict=False):
            part = kept.loc[kept["setting"] == setting]
            plot_ablation(part, ax=ax, labels=labels)
            ax.set_title(SETTING_NAMES[setting])
            least, most = int(part["n"].min()), int(part["n"].max())
            count = f"{least}" if least == most else f"{least}–{most}"
            ax.set_title(
                f"{count} languages", loc="right", fontsize=SMALL_TEXT, fontweight="normal"
            )
            ax.set_ylim(max(-1.03, min(-0.05, low - 0.05)), 1.03)
        for ax in grid[:, 0]:
            ax.set_ylabel(SYMBOL[coefficient])
        figure.suptitle(f"{title}\n{name}, {confidence:.0%} intervals", x=0.01, ha="left")
        found: dict[str, Artist] = {}
        for ax in figure.axes:
            found |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        ordered = [method for method in METHODS if method in found]
        figure.legend(
            [found[method] for method in ordered],
            ordered,
            loc="outside lower center",
            ncols=len(ordered),
            fontsize=SMALL_TEXT,
        )
    return figure
