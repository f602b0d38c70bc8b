"""Bootstrap over languages: the draws, and the intervals that are read off them."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from neuronxa.statistics.coefficients import Vector, Weights

RESAMPLES: Final = 2000
LEAST_DEFINED: Final = 0.5
"""Smallest share of resamples that must have a value, or there is no interval."""


@lru_cache(maxsize=16)
def draws(n: int, resamples: int, seed: int) -> Weights:
    """Draw n of n points with replacement, again and again.

    The same arguments give the same draws, so everything over the same languages is resampled
    alike, and differences are paired.

    Parameters
    ----------
    n
        Number of points.
    resamples
        Number of draws.
    seed
        Of the generator.

    Returns
    -------
    ndarray
        How often each point was drawn, shape (resamples, n), read-only.
    """
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
    counts.setflags(write=False)
    return counts


def without_each(n: int) -> Weights:
    """Weights that leave out each point in turn (the jackknife), shape (n, n)."""
    return np.ones((n, n)) - np.eye(n)


def percentile_interval(
    distribution: NDArray[np.float64], confidence: float
) -> tuple[float, float]:
    """Read the interval off the quantiles of the resampled values; NaN are left out."""
    tail = (1 - confidence) / 2
    return _quantiles(distribution, tail, 1 - tail)


def bca_interval(
    distribution: Vector, estimate: float, jackknife: Vector, confidence: float
) -> tuple[float, float]:
    r"""Compute the bias-corrected and accelerated interval (Efron 1987, *JASA* 82, 171-185).

    With :math:`z_0` the normal quantile of the share of resampled values below the estimate (half
    of those equal to it) and the acceleration :math:`a = \sum d_i^3 / 6 (\sum d_i^2)^{3/2}`,
    :math:`d_i` the mean of the jackknife less its value i, the bounds are the quantiles at

    .. math::
        \Phi(z_0 + (z_0 + z) / (1 - a (z_0 + z)))

    for the normal quantiles z of both tails. Where the estimate lies outside all resampled values,
    or the jackknife does not vary, the correction is not defined and the plain percentiles are
    taken.

    Parameters
    ----------
    distribution
        Resampled values; NaN, where a resample has no value, are left out.
    estimate
        The value of the data.
    jackknife
        Values with each point left out in turn.
    confidence
        Coverage of the interval.

    Returns
    -------
    tuple
        Bounds; NaN where more than half of the resamples have no value.
    """
    known = distribution[np.isfinite(distribution)]
    tail = (1 - confidence) / 2
    away = np.nanmean(jackknife) - jackknife[np.isfinite(jackknife)]
    spread = (away**2).sum()
    below = (known < estimate).mean() + 0.5 * (known == estimate).mean() if known.size else 0.0
    if not 0 < below < 1 or spread <= 1e-24:
        return percentile_interval(distribution, confidence)
    bias, acceleration = special.ndtri(below), (away**3).sum() / (6 * spread**1.5)
    shifted = bias + special.ndtri(np.array([tail, 1 - tail]))
    low, high = special.ndtr(bias + shifted / (1 - acceleration * shifted))
    return _quantiles(distribution, float(low), float(high))


def _quantiles(distribution: NDArray[np.float64], low: float, high: float) -> tuple[float, float]:
    known = distribution[np.isfinite(distribution)]
    if known.size < max(1, LEAST_DEFINED * distribution.size):
        return np.nan, np.nan
    bounds = np.quantile(known, [low, high])
    return float(bounds[0]), float(bounds[1])
