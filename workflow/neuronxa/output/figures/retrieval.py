"""Bars of sentence retrieval by direction: embeddings against neurons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuronxa.alignment.methods import Site
from neuronxa.errors import StatisticsError
from neuronxa.output.labels import REPRESENTATIONS, Labels, short_codes, single
from neuronxa.output.style import (
    COLUMN_WIDTH,
    INK,
    PAGE_WIDTH,
    QUIET,
    REPRESENTATION_COLOURS,
    SMALL_TEXT,
    new_figure,
    styled,
)
from neuronxa.statistics.summaries import At, retrieval_summary

if TYPE_CHECKING:
    from neuronxa.languages import Language

DIRECTIONS: Final = ("pivot_to_other", "other_to_pivot", "both")
# Hatching tells the bars apart without colour.
HATCHES: Final[Mapping[str, str]] = {"hidden": "", "nas": "////", "nav": "...."}
WIDTH: Final = 0.27


def plot_retrieval(
    data: pd.DataFrame,
    *,
    ax: Axes,
    pivot: str = "eng",
    chance: Sequence[float] | None = None,
) -> Axes:
    """Draw grouped bars with intervals, a group per direction and a bar per representation.

    Parameters
    ----------
    data
        Rows of one group of languages: columns ``representation, direction, value, low, high``.
    ax
        Axes to draw on.
    pivot
        Code of the pivot as the labels show it.
    chance
        Chance levels of one direction and of both directions.
    """
    names = [name for name in REPRESENTATIONS if name in set(data["representation"])]
    indexed = data.set_index(["representation", "direction"])
    for place, name in enumerate(names):
        rows = 100 * indexed.loc[name, ["value", "low", "high"]].reindex(DIRECTIONS)
        at = [group + (place - (len(names) - 1) / 2) * WIDTH for group in range(len(DIRECTIONS))]
        ax.bar(
            at,
            rows["value"],
            width=WIDTH * 0.94,
            color=REPRESENTATION_COLOURS[name],
            hatch=HATCHES[name],
            linewidth=0,
            label=REPRESENTATIONS[name],
        )
        ax.errorbar(
            at,
            rows["value"],
            yerr=[rows["value"] - rows["low"], rows["high"] - rows["value"]],
            fmt="none",
            ecolor=INK,
            elinewidth=0.7,
            capsize=1.6,
            capthick=0.7,
        )
        for x, value, high in zip(at, rows["value"], rows["high"], strict=True):
            top = value if math.isnan(high) else high
            if not math.isnan(value):
                ax.annotate(
                    f"{value:.0f}",
                    (x, top),
                    xytext=(0, 1.5),
                    textcoords="offset points",
                    ha="center",
                    fontsize=SMALL_TEXT - 0.5,
                )
    if chance is not None:
        for group, level in zip(range(3), (chance[0], chance[0], chance[1]), strict=True):
            ax.hlines(100 * level, group - 0.45, group + 0.45, color=QUIET, lw=0.8, ls=(0, (3, 2)))
    ax.set_xticks(range(len(DIRECTIONS)), [f"{pivot} → xx", f"xx → {pivot}", "both (μ)"])
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.55, len(DIRECTIONS) - 0.45)
    ax.grid(axis="y")
    return ax


def figure_retrieval(
    scores: pd.DataFrame,
    *,
    pivot: str,
    site: Site,
    languages: Mapping[str, Language],
    at: At = "mean",
    confidence: float = 0.95,
    labels: Labels | None = None,
) -> Figure:
    """Compose the retrieval bars of one model, head and long-tail languages side by side.

    Parameters
    ----------
    scores
        Alignment scores of one model, corpus and extraction.
    pivot
        Language code.
    site
        FFN site of NAS and NAV.
    languages
        Code to language; gives the class.
    at
        ``mean`` over layers, or the ``peak`` layer of each representation; the axis label and the
        legend say which.
    confidence
        Level of the intervals.
    labels
        Names to show.

    Raises
    ------
    StatisticsError
        If the scores hold no retrieval with the pivot.
    """
    labels = labels or Labels()
    summary = retrieval_summary(
        scores, pivot=pivot, site=site, languages=languages, at=at, confidence=confidence
    )
    if summary.empty:
        raise StatisticsError(
            f"no retrieval scores with the pivot '{pivot}' ({at})",
            where="alignment scores",
            remedy="check that the run has measures top1 and mu for its pivot",
        )
    present = [group for group in ("head", "long-tail") if group in set(summary["group"])]
    n = int(summary["n"].min())
    code = short_codes([*scores["source"].unique(), pivot])[pivot]
    title = f"{labels.model(single(scores, 'model'))} · {labels.corpus(single(scores, 'corpus'))}"
    where = "mean over layers" if at == "mean" else "peak layer"
    with styled():
        figure = new_figure(PAGE_WIDTH if len(present) > 1 else COLUMN_WIDTH, 2.6)
        grid = figure.subplots(1, len(present), squeeze=False, sharey=True)
        for ax, group in zip(grid.flat, present, strict=True):
            part = summary.loc[summary["group"] == group]
            plot_retrieval(part, ax=ax, pivot=code, chance=(1 / n, 1 / (2 * n - 1)))
            count = int(part["n_languages"].max())
            ax.set_title(group)
            note = f"{count} language{'s' if count > 1 else ''}, n = {n} sentences"
            ax.set_title(note, loc="right", fontsize=SMALL_TEXT, fontweight="normal")
        top = float(summary[["value", "high"]].max().max())
        grid.flat[0].set_ylim(0, 100 * min(1.08, 1.12 * max(top, 0.05)))
        grid.flat[0].set_ylabel(f"retrieval accuracy (%, {where})")
        handles, names = grid.flat[0].get_legend_handles_labels()
        if at == "peak":
            layers = summary.drop_duplicates("representation").set_index("representation")["layer"]
            peaks = {REPRESENTATIONS[str(key)]: int(layer) for key, layer in layers.items()}
            names = [f"{name} (layer {peaks[name]})" for name in names]
        figure.legend(
            handles, names, loc="outside lower center", ncols=len(names), fontsize=SMALL_TEXT
        )
        figure.suptitle(title, x=0.01, ha="left")
    return figure
