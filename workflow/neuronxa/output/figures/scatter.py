"""Scatter of alignment against a task score, with the line that fits it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from neuronxa.alignment.methods import METHODS, Reduction
from neuronxa.errors import StatisticsError
from neuronxa.output.figures.names import write_names
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
from neuronxa.statistics.correlation import correlate
from neuronxa.statistics.fit import fit_line
from neuronxa.statistics.points import LEAST_POINTS

if TYPE_CHECKING:
    from neuronxa.languages import Language


def points(
    method_scores: pd.DataFrame,
    downstream: pd.DataFrame,
    *,
    method: str,
    reduction: Reduction,
    task: str,
    metric: str,
) -> pd.DataFrame:
    """Join one method's scores with one task's, keeping languages that have both.

    Returns
    -------
    pandas.DataFrame
        Columns ``language, x, y, chance``; x is the alignment, y the task score.
    """
    x = method_scores.loc[
        (method_scores["method"] == method) & (method_scores["reduction"] == reduction)
    ]
    y = downstream.loc[(downstream["task"] == task) & (downstream["metric"] == metric)]
    joined = x.merge(y, on=["model", "language"], suffixes=("_x", "_y"))
    joined = joined.rename(columns={"value_x": "x", "value_y": "y"})
    return joined[["language", "x", "y", "chance"]].dropna(subset=["x", "y"], ignore_index=True)


def draw_points(
    data: pd.DataFrame, *, ax: Axes, colour: str, long_tail: Sequence[str] = ()
) -> None:
    """Draw languages as discs, those of the long tail as triangles."""
    tail = data["language"].isin(list(long_tail))
    for part, marker, name in ((data.loc[~tail], "o", "head"), (data.loc[tail], "^", "long-tail")):
        if len(part):
            ax.scatter(
                part["x"],
                part["y"],
                s=13,
                marker=marker,
                color=colour,
                alpha=0.85,
                linewidths=0,
                zorder=3,
                label=name,
            )


def plot_scatter(
    data: pd.DataFrame,
    *,
    ax: Axes,
    pivot: str | None = None,
    colour: str = "#0072B2",
    codes: Mapping[str, str] | None = None,
    long_tail: Sequence[str] = (),
    confidence: float = 0.95,
) -> Axes:
    """Draw the points, their names, the line with its confidence band, and the correlations.

    Parameters
    ----------
    data
        Columns ``language, x, y`` and perhaps ``chance``.
    ax
        Axes to draw on.
    pivot
        Language drawn hollow and left out of the line and the correlations.
    colour
        Colour of the points.
    codes
        Language code to the code shown.
    long_tail
        Languages drawn as triangles instead of discs.
    confidence
        Level of the band and of the interval of r.
    """
    shown = codes or short_codes(data["language"])
    is_pivot = data["language"] == pivot
    others = data.loc[~is_pivot]
    draw_points(others, ax=ax, colour=colour, long_tail=long_tail)
    _pad(ax, others if len(others) else data)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))  # small scores have long tick labels
    hollow = data.loc[is_pivot]
    pivots: list[Annotation] = []
    for code, x, y in zip(hollow["language"], hollow["x"], hollow["y"], strict=True):
        pivots.append(_draw_pivot(ax, float(x), float(y), name=shown[code], colour=colour))
    note = f"n = {len(others)}"
    at = line = np.empty(0)
    try:
        r = correlate(others["x"], others["y"], coefficient="pearson", confidence=confidence)
        rho = correlate(others["x"], others["y"], coefficient="spearman")
    except StatisticsError:
        few = len(others) < LEAST_POINTS
        note += "\n" + ("too few for a correlation" if few else "no correlation: constant scores")
    else:
        note = f"r = {r.estimate:.2f} [{r.low:.2f}, {r.high:.2f}]\nρ = {rho.estimate:.2f}, " + note
        at = np.linspace(float(others["x"].min()), float(others["x"].max()), 60)
        line, low, high = fit_line(
            others["x"].to_numpy(), others["y"].to_numpy(), at=at, confidence=confidence
        )
        ax.plot(at, line, color=INK, lw=0.9, zorder=2, label="least squares")
        ax.fill_between(at, low, high, color="0.88", lw=0, zorder=1, label=f"{confidence:.0%} band")
    if "chance" in data and data["chance"].notna().any():
        chance = float(data["chance"].mean())
        low_y, high_y = ax.get_ylim()
        if low_y <= chance <= high_y:
            ax.axhline(chance, color=QUIET, lw=0.7, ls=(0, (4, 3)), zorder=1, label="chance")
    told = ax.annotate(
        note,
        xy=(0.0, 1.0),
        xycoords="axes fraction",
        xytext=(3, -2),
        textcoords="offset points",
        va="top",
        fontsize=SMALL_TEXT,
        color=INK,
        zorder=6,
    )
    # Names keep off the points, the line, the pivot and the note.
    write_names(
        others,
        ax=ax,
        codes=shown,
        avoid_x=np.concatenate([at, [found.xy[0] for found in pivots]]),
        avoid_y=np.concatenate([line, [found.xy[1] for found in pivots]]),
        objects=[told, *pivots],
    )
    return ax


def _draw_pivot(ax: Axes, x: float, y: float, *, name: str, colour: str) -> Annotation:
    """Draw the pivot hollow; far outside the others it stands at the edge with its values."""
    at_x, at_y = _inside(x, ax.get_xlim()), _inside(y, ax.get_ylim())
    ax.scatter(
        at_x,
        at_y,
        s=15,
        facecolors="none",
        edgecolors=colour,
        linewidths=0.9,
        zorder=3,
        label="pivot",
    )
    moved = (at_x, at_y) != (x, y)
    return ax.annotate(
        f"{name} at ({x:.2f}, {y:.2f})" if moved else name,
        (at_x, at_y),
        xytext=(1.0, 1.0) if moved else (0, -4),
        textcoords="axes fraction" if moved else "offset points",
        ha="right" if moved else "center",
        va="top",
        fontsize=SMALL_TEXT - 0.5,
        color="0.25",
        zorder=5,
        arrowprops={"arrowstyle": "-", "color": "0.6", "lw": 0.35, "relpos": (0.95, 0.0)}
        if moved
        else None,
    )


def _inside(value: float, limits: tuple[float, float]) -> float:
    margin = 0.03 * (limits[1] - limits[0])
    return min(max(value, limits[0] + margin), limits[1] - margin)


def _pad(ax: Axes, data: pd.DataFrame) -> None:
    """Leave room for names at the sides and for the note above the points."""
    for axis, values, below, above in (("x", data["x"], 0.08, 0.12), ("y", data["y"], 0.10, 0.28)):
        low, high = float(values.min()), float(values.max())
        span = (high - low) or 0.1
        getattr(ax, f"set_{axis}lim")(low - below * span, high + above * span)


def figure_scatter(
    method_scores: pd.DataFrame,
    downstream: pd.DataFrame,
    *,
    pivot: str,
    task: str,
    metric: str,
    languages: Mapping[str, Language],
    reduction: Reduction = "mean",
    methods: Sequence[str] = tuple(METHODS),
    confidence: float = 0.95,
    labels: Labels | None = None,
) -> Figure:
    """Compose the scatter of one task, a panel per method.

    Parameters
    ----------
    method_scores
        Scores of one model, corpus and extraction.
    downstream
        Task scores; those of other models are ignored.
    pivot
        Language drawn hollow and left out of the line.
    task, metric
        Which task scores.
    languages
        Code to language; gives the class.
    reduction
        ``mean`` or ``max`` over layers.
    methods
        Methods to show; those without scores are left out.
    confidence
        Level of the bands and intervals.
    labels
        Names to show.

    Returns
    -------
    Figure
        Where no language has both scores, a figure that says so.
    """
    labels = labels or Labels()
    model = single(method_scores, "model")
    panels = {
        name: points(
            method_scores, downstream, method=name, reduction=reduction, task=task, metric=metric
        )
        for name in methods
    }
    panels = {name: part for name, part in panels.items() if not part.empty}
    title = f"{labels.model(model)} · {labels.corpus(single(method_scores, 'corpus'))}"
    if not panels:
        text = f"no language has both an alignment score and {labels.task(task)} ({metric})"
        return message_figure(text, title=title)
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    with styled():
        figure = new_figure(PAGE_WIDTH, 0.4 + 2.35 * rows)
        grid = figure.subplots(rows, columns, squeeze=False)
        for ax in grid.flat[len(panels) :]:
            ax.remove()
        drawn = list(zip(grid.flat, panels.items(), strict=False))
        for ax, (name, _) in drawn:
            ax.set_title(name)
            ax.set_xlabel(f"{name} ({reduction} over layers)")
            ax.set_ylabel(f"{labels.task(task)} ({metric})")
        figure.suptitle(title, x=0.01, ha="left")
        # Names are moved apart in the panel's final size.
        figure.canvas.draw()
        for ax, (name, part) in drawn:
            plot_scatter(
                part,
                ax=ax,
                pivot=pivot,
                colour=METHOD_COLOURS.get(name, "#0072B2"),
                codes=short_codes(part["language"]),
                long_tail=[
                    code
                    for code in part["language"]
                    if languages[code].resource_class == "long-tail"
                ],
                confidence=confidence,
            )
        _legend(figure, grid.flat[0])
    return figure


def _legend(figure: Figure, ax: Axes) -> None:
    handles, names = ax.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), fontsize=SMALL_TEXT)
