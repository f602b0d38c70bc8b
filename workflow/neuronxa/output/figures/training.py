"""The loss of a fine-tuning, step by step."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neuronxa.downstream.nli.pairs import LABELS
from neuronxa.output.labels import Labels
from neuronxa.output.style import COLUMN_WIDTH, QUIET, SMALL_TEXT, new_figure, styled

SMOOTHED: Final = 0.05
"""Share of the steps that the running mean is taken over."""
FEWEST: Final = 5
"""Steps that the running mean is taken over at least."""
POINTS: Final = "0.7"
GUESSING: Final = float(np.log(len(LABELS)))


def plot_training(curve: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the loss of each step, its running mean, and the loss of uniform guessing.

    Parameters
    ----------
    curve
        Columns ``step`` and ``loss``, as `neuronxa.downstream.nli.training` writes them.
    ax
        Axes to draw on.
    """
    window = max(FEWEST, round(SMOOTHED * len(curve)))
    mean = curve["loss"].rolling(window, center=True, min_periods=1).mean()
    ax.plot(curve["step"], curve["loss"], ls="", marker=".", markersize=2.5, color=POINTS, zorder=2)
    ax.plot(curve["step"], mean, color="#0072B2", zorder=3, label=f"mean of {window} steps")
    ax.axhline(GUESSING, color=QUIET, lw=0.8, ls=(0, (4, 3)), zorder=1, label="guessing (ln 3)")
    # single bad steps may lie above; they must not flatten the rest
    ax.set_ylim(0, 1.1 * max(GUESSING, float(mean.max())))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(axis="y")
    return ax


def figure_training(
    curve: pd.DataFrame, *, model: str, task: str, labels: Labels | None = None
) -> Figure:
    """Compose the training curve of one model on one task.

    Parameters
    ----------
    curve
        As in :func:`plot_training`.
    model, task
        Slugs.
    labels
        Names to show.
    """
    labels = labels or Labels()
    with styled():
        figure = new_figure(COLUMN_WIDTH, 2.2)
        ax = plot_training(curve, ax=figure.subplots())
        ax.set_xlabel("step")
        ax.set_ylabel("cross-entropy")
        figure.legend(loc="outside lower center", ncols=2, fontsize=SMALL_TEXT)
        figure.suptitle(f"{labels.model(model)} · {labels.task(task)}", x=0.01, ha="left")
    return figure
