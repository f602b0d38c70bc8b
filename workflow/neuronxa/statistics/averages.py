"""Averages of correlations over models and over tasks, as papers report them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from neuronxa.statistics.coefficients import Vector
from neuronxa.statistics.intervals import mean_interval
from neuronxa.statistics.points import Scored, kind_of

Scale = Literal["plain", "fisher"]
SCALES: Final[tuple[Scale, ...]] = ("plain", "fisher")

#: In the columns ``model`` and ``task``: over all of them.
ALL: Final = "all"
KEYS: Final = ("corpus", "extraction", "method", "reduction", "coefficient", "pivot_included")
COLUMNS: Final = (
    "model",
    *KEYS[:4],
    "kind",
    "task",
    "metric",
    *KEYS[4:],
    "scale",
    "estimate",
    "low",
    "high",
    "n_models",
    "n_tasks",
    "covers",
)
OVER_MODELS: Final = "other models (Student's t over models)"
NOTHING: Final = "nothing: one model"
NO_MODEL: Final = "nothing: no model"


def average_correlations(
    correlations: pd.DataFrame, scored: Scored, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Average correlations over models, and over the tasks of a kind.

    Parameters
    ----------
    correlations
        What :func:`neuronxa.statistics.correlation.correlate_methods` returns.
    scored
        Task -> kind -> its metrics; the first stands for the task in the mean over tasks.
    confidence
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. Three sorts of rows: a task over all models (``model`` is ``all``), a
        model over all tasks of a kind (``task`` and ``metric`` are ``all``), and both. ``scale``
        is ``plain``, the mean of the coefficients, as papers give it, or ``fisher``, the mean of
        atanh(r) turned back, which leans less to the side of zero where coefficients are high.
        A correlation that is not defined is left out (``n_models`` may be 0), and with it the model
        from the mean over tasks: another mean would be over other tasks. ``n_models`` and
        ``n_tasks`` say how many were averaged, ``covers`` what the interval speaks of. It takes
        the models as a sample of models; what other languages would have changed is not in it.
    """
    rows = []
    for key, part in correlations.groupby([*KEYS, "task", "metric"], sort=False):
        about = dict(zip((*KEYS, "task", "metric"), key, strict=True))
        kind = kind_of(scored, str(about["task"]), str(about["metric"]))
        about |= {"kind": kind, "n_tasks": 1}
        rows += _over_models(about, part["estimate"].dropna(), confidence)
    known = correlations.loc[correlations["estimate"].notna()]
    for key, part in known.groupby(list(KEYS), sort=False):
        about = dict(zip(KEYS, key, strict=True)) | {"task": ALL, "metric": ALL}
        for kind in dict.fromkeys(name for kinds in scored.values() for name in kinds):
            rows += _over_tasks(about | {"kind": kind}, part, scored, confidence)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"n_models": "int64", "n_tasks": "int64", "pivot_included": bool})


def mean_correlation(values: ArrayLike, scale: Scale) -> float:
    """Average correlations, as they are or after Fisher's transformation.

    Parameters
    ----------
    values
        Coefficients, shape (n,).
    scale
        ``plain`` or ``fisher``.

    Returns
    -------
    float
        NaN where there are none, or perfect ones of both signs on Fisher's scale.
    """
    if np.size(values) == 0:
        return np.nan
    with np.errstate(invalid="ignore"):
        return float(_back(np.mean(_onto(values, scale)), scale))


def _onto(values: ArrayLike, scale: Scale) -> Vector:
    plain = np.asarray(values, dtype=np.float64)
    if scale == "plain":
        return plain
    with np.errstate(divide="ignore"):
        return np.arctanh(plain)


def _back(value: float | np.floating[Any], scale: Scale) -> float:
    return float(value if scale == "plain" else np.tanh(value))


def _over_models(
    about: dict[str, Any], estimates: Iterable[float], confidence: float
) -> list[dict[str, Any]]:
    """Average one task, or one mean over tasks, over the models."""
    values = list(estimates)
    rows = []
    for scale in SCALES:
        with np.errstate(invalid="ignore"):
            found = mean_interval(_onto(values, scale), confidence=confidence)
        # A correlation cannot leave [-1, 1], though a t interval can; NaN stays NaN.
        low, high = (float(np.clip(_back(end, scale), -1, 1)) for end in (found.low, found.high))
        rows.append(
            about
            | {
                "model": ALL,
                "scale": scale,
                "estimate": mean_correlation(values, scale),
                "low": low,
                "high": high,
                "n_models": len(values),
                "covers": (NO_MODEL, NOTHING)[len(values)] if len(values) < 2 else OVER_MODELS,
            }
        )
    return rows


def _over_tasks(
    about: dict[str, Any], part: pd.DataFrame, scored: Scored, confidence: float
) -> list[dict[str, Any]]:
    """Average each model over the tasks of a kind, and these means over the models."""
    counted = {
        (task, kinds[about["kind"]][0]) for task, kinds in scored.items() if about["kind"] in kinds
    }
    chosen = part.loc[[pair in counted for pair in zip(part["task"], part["metric"], strict=True)]]
    tasks = len(chosen[["task", "metric"]].drop_duplicates())
    complete = {
        str(model): rows["estimate"].to_list()
        for model, rows in chosen.groupby("model", sort=False)
        if len(rows) == tasks
    }
    about = about | {"n_tasks": tasks}
    rows = [
        about
        | {
            "model": model,
            "scale": scale,
            "estimate": mean_correlation(values, scale),
            "low": np.nan,
            "high": np.nan,
            "n_models": 1,
            "covers": NOTHING,
        }
        for model, values in complete.items()
        for scale in SCALES
    ]
    for scale in SCALES:
        means = [mean_correlation(values, scale) for values in complete.values()]
        if means:
            over = _over_models(about, means, confidence)
            rows += [row for row in over if row["scale"] == scale]
    return rows
