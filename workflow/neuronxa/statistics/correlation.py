"""Correlation of alignment with what a model can do, over languages."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from neuronxa.errors import StatisticsError

Coefficient = Literal["pearson", "spearman"]

LEAST_POINTS: Final = 5
COLUMNS: Final = (
    "model",
    "corpus",
    "extraction",
    "method",
    "reduction",
    "task",
    "metric",
    "pivot_included",
    "coefficient",
    "estimate",
    "low",
    "high",
    "p",
    "n",
    "message",
)


@dataclass(frozen=True)
class Correlation:
    """A correlation coefficient with its interval.

    Attributes
    ----------
    coefficient
        ``pearson`` or ``spearman``.
    estimate, low, high
        The coefficient and the bounds of its confidence interval.
    p
        Two-sided p-value of the hypothesis that there is no correlation, not corrected for the
        number of correlations that are looked at.
    n
        Number of points.
    method
        How the interval was computed.
    """

    coefficient: Coefficient
    estimate: float
    low: float
    high: float
    p: float
    n: int
    method: str


def correlate(
    x: ArrayLike, y: ArrayLike, *, coefficient: Coefficient, confidence: float = 0.95
) -> Correlation:
    """Correlate two variables and give the interval of the coefficient.

    The interval is symmetric after Fisher's transformation, ``tanh(atanh(r) ± z s)``, with the
    standard error

    - Pearson: ``s = 1 / sqrt(n - 3)`` (Fisher 1921, *Metron* 1, 3-32);
    - Spearman: ``s = sqrt((1 + r²/2) / (n - 3))`` (Bonett and Wright 2000, *Psychometrika* 65,
      23-28), since Fisher's is too narrow for ranks.

    Ties share their mean rank. The p-values are SciPy's: exact for Pearson under normality,
    Student's t for Spearman.

    Parameters
    ----------
    x, y
        Values of the same languages, shape (n,).
    coefficient
        ``pearson`` or ``spearman``.
    confidence
        Coverage of the interval.

    Raises
    ------
    StatisticsError
        If the lengths differ, a value is not finite, there are fewer than 5 points, or one side is
        constant.
    """
    if coefficient not in get_args(Coefficient):
        raise StatisticsError(f"unknown coefficient '{coefficient}'", allowed=get_args(Coefficient))
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    _check(a, b)
    n = int(a.size)
    if coefficient == "pearson":
        outcome = stats.pearsonr(a, b)
        method, error = "fisher", 1 / np.sqrt(n - 3)
    else:
        outcome = stats.spearmanr(a, b)
        method, error = (
            "bonett-wright",
            np.sqrt((1 + float(outcome.statistic) ** 2 / 2) / (n - 3)),
        )
    # Rounding can leave a perfect correlation a hair beyond 1, where atanh is not defined.
    r = float(np.clip(outcome.statistic, -1.0, 1.0))
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    with np.errstate(divide="ignore"):
        centre = np.arctanh(r)
    low, high = np.tanh([centre - z * error, centre + z * error])
    return Correlation(coefficient, r, float(low), float(high), float(outcome.pvalue), n, method)


def _check(x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    if x.shape != y.shape or x.ndim != 1:
        raise StatisticsError(
            f"x and y do not pair up: shapes {x.shape} and {y.shape}",
            remedy="give one value per language on both sides",
        )
    for name, values in (("x", x), ("y", y)):
        if not np.isfinite(values).all():
            raise StatisticsError(
                f"{name} has {int((~np.isfinite(values)).sum())} values that are not finite",
                remedy="leave these languages out on both sides",
            )
    if x.size < LEAST_POINTS:
        raise StatisticsError(
            f"a correlation over n = {x.size} languages says nothing; "
            f"at least {LEAST_POINTS} are needed",
            remedy="add languages to the run, or task scores for the languages it has",
        )
    for name, values in (("x", x), ("y", y)):
        if np.ptp(values) <= 1e-12 * np.abs(values).max():
            raise StatisticsError(
                f"{name} is constant ({values[0]:g} in all {x.size} languages), "
                "so no correlation is defined",
                remedy="look whether the scores are saturated or at their floor",
            )


def correlate_methods(
    method_scores: pd.DataFrame,
    downstream: pd.DataFrame,
    *,
    pivot: str,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Correlate every method with every task of the same model, over languages.

    Parameters
    ----------
    method_scores
        Columns ``model, corpus, extraction, method, reduction, language, value, n``.
    downstream
        Task scores, columns ``model, task, language, metric, value`` and any others.
    pivot
        Language that the headline leaves out: its alignment is 1 by definition, and one such point
        makes a correlation out of nothing.
    confidence
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row per model, corpus, extraction, method, reduction, task, metric, ``pivot_included``
        (False is the headline) and coefficient, with ``estimate, low, high, p, n``. A row that
        cannot be computed keeps its ``n`` and says why in ``message``, which is empty otherwise.

    Raises
    ------
    StatisticsError
        If a language has two scores for one task and metric of a model.
    """
    refuse_repeated(downstream)
    keys = ["model", "task", "metric", "language"]
    joined = downstream.loc[:, [*keys, "value"]].merge(
        method_scores, on=["model", "language"], suffixes=("_task", "_method"), how="left"
    )
    groups = ["model", "corpus", "extraction", "method", "reduction", "task", "metric"]
    rows = [
        dict(zip(groups, values, strict=True)) | row
        for values, points in _complete(joined, groups, downstream, method_scores)
        for row in _rows(points, pivot, confidence)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"n": "int64", "pivot_included": bool})


