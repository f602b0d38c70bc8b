"""What a model will score in a language without a benchmark: a line from alignment to task score.

After MEXA (Kargaran et al. 2025, section on the English score): the alignment score of a language
is multiplied by the model's score in the pivot, ``adjusted(L) = score(L) x task(pivot)``, so that
the scores of models of unequal ability lie on one scale, and a least-squares line leads from it to
the task score of L. The factor is one number per model and task: it scales the slope, and changes
neither Pearson's r nor a prediction.

No language is predicted from its own task score: one that has a score is predicted from the line
through all others, so the measured languages show how far the predictions of the rest are off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuronxa.statistics.fit import LEAST_LANGUAGES, Vector, least_squares, leave_one_out
from neuronxa.statistics.points import KEYS, refuse_repeated

RELATIVE: Final = ("rankc", "overlap", "ratio")
"""Metrics that compare a language with the pivot: the pivot has none of its own."""

METHOD_KEYS: Final = list(KEYS[:-2])
TASK_KEYS: Final = list(KEYS[-2:])
FIT_COLUMNS: Final = (
    *KEYS,
    "adjusted",
    "pivot_score",
    "slope",
    "slope_low",
    "slope_high",
    "intercept",
    "intercept_low",
    "intercept_high",
    "r2",
    "spread",
    "n",
    "error",
    "mean_error",
    "coverage",
    "useful",
    "reading",
)
PREDICTION_COLUMNS: Final = (
    *KEYS,
    "language",
    "score",
    "sentences",
    "predicted",
    "low",
    "high",
    "clipped",
    "extrapolated",
    "measured",
    "chance",
    "n",
    "useful",
)


def predict_scores(
    method_scores: pd.DataFrame, downstream: pd.DataFrame, *, pivot: str, confidence: float = 0.95
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit every method to every task of the same model, and predict every language.

    Parameters
    ----------
    method_scores
        Columns ``model, corpus, extraction, method, reduction, language, value, n``.
    downstream
        Task scores, columns ``model, task, language, metric, value, chance``.
    pivot
        Language that gives the factor. It is neither fitted nor predicted: its alignment is 1 by
        definition.
    confidence
        Level of all intervals.

    Returns
    -------
    fits
        Columns `FIT_COLUMNS`, a row per method, task and metric, also where the model has no scores
        of a task. ``adjusted`` is False where there
        is no factor: the metric is one of `RELATIVE`, or the pivot has no score. ``error`` is the
        mean absolute error of the predictions of measured languages, ``mean_error`` that of the
        mean of the other languages, ``coverage`` the share inside the intervals. ``reading`` says
        in words what the line is good for, or why there is none.
    predictions
        Columns `PREDICTION_COLUMNS`, a row per language of the corpus. ``predicted, low, high`` are
        a prediction interval of one new score, cut to the range that the metric can have, which
        ``clipped`` tells. ``extrapolated``: the alignment score lies outside those of the languages
        that the line was fitted to. ``n`` is the number of those languages.

    Raises
    ------
    StatisticsError
        If a language has two scores for one task and metric of a model.
    """
    refuse_repeated(downstream)
    fits: list[dict[str, Any]] = []
    predictions: list[pd.DataFrame] = []
    for keys, scores in method_scores.groupby(METHOD_KEYS, sort=False):
        others = scores.loc[(scores["language"] != pivot) & scores["value"].notna()]
        for task, metric, values in tasks_of(downstream, str(keys[0])):
            about: dict[str, Any] = dict(zip(KEYS, (*keys, task, metric), strict=True))
            fit, predicted = _of_task(others, values, metric, pivot, confidence)
            fits.append(about | fit)
            predictions.append(predicted.assign(**about, useful=fit["useful"]))
    return (
        pd.DataFrame(fits, columns=list(FIT_COLUMNS)),
        pd.concat(predictions, ignore_index=True)[list(PREDICTION_COLUMNS)],
    )


def tasks_of(downstream: pd.DataFrame, model: str) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield every task and metric that any model has, with one model's rows by language."""
    for (task, metric), part in downstream.groupby(TASK_KEYS, sort=False):
        yield str(task), str(metric), part.loc[part["model"] == model].set_index("language")


def factor_of(values: pd.DataFrame, metric: str, pivot: str) -> float:
    """Task score of the pivot, or NaN where there is none to multiply by.

    Parameters
    ----------
    values
        Task scores by language, column ``value``.
    metric
        One of `RELATIVE` has no factor.
    pivot
        Language code.
    """
    if metric in RELATIVE or pivot not in values.index:
        return np.nan
    score = float(values["value"].loc[pivot])
    return score if score > 0 else np.nan


