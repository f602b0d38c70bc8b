"""Whether one method correlates better with a task than another, on the same languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from neuronxa.errors import StatisticsError
from neuronxa.statistics.bootstrap import RESAMPLES, bca_interval, draws, without_each
from neuronxa.statistics.coefficients import (
    COEFFICIENTS,
    Coefficient,
    check_coefficient,
    weighted_coefficients,
)
from neuronxa.statistics.correlation import check_points
from neuronxa.statistics.multiplicity import adjust
from neuronxa.statistics.points import KEYS, paired_points, told, without_and_with

METHOD: Final = "NASCA"
"""The method that the others are compared with."""

_NUMBERS: Final = (
    "estimate",
    "other_estimate",
    "between",
    "difference",
    "low",
    "high",
    "steiger_z",
    "p",
    "hittner_z",
    "hittner_p",
    "williams_t",
    "williams_p",
)
COLUMNS: Final = (
    *KEYS,
    "other",
    "pivot_included",
    "coefficient",
    *_NUMBERS[:8],
    "p_holm",
    "q",
    "tests",
    *_NUMBERS[8:],
    "n",
    "message",
)


@dataclass(frozen=True)
class Difference:
    """Tests of two correlations that share a variable.

    Attributes
    ----------
    steiger_z, p
        Steiger's Z with the mean of both coefficients, and its two-sided p.
    hittner_z, hittner_p
        The same with the mean on Fisher's scale.
    williams_t, williams_p
        Williams's t with n - 3 degrees of freedom, and its two-sided p.
    """

    steiger_z: float
    p: float
    hittner_z: float
    hittner_p: float
    williams_t: float
    williams_p: float


def overlapping_test(r: float, other: float, between: float, n: int) -> Difference:
    r"""Test whether two dependent correlations with one variable in common differ.

    Steiger (1980, *Psychological Bulletin* 87, 245-251, equations 10 and 14):

    .. math::
        Z = (z_1 - z_2) \sqrt{(n - 3) / (2 - 2c)}, \qquad
        c = \frac{r_{12} (1 - 2 \bar r^2) - \bar r^2 (1 - 2 \bar r^2 - r_{12}^2) / 2}
                 {(1 - \bar r^2)^2}

    with :math:`\bar r` the mean of both correlations; Hittner, May and Silver (2003, *Journal of
    General Psychology* 130, 149-168) take tanh of the mean of both Fisher z instead. Williams
    (1959, *JRSS B* 21, 396-399; Steiger's equation 7):

    .. math::
        t = (r_1 - r_2) \sqrt{\frac{(n - 1)(1 + r_{12})}
            {2 |R| (n - 1) / (n - 3) + \bar r^2 (1 - r_{12})^3}}

    with :math:`|R|` the determinant of the correlation matrix of the three variables.

    Parameters
    ----------
    r, other
        Pearson's correlations of the two methods with the task.
    between
        Pearson's correlation of the two methods with each other.
    n
        Number of languages.

    Raises
    ------
    StatisticsError
        If the three cannot be correlations of the same languages, or one of them is perfect.
    """
    determinant = 1 + 2 * r * other * between - r**2 - other**2 - between**2
    if determinant < -1e-9:
        raise StatisticsError(
            f"{r:g}, {other:g} and {between:g} cannot be correlations of the same languages",
            remedy="compute all three on the languages that have all scores",
        )
    if max(abs(r), abs(other), abs(between)) > 1 - 1e-12:
        raise StatisticsError(
            "a correlation of 1 or -1 leaves nothing to test",
            remedy="look whether both methods have the same scores",
        )
    apart = np.arctanh(r) - np.arctanh(other)
    centres = (r + other) / 2, np.tanh((np.arctanh(r) + np.arctanh(other)) / 2)
    steiger, hittner = (float(apart * _stretch(mean, between, n)) for mean in centres)
    below = 2 * max(determinant, 0.0) * (n - 1) / (n - 3) + centres[0] ** 2 * (1 - between) ** 3
    williams = float((r - other) * np.sqrt((n - 1) * (1 + between) / below))
    return Difference(
        steiger,
        float(2 * stats.norm.sf(abs(steiger))),
        hittner,
        float(2 * stats.norm.sf(abs(hittner))),
        williams,
        float(2 * stats.t.sf(abs(williams), n - 3)),
    )


def _stretch(mean: float, between: float, n: int) -> float:
    square = mean**2
    covariance = between * (1 - 2 * square) - square * (1 - 2 * square - between**2) / 2
    return float(np.sqrt((n - 3) / (2 - 2 * covariance / (1 - square) ** 2)))


def compare(
    x: ArrayLike,
    other: ArrayLike,
    y: ArrayLike,
    *,
    coefficient: Coefficient,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, float]:
    """Compare the correlations of two methods with one task.

    Parameters
    ----------
    x, other
        Scores of the two methods, shape (n,).
    y
        Task scores of the same languages.
    coefficient
        ``pearson``, ``spearman`` or ``kendall``.
    confidence, resamples, seed
        Of the paired bootstrap: each draw of languages serves both correlations (BCa).

    Returns
    -------
    dict
        ``estimate``, ``other_estimate``, ``between`` (of the methods with each other), and
        ``difference`` with ``low`` and ``high``.

    Raises
    ------
    StatisticsError
        As :func:`neuronxa.statistics.correlation.correlate` does.
    """
    check_coefficient(coefficient)
    a, b, c = (np.asarray(values, dtype=np.float64) for values in (x, other, y))
    check_points(a, c)
    check_points(b, c)
    n = int(a.size)
    whole, resampled, jackknife = (
        [weighted_coefficients(side, c, weights, coefficient) for side in (a, b)]
        for weights in (np.ones((1, n)), draws(n, resamples, seed), without_each(n))
    )
    between = float(weighted_coefficients(a, b, np.ones((1, n)), coefficient)[0])
    r, other_r = (float(values[0]) for values in whole)
    low, high = bca_interval(
        resampled[0] - resampled[1], r - other_r, jackknife[0] - jackknife[1], confidence
    )
    return {
        "estimate": r,
        "other_estimate": other_r,
        "between": between,
        "difference": r - other_r,
        "low": low,
        "high": high,
    }


def compare_methods(
    method_scores: pd.DataFrame,
    downstream: pd.DataFrame,
    *,
    pivot: str,
    method: str = METHOD,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare one method with every other on every task, over the languages that all three have.

    Parameters
    ----------
    method_scores, downstream
        As :func:`neuronxa.statistics.correlation.correlate_methods` takes them.
    pivot
        Language that the headline leaves out.
    method
        The method that the others are compared with.
    confidence, resamples, seed
        Of the paired bootstrap.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, a row per run, reduction, task, metric, other method, pivot included or
        not, and coefficient; ``difference`` is ``method`` less ``other``. The tests hold for
        Pearson's alone; of the others the bootstrap interval speaks. What cannot be computed is
        NaN, and ``message`` says why.
    """
    rows = []
    for key, other, every in _shared_points(method_scores, downstream, method):
        for included, points, message in without_and_with(every, pivot):
            for coefficient in COEFFICIENTS:
                row: dict[str, Any] = dict.fromkeys(_NUMBERS, np.nan)
                row |= dict(zip(KEYS, key, strict=True)) | {
                    "other": other,
                    "pivot_included": included,
                    "coefficient": coefficient,
                    "n": len(points),
                    "message": message,
                }
                if not message:
                    try:
                        row |= compare(
                            points["x"],
                            points["other"],
                            points["y"],
                            coefficient=coefficient,
                            confidence=confidence,
                            resamples=resamples,
                            seed=seed,
                        )
                        if coefficient == "pearson":
                            row |= asdict(
                                overlapping_test(
                                    row["estimate"],
                                    row["other_estimate"],
                                    row["between"],
                                    len(points),
                                )
                            )
                    except StatisticsError as fault:
                        row["message"] = told(fault)
                rows.append(row)
    table = pd.DataFrame(rows, columns=[n for n in COLUMNS if n not in ("p_holm", "q", "tests")])
    table = adjust(table, within=["coefficient", "pivot_included"], of="differences")
    return table[list(COLUMNS)].astype({"n": "int64", "pivot_included": bool})


def _shared_points(
    method_scores: pd.DataFrame, downstream: pd.DataFrame, method: str
) -> Iterator[tuple[tuple[Any, ...], str, pd.DataFrame]]:
    place = KEYS.index("method")
    found = dict(paired_points(method_scores, downstream))
    for key, points in found.items():
        other = key[place]
        mine = (*key[:place], method, *key[place + 1 :])
        if other != method and mine in found:
            renamed = points.rename(columns={"x": "other"})[["language", "other"]]
            yield mine, str(other), found[mine].merge(renamed, on="language")
