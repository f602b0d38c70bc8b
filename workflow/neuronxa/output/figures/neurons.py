"""The census of neurons by layer: how many languages activate them, which ones LAPE selects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neuronxa.neurons.lape import Kind
from neuronxa.neurons.summaries import layer_census
from neuronxa.output.labels import Labels, single
from neuronxa.output.style import PAGE_WIDTH, SMALL_TEXT, message_figure, new_figure, styled

# From the bottom; the inactive ones are what is missing to 100%.
STACK: Final[tuple[Kind, ...]] = ("agnostic", "related", "specific")
COLOURS: Final[Mapping[str, str]] = {
    "agnostic": "#0072B2",
    "related": "#56B4E9",
    "specific": "#D55E00",
    "selected": "#CC79A7",
    "agreement": "#009E73",
    "kappa": "#E69F00",
}
HATCHES: Final[Mapping[str, str]] = {"agnostic": "", "related": "////", "specific": "...."}
NAMES: Final[Mapping[str, str]] = {
    "agnostic": "in all languages",
    "related": "in several",
    "specific": "in one",
    "agreement": "correlation",
    "kappa": "kappa",
}


def plot_kinds(census: pd.DataFrame, *, ax: Axes) -> Axes:
    """Stack the shares of active neurons by layer.

    Parameters
    ----------
    census
        Rows of one site: ``layer, neurons`` and a column per kind.
    ax
        Axes to draw on.
    """
    below = pd.Series(0.0, index=census.index)
    for kind in STACK:
        share = 100 * census[kind] / census["neurons"]
        ax.bar(
            census["layer"],
            share,
            bottom=below,
            width=0.86,
            color=COLOURS[kind],
            hatch=HATCHES[kind],
            linewidth=0,
            label=NAMES[kind],
        )
        below += share
    ax.set_ylim(0, min(100, max(1.0, 1.05 * float(below.max()))))
    return _layers(ax)


def plot_selected(census: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the number of neurons that LAPE selects in each layer."""
    ax.bar(census["layer"], census["selected"], width=0.86, color=COLOURS["selected"], linewidth=0)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(0, max(1.0, 1.05 * float(census["selected"].max())))
    return _layers(ax)


def plot_agreement(census: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the mean agreement of a layer's neurons over translations."""
    for name, marker in (("agreement", "o"), ("kappa", "s")):
        ax.plot(
            census["layer"],
            census[name],
            color=COLOURS[name],
            marker=marker,
            markersize=2.5,
            label=NAMES[name],
        )
    values = census[["agreement", "kappa"]]
    if values.notna().any(axis=None):
        low, high = float(values.min().min()), float(values.max().max())
        ax.set_ylim(min(0.0, 1.1 * low), max(0.05, 1.1 * high))
    return _layers(ax)


def _layers(ax: Axes) -> Axes:
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(axis="y")
    return ax


def figure_neurons(
    neurons: pd.DataFrame, languages: pd.DataFrame, *, labels: Labels | None = None
) -> Figure:
    """Compose the census of one model, a row per site.

    Parameters
    ----------
    neurons
        Rows of ``neurons.parquet`` of one model, corpus and extraction.
    languages
        Rows of ``languages.parquet`` of the same run: which languages were counted.
    labels
        Names to show.

    Returns
    -------
    Figure
        Kinds of neurons, selected neurons and agreement by layer, counted from 0; a message where
        fewer than two languages were counted.
    """
    labels = labels or Labels()
    title = f"{labels.model(single(neurons, 'model'))} · {labels.corpus(single(neurons, 'corpus'))}"
    count = languages.loc[languages["tokens"] > 0, "language"].nunique()
    if count < 2:
        return message_figure(
            "Which languages a neuron belongs to cannot be told from fewer than two.", title=title
        )
    census = layer_census(neurons)
    sites = census["site"].unique()
    with styled():
        figure = new_figure(PAGE_WIDTH, 0.6 + 1.9 * len(sites))
        figure.suptitle(title, x=0.01, ha="left")
        grid = figure.subplots(len(sites), 3, squeeze=False, width_ratios=(1.25, 1, 1))
        for row, site in zip(grid, sites, strict=True):
            part = census.loc[census["site"] == site]
            plot_kinds(part, ax=row[0])
            row[0].set_title("active" if len(sites) == 1 else f"active ({site})")
            row[0].set_ylabel("share of neurons (%)")
            plot_selected(part, ax=row[1])
            row[1].set_title("LAPE")
            row[1].set_ylabel("selected neurons")
            plot_agreement(part, ax=row[2])
            row[2].set_title("translations")
            row[2].set_ylabel("mean agreement")
            notes = (
                f"{count} languages",
                f"{part['selected'].sum()} of {part['neurons'].sum()}",
                "with the pivot",
            )
            for ax, note in zip(row, notes, strict=True):
                ax.set_title(note, loc="right", fontsize=SMALL_TEXT, fontweight="normal")
        for ax in grid[-1]:
            ax.set_xlabel("layer")
        handles, names = grid[0, 0].get_legend_handles_labels()
        others = grid[0, 2].get_legend_handles_labels()
        figure.legend(
            [*handles, *others[0]],
            [*names, *others[1]],
            loc="outside lower center",
            ncols=5,
            fontsize=SMALL_TEXT,
        )
    return figure