def limits(metric: str, values: NDArray[np.float64]) -> tuple[float, float]:
    """Range that a metric can have, as far as the measured values tell.

    Shares lie in [0, 1]. A ratio to the pivot may exceed 1, and so may a user's own metric if any
    of its values does; one with a value below 0 is not bounded at all.
    """
    if (values < 0).any():
        return -np.inf, np.inf
    return 0.0, np.inf if metric == "ratio" or (values > 1).any() else 1.0


def _of_task(
    scores: pd.DataFrame, values: pd.DataFrame, metric: str, pivot: str, confidence: float
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Fit one method to one task: the row of the fit, and the rows of all languages."""
    factor = factor_of(values, metric, pivot)
    adjusted = bool(np.isfinite(factor))
    known = values.reindex(scores["language"])
    x = scores["value"].to_numpy(dtype=np.float64) * (factor if adjusted else 1.0)
    y = known["value"].to_numpy(dtype=np.float64)
    chance = known["chance"].to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(chance).any() and not np.isnan(chance).all():
        chance = np.where(np.isnan(chance), np.nanmean(chance), chance)
    table = pd.DataFrame(
        {
            "language": scores["language"].to_numpy(),
            "score": scores["value"].to_numpy(),
            "sentences": scores["n"].to_numpy(),
            **dict.fromkeys(("predicted", "low", "high"), np.nan),
            "clipped": False,
            "extrapolated": False,
            "measured": y,
            "chance": chance,
            "n": 0,
        }
    )
    there = np.isfinite(y)
    fit: dict[str, Any] = dict.fromkeys(FIT_COLUMNS[len(KEYS) :], np.nan)
    fit |= {"adjusted": adjusted, "pivot_score": factor, "n": int(there.sum()), "useful": False}
    table["n"] = fit["n"] - there
    fault = _fault(x[there], y[there])
    if fault:
        return fit | {"reading": fault}, table
    line = least_squares(x[there], y[there])
    out = leave_one_out(x[there], y[there], confidence=confidence)
    predicted, half = line.at(x), line.reach(x, confidence=confidence)
    predicted[there], half[there] = out.predicted, out.half
    low, high = limits(metric, y[there])
    for name, bound in (
        ("predicted", predicted),
        ("low", predicted - half),
        ("high", predicted + half),
    ):
        table[name] = np.clip(bound, low, high)
        table["clipped"] |= (bound < low) | (bound > high)
    table["extrapolated"] = _outside(x, there)
    errors = np.abs(y[there] - out.predicted)
    inside = errors <= out.half
    judged = np.isfinite(out.predicted)
    for name, value, error in (
        ("slope", line.slope, line.slope_error),
        ("intercept", line.intercept, line.intercept_error),
    ):
        reach = line.quantile(confidence) * error
        fit |= {name: value, f"{name}_low": value - reach, f"{name}_high": value + reach}
    fit |= {
        "r2": line.r2,
        "spread": line.spread,
        "error": float(errors[judged].mean()),
        "mean_error": float(np.abs(y[there] - out.mean)[judged].mean()),
        "coverage": float(inside[judged].mean()),
    }
    fit["useful"] = bool(fit["error"] < fit["mean_error"])
    return fit | {"reading": reading(fit)}, table


def reading(fit: dict[str, Any]) -> str:
    """Say what a line is good for: its errors against those of the mean, and its slope."""
    errors = f"off by {fit['error']:.3f} (mean of the others: {fit['mean_error']:.3f})"
    if not fit["error"] < fit["mean_error"]:
        return f"no predictive value: {errors}"
    if fit["slope_low"] <= 0 <= fit["slope_high"]:
        return f"weak, the slope may be zero: {errors}"
    if fit["slope"] < 0:
        return f"predicts, but scores fall as alignment rises: {errors}"
    return f"predicts: {errors}"


def _fault(x: Vector, y: Vector) -> str:
    """Say why there is no line, or nothing."""
    if x.size < LEAST_LANGUAGES:
        return f"no line: n = {x.size} languages, at least {LEAST_LANGUAGES} are needed"
    for name, values in (("alignment score", x), ("task score", y)):
        if np.ptp(values) <= 1e-12 * np.abs(values).max():
            return f"no line: the {name} is constant in all {x.size} languages"
    return ""


def _outside(x: Vector, there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which x lie outside the range of the points that they are predicted from."""
    fitted = np.sort(x[there])
    # Of a measured language the line knows the others alone.
    lowest = np.where(there & (x == fitted[0]), fitted[1], fitted[0])
    highest = np.where(there & (x == fitted[-1]), fitted[-2], fitted[-1])
    outside: NDArray[np.bool_] = (x < lowest) | (x > highest)
    return outside
