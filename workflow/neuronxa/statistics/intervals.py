"""Confidence intervals of shares and of means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from neuronxa.errors import StatisticsError


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes
    ----------
    estimate
        The share or the mean itself.
    low, high
        Bounds of the interval; NaN where it is not defined.
    n
        Number of trials (a share) or of values (a mean).
    method
        How the bounds were computed.
    """

    estimate: float
    low: float
    high: float
    n: float
    method: str


def wilson_interval(share: float, n: float, *, confidence: float = 0.95) -> Interval:
    """Compute the Wilson score interval of a share of ``n`` trials.

    With share p and normal quantile z the bounds are
    ``(p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)`` (Wilson 1927, *Journal of the
    American Statistical Association* 22, 209-212). It keeps inside [0, 1] and stays sensible at
    shares of 0 and 1, where mu and retrieval often are.

    Parameters
    ----------
    share
        Share of hits in [0, 1]; mu and top-1 of one layer are such shares of sentences.
    n
        Number of trials (sentences, questions); an effective number may be broken.
    confidence
        Coverage of the interval.

    Returns
    -------
    Interval
        ``method`` is ``wilson``.

    Raises
    ------
    StatisticsError
        If ``share`` is outside [0, 1] or ``n`` is below 1.
    """
    if not n >= 1:
        raise StatisticsError(f"a share needs at least one trial, got n = {n}")
    if not 0.0 <= share <= 1.0:
        raise StatisticsError(
            f"{share} is not a share", allowed="values from 0 to 1", remedy="divide hits by n"
        )
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    shrink = 1 + z**2 / n
    centre = (share + z**2 / (2 * n)) / shrink
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / shrink
    # At the ends the bound is the share itself; rounding would miss it by an ulp.
    low = 0.0 if share == 0.0 else float(centre - half)
    high = 1.0 if share == 1.0 else float(centre + half)
    return Interval(float(share), low, high, n, "wilson")


def mean_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Compute the mean of independent values with Student's t interval.

    Bounds ``mean ± t(n - 1) s / sqrt(n)``. Over languages this is the spread between languages,
    which is what a statement about "languages of this class" rests on; pooling their sentences as
    trials would be wrong, since all languages translate the same sentences.

    Parameters
    ----------
    values
        Values, shape (n,); NaN is left out and not counted.
    confidence
        Coverage of the interval.

    Returns
    -------
    Interval
        ``method`` is ``t``; the bounds are NaN below two values, the estimate as well without any.
    """
    kept = np.asarray(values, dtype=np.float64)
    kept = kept[np.isfinite(kept)]
    n = int(kept.size)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0, "t")
    mean = float(kept.mean())
    if n == 1:
        return Interval(mean, np.nan, np.nan, 1, "t")
    half = float(stats.t.ppf(0.5 + confidence / 2, n - 1) * kept.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n, "t")
