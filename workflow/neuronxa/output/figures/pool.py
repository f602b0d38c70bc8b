"""Scores against the number of sentences in the pool, with chance and re-paired translations."""

from __future__ import annotations

from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from neuronxa.alignment.methods import METHODS, Site
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

PANELS: Final = {"mu": "both directions (μ)", "top1": "one direction (top-1)"}
MIDDLE: Final = (0.25, 0.75)
"""Quantiles of the languages that the whiskers lie between."""
STEP: Final = 1.03
"""Factor from one method's place on the axis to the next one's."""


def pool_curves(pool: pd.DataFrame, *, site: Site) -> pd.DataFrame:
    """Average the scores of each method and size over languages.

    Top-1 is the mean of both directions. A size that fewer than half of the languages have is left
    out, so that a curve does not change its languages from point to point.

    Parameters
    ----------
    pool
        What :func:`neuronxa.controls.pool.pool_frames` returns.
    site
        FFN site of NASCA and NAVCA.

    Returns
    -------
    pandas.DataFrame
        Columns ``method, measure, shuffled, n, value, low, high, languages, chance``; ``low`` and
        ``high`` are the quartiles over languages.
    """
    names = {method.at(site): name for name, method in METHODS.items()}
    kept = pool.loc[pool["representation"].isin(names)]
    keys = ["method", "measure", "shuffled", "n"]
    per_language = (
        kept.assign(method=kept["representation"].map(names))
        .groupby([*keys, "language"])[["value", "chance"]]
        .mean()
    )
    grouped = per_language.groupby(keys)
    low, high = (grouped["value"].quantile(share) for share in MIDDLE)
    curves = pd.DataFrame(
        {
            "value": grouped["value"].mean(),
            "low": low,
            "high": high,
            "languages": grouped.size(),
            "chance": grouped["chance"].first(),
        }
    ).reset_index()
    return curves.loc[2 * curves["languages"] >= kept["language"].nunique()].reset_index(drop=True)


def plot_pool(data: pd.DataFrame, *, ax: Axes, top: float | None = None) -> Axes:
    """Draw one measure: a line per method with whiskers, re-paired translations, chance.

    Parameters
    ----------
    data
        Rows of one measure of :func:`pool_curves`.
    ax
        Axes to draw on.
    top
        Upper end of the axis, where several panels share it.
    """
    present = [name for name in METHODS if name in set(data["method"])]
    for place, name in enumerate(present):
        rows = data.loc[data["method"] == name].sort_values("n")
        true, shuffled = rows.loc[~rows["shuffled"]], rows.loc[rows["shuffled"]]
        colour = METHOD_COLOURS[name]
        # Methods stand beside each other, so that whiskers do not cover each other.
        beside = STEP ** (place - (len(present) - 1) / 2)
        places = true["n"] * beside
        # Of skewed languages the mean may lie outside the middle half.
        ax.vlines(places, true["low"], true["high"], color=colour, lw=0.6, zorder=2)
        ax.plot(
            places,
            true["value"],
            color=colour,
            marker=METHOD_MARKERS[name],
            markersize=3,
            zorder=3,
            label=name,
        )
        ax.plot(shuffled["n"], shuffled["value"], color=colour, lw=0.8, ls=":", zorder=2)
    chance = data.drop_duplicates("n").sort_values("n")
    ax.plot(
        chance["n"],
        chance["chance"],
        color=QUIET,
        lw=0.8,
        ls=(0, (4, 3)),
        zorder=2,
        label="chance",
    )
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator([float(n) for n in chance["n"]]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.set_ylim(0, top or headroom(data))
    ax.grid(axis="y")
    return ax


def headroom(data: pd.DataFrame) -> float:
    """Return the upper end of the axis: a little above the highest whisker, never far above 1."""
    return min(1.02, max(0.1, 1.05 * float(data[["value", "high"]].max().max())))


def figure_pool(pool: pd.DataFrame, *, site: Site, labels: Labels | None = None) -> Figure:
    """Compose the dependence on n of one model, a panel for mu and one for top-1.

    Parameters
    ----------
    pool
        What :func:`neuronxa.controls.pool.pool_frames` returns for one run.
    site
        FFN site of NASCA and NAVCA.
    labels
        Names to show.

    Returns
    -------
    Figure
        Where the languages of a corpus of pairs have too different numbers of sentences, a figure
        that says so.
    """
    labels = labels or Labels()
    title = f"{labels.model(single(pool, 'model'))} · {labels.corpus(single(pool, 'corpus'))}"
    curves = pool_curves(pool, site=site)
    if curves.empty:
        text = "half of the languages share no number of sentences to draw"
        return message_figure(text, title=title)
    with styled():
        figure = new_figure(PAGE_WIDTH, 2.7)
        grid = figure.subplots(1, len(PANELS), sharey=True)
        for ax, (measure, name) in zip(grid, PANELS.items(), strict=True):
            part = curves.loc[curves["measure"] == measure]
            plot_pool(part, ax=ax, top=headroom(curves))
            ax.set_title(name)
            note = f"{int(part['languages'].max())} languages, whiskers: middle half"
            ax.set_title(note, loc="right", fontsize=SMALL_TEXT, fontweight="normal")
            ax.set_xlabel("sentences in the pool (n)")
        grid[0].set_ylabel("share found (mean over layers)")
        handles, names = grid[0].get_legend_handles_labels()
        handles.append(Line2D([], [], color=QUIET, lw=0.8, ls=":"))
        names.append("re-paired at random")
        figure.legend(
            handles, names, loc="outside lower center", ncols=len(names), fontsize=SMALL_TEXT
        )
        figure.suptitle(title, x=0.01, ha="left")
    return figure
