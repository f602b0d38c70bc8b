"""Predicted task scores of all languages, with intervals and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from neuronxa.alignment.methods import Reduction
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

if TYPE_CHECKING:
    from neuronxa.languages import Language

COLUMNS: Final = ((30, 1), (80, 2), (150, 3))
"""Up to so many languages stand in so many columns; more in four."""
ROW: Final = 0.125
"""Height of a language (inch)."""


def plot_predictions(
    data: pd.DataFrame,
    *,
    ax: Axes,
    names: Mapping[str, str],
    colour: str = "#0072B2",
    chance: float | None = None,
) -> Axes:
    """Draw a row per language: prediction and interval, and the measured score.

    Parameters
    ----------
    data
        Columns ``language, predicted, low, high, extrapolated, measured``, from top to bottom.
    ax
        Axes to draw on.
    names
        Language code to the name written beside the axis.
    colour
        Colour of predictions; extrapolated ones are hollow, their bars broken.
    chance
        Chance level of the task, a dashed line.
    """
    y = np.arange(len(data))
    for outside in (False, True):
        part = (data["extrapolated"] == outside).to_numpy()
        rows = data.loc[part]
        if rows.empty:
            continue
        ax.hlines(
            y[part],
            rows["low"],
            rows["high"],
            color=colour,
            alpha=0.45,
            lw=1.6 if not outside else 1.1,
            ls=(0, (2, 1.2)) if outside else "-",
            zorder=2,
        )
        ax.scatter(
            rows["predicted"],
            y[part],
            s=9,
            facecolors="white" if outside else colour,
            edgecolors=colour,
            linewidths=0.7,
            zorder=3,
            label="predicted, extrapolated" if outside else "predicted",
        )
    if data["measured"].notna().any():
        ax.scatter(
            data["measured"],
            y,
            s=12,
            marker="x",
            color=INK,
            linewidths=0.8,
            zorder=4,
            label="measured",
        )
    if chance is not None and np.isfinite(chance):
        ax.axvline(chance, color=QUIET, lw=0.7, ls=(0, (4, 3)), zorder=1, label="chance")
    ax.set_yticks(y, [names[code] for code in data["language"]], fontsize=SMALL_TEXT - 0.5)
    ax.set_ylim(len(data) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, pad=2)
    ax.grid(axis="x")
    return ax


def figure_predictions(
    predictions: pd.DataFrame,
    fits: pd.DataFrame,
    *,
    task: str,
    metric: str,
    languages: Mapping[str, Language],
    method: str = "NASCA",
    reduction: Reduction = "mean",
    confidence: float = 0.95,
    labels: Labels | None = None,
) -> Figure:
    """Compose the predictions of one task, languages from the best prediction to the worst.

    Parameters
    ----------
    predictions, fits
        What :func:`neuronxa.statistics.prediction.predict_scores` returns, of one run.
    task, metric
        Which task.
    languages
        Code to language; gives the name, where there is room for it.
    method, reduction
        Whose predictions are shown.
    confidence
        Level of the intervals, for the legend.
    labels
        Names to show.

    Returns
    -------
    Figure
        The reading of the line stands under the title; without predictive value the predictions
        are grey. Where there is no line, a figure that says why.
    """
    labels = labels or Labels()
    title = f"{labels.model(single(predictions, 'model'))} · " + labels.corpus(
        single(predictions, "corpus")
    )
    wanted = [task, metric, method, reduction]
    data, fit = (
        frame.loc[(frame[["task", "metric", "method", "reduction"]] == wanted).all(axis=1)]
        for frame in (predictions, fits)
    )
    name = f"{labels.task(task)} ({metric})"
    if fit.empty:
        return message_figure(f"{name}: no {method} ({reduction} over layers)", title=title)
    words, n = str(fit["reading"].iloc[0]), int(fit["n"].iloc[0])
    if not data["predicted"].notna().any():
        return message_figure(f"{name} by {method}: {words}", title=title)
    data = data.sort_values(["predicted", "language"], ascending=[False, True], kind="stable")
    count = next((columns for most, columns in COLUMNS if len(data) <= most), 4)
    per_column = -(-len(data) // count)
    codes = short_codes(data["language"])
    if count <= 2:
        codes = {code: languages[code].name for code in codes}
    colour = METHOD_COLOURS.get(method, "#0072B2") if fit["useful"].iloc[0] else "0.55"
    with styled():
        figure = new_figure(PAGE_WIDTH, 1.15 + ROW * max(per_column, 5))
        grid = figure.subplots(1, count, sharex=True, squeeze=False)[0]
        for place, ax in enumerate(grid):
            part = data.iloc[place * per_column : (place + 1) * per_column]
            if part.empty:
                ax.remove()
                continue
            chance = float(data["chance"].mean())
            plot_predictions(part, ax=ax, names=codes, colour=colour, chance=chance)
            ax.set_ylim(per_column - 0.4, -0.6)
        figure.suptitle(
            f"{title}\n{name}, by {method} ({reduction} over layers), line through {n} languages\n"
            + words[0].upper()
            + words[1:],
            x=0.01,
            ha="left",
            fontsize=7,
        )
        interval = Line2D([], [], color=colour, alpha=0.45, lw=1.6)
        found = {f"{confidence:.0%} prediction interval": interval}
        for ax in figure.axes:
            found |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        figure.legend(
            found.values(),
            found.keys(),
            loc="outside lower center",
            ncols=len(found),
            fontsize=SMALL_TEXT,
        )
    return figure
