"""Correlation of alignment with what a model can do, over languages."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from neuronxa.errors import StatisticsError
from neuronxa.statistics.bootstrap import RESAMPLES, bca_interval, draws, without_each
from neuronxa.statistics.coefficients import (
    COEFFICIENTS,
    Coefficient,
    check_coefficient,
    weighted_coefficients,
)
from neuronxa.statistics.multiplicity import adjust
from neuronxa.statistics.points import (
    KEYS,
    LEAST_POINTS,
    paired_points,
    told,
    without_and_with,
)

COLUMNS: Final = (
    *KEYS,
    "pivot_included",
    "coefficient",
    "estimate",
    "low",
    "high",
    "bootstrap_low",
    "bootstrap_high",
    "p",
    "p_holm",
    "q",
    "tests",
    "n",
    "message",
)
_NUMBERS: Final = ("estimate", "low", "high", "bootstrap_low", "bootstrap_high", "p")


@dataclass(frozen=True)
class Correlation:
    """A correlation coefficient with its intervals.

    Attributes
    ----------
    coefficient
        ``pearson``, ``spearman`` or ``kendall``.
    estimate, low, high
        The coefficient and the bounds of its confidence interval.
    p
        Two-sided p-value of the hypothesis that there is no correlation, not corrected for the
        number of correlations that are looked at.
    n
        Number of points.
    method
        How the interval was computed.
    bootstrap_low, bootstrap_high
        Bounds from resampling the points (BCa); NaN where that was not asked for.
    """

    coefficient: Coefficient
    estimate: float
    low: float
    high: float
    p: float
    n: int
    method: str
    bootstrap_low: float = np.nan
    bootstrap_high: float = np.nan


def correlate(
    x: ArrayLike,
    y: ArrayLike,
    *,
    coefficient: Coefficient,
    confidence: float = 0.95,
    resamples: int = 0,
    seed: int = 0,
) -> Correlation:
    """Correlate two variables and give the interval of the coefficient.

    The interval is symmetric after Fisher's transformation, ``tanh(atanh(r) ± z s)``, with the
    standard error of :func:`fisher_error`. It takes the points as independent draws from a normal
    distribution; the bootstrap interval does without the second of these.

    Ties share their mean rank; Kendall's is tau-b. The p-values are SciPy's: exact for Pearson
    under normality, Student's t for Spearman, exact for Kendall in small samples without ties.

    Parameters
    ----------
    x, y
        Values of the same languages, shape (n,).
    coefficient
        ``pearson``, ``spearman`` or ``kendall``.
    confidence
        Coverage of the intervals.
    resamples, seed
        Of the bootstrap (see :func:`neuronxa.statistics.bootstrap.bca_interval`); 0 = none.

    Raises
    ------
    StatisticsError
        If the lengths differ, a value is not finite, there are fewer than 5 points, or one side is
        constant.
    """
    check_coefficient(coefficient)
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    check_points(a, b)
    n = int(a.size)
    test = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
    outcome = test[coefficient](a, b)
    # Rounding can leave a perfect correlation a hair beyond 1, where atanh is not defined.
    r = float(np.clip(outcome.statistic, -1.0, 1.0))
    low, high = fisher_interval(r, fisher_error(r, n, coefficient), confidence)
    found = Correlation(coefficient, r, low, high, float(outcome.pvalue), n, INTERVALS[coefficient])
    if not resamples:
        return found
    distribution, jackknife = (
        weighted_coefficients(a, b, weights, coefficient)
        for weights in (draws(n, resamples, seed), without_each(n))
    )
    bounds = bca_interval(distribution, r, jackknife, confidence)
    return replace(found, bootstrap_low=bounds[0], bootstrap_high=bounds[1])


#: How the analytic interval of each coefficient is computed.
INTERVALS: Final = {"pearson": "fisher", "spearman": "bonett-wright", "kendall": "fieller"}


def fisher_error(r: float, n: float, coefficient: Coefficient) -> float:
    """Compute the standard error of a coefficient after Fisher's transformation.

    - Pearson: ``1 / sqrt(n - 3)`` (Fisher 1921, *Metron* 1, 3-32);
    - Spearman: ``sqrt((1 + r²/2) / (n - 3))`` (Bonett and Wright 2000, *Psychometrika* 65,
      23-28), since Fisher's is too narrow for ranks;
    - Kendall: ``sqrt(0.437 / (n - 4))`` (Fieller, Hartley and Pearson 1957, *Biometrika* 44,
      470-481; advised by Bonett and Wright below 0.8).

    Parameters
    ----------
    r
        The coefficient.
    n
        Number of points, less the number of variables that are held constant.
    coefficient
        Which of the three.
    """
    if coefficient == "kendall":
        return float(np.sqrt(0.437 / (n - 4)))
    wider = 1 + r**2 / 2 if coefficient == "spearman" else 1.0
    return float(np.sqrt(wider / (n - 3)))


def fisher_interval(r: float, error: float, confidence: float) -> tuple[float, float]:
    """Compute ``tanh(atanh(r) ± z error)``; a point where r is -1 or 1."""
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    with np.errstate(divide="ignore"):
        centre = np.arctanh(r)
    return float(np.tanh(centre - z * error)), float(np.tanh(centre + z * error))


def check_points(x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """Refuse points that have no correlation.

    Raises
    ------
    StatisticsError
        As :func:`correlate` says.
    """
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
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate every method with every task of the same model, over languages.

    Parameters
    ----------
    method_scores
        Columns ``model, corpus, extraction, method, reduction, language, value, n``.
    downstream
        Task scores, columns ``model, task, language, metric, value`` and any others.
    pivot
        Language that the headline leaves out: its alignment with itself is 1 but for ties, and one
        such point makes a correlation out of nothing.
    confidence
        Coverage of the intervals.
    resamples, seed
        Of the bootstrap over languages.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, one row per model, corpus, extraction, method, reduction, task, metric,
        ``pivot_included`` (False is the headline) and coefficient. ``p_holm`` and ``q`` correct p
        within the tests that ``tests`` names. A row that cannot be computed keeps its ``n`` and
        says why in ``message``, which is empty otherwise.

    Raises
    ------
    StatisticsError
        If a language has two scores for one task and metric of a model.
    """
    rows = []
    for key, every in paired_points(method_scores, downstream):
        for included, points, message in without_and_with(every, pivot):
            about = dict(zip(KEYS, key, strict=True)) | {
                "pivot_included": included,
                "n": len(points),
                "message": message,
            }
            for coefficient in COEFFICIENTS:
                row: dict[str, Any] = dict.fromkeys(_NUMBERS, np.nan)
                row |= about | {"coefficient": coefficient}
                if not message:
                    row |= _found(points, coefficient, confidence, resamples, seed)
                rows.append(row)
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in _ADJUSTED])
    table = adjust(table, within=["coefficient", "pivot_included"], of="correlations")
    return table[list(COLUMNS)].astype({"n": "int64", "pivot_included": bool})


_ADJUSTED: Final = ("p_holm", "q", "tests")


def _found(
    points: pd.DataFrame, coefficient: Coefficient, confidence: float, resamples: int, seed: int
) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = correlate(
                points["x"],
                points["y"],
                coefficient=coefficient,
                confidence=confidence,
                resamples=resamples,
                seed=seed,
            )
    except StatisticsError as fault:
        return {"message": told(fault)}
    return {name: value for name, value in asdict(found).items() if name in _NUMBERS}