def refuse_repeated(downstream: pd.DataFrame) -> None:
    """Refuse task scores in which a language of a model has two values.

    Raises
    ------
    StatisticsError
        If a language has two scores for one task and metric of a model.
    """
    keys = ["model", "task", "metric", "language"]
    twice = downstream.loc[downstream.duplicated(keys), keys]
    if not twice.empty:
        model, task, metric, language = twice.iloc[0]
        raise StatisticsError(
            f"'{language}' has more than one value of {task} ({metric}) for model '{model}'",
            where="downstream scores",
            remedy="keep one of them, or give the second one a task name of its own",
        )


def _complete(
    joined: pd.DataFrame,
    groups: list[str],
    downstream: pd.DataFrame,
    method_scores: pd.DataFrame,
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield every combination of a method and a task of one model, shared languages or none."""
    methods = method_scores.loc[:, groups[:5]].drop_duplicates()
    tasks = downstream.loc[:, ["model", *groups[5:]]].drop_duplicates()
    points = dict(iter(joined.groupby(groups, sort=False)))
    for combination in methods.merge(tasks, on="model").itertuples(index=False, name=None):
        yield combination, points.get(combination, joined.iloc[:0])


def _rows(points: pd.DataFrame, pivot: str, confidence: float) -> Iterator[dict[str, Any]]:
    points = points.dropna(subset=["value_task", "value_method"])
    is_pivot = points["language"] == pivot
    for included in (False, True):
        kept = points if included else points.loc[~is_pivot]
        for coefficient in get_args(Coefficient):
            row: dict[str, Any] = dict.fromkeys(("estimate", "low", "high", "p"), np.nan)
            row |= {"pivot_included": included, "coefficient": coefficient, "n": len(kept)}
            if included and not is_pivot.any():
                message = f"the pivot {pivot} has no score on both sides, so it cannot be included"
                yield row | {"message": message}
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    found = correlate(
                        kept["value_method"],
                        kept["value_task"],
                        coefficient=coefficient,
                        confidence=confidence,
                    )
            except StatisticsError as fault:
                yield row | {"message": _told(fault)}
            else:
                yield (
                    row
                    | {key: value for key, value in asdict(found).items() if key != "method"}
                    | {"message": ""}
                )


def _told(fault: StatisticsError) -> str:
    """Name the sides as a reader of the table knows them."""
    what = fault.what
    for side, name in (("x ", "the alignment score "), ("y ", "the task score ")):
        if what.startswith(side):
            what = name + what.removeprefix(side)
    return what
