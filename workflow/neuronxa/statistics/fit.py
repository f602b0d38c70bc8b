"""The least-squares line and how sure it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Vector = NDArray[np.float64]


def fit_line(
    x: Vector, y: Vector, *, at: Vector, confidence: float = 0.95
) -> tuple[Vector, Vector, Vector]:
    """Fit a least-squares line and the confidence band of its mean.

    The band at x0 is ``t(n - 2) s sqrt(1/n + (x0 - mean(x))² / sum((x - mean(x))²))`` on both
    sides, with s² the residual variance.

    Parameters
    ----------
    x, y
        Points, shape (n,), n at least 3.
    at
        Where to evaluate, shape (m,).
    confidence
        Coverage of the band.

    Returns
    -------
    line, low, high
        Each of shape (m,).
    """
    fit = stats.linregress(x, y)
    line = fit.intercept + fit.slope * at
    residual = y - (fit.intercept + fit.slope * x)
    n = len(x)
    spread = np.sqrt((residual**2).sum() / (n - 2))
    away = (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
    half = stats.t.ppf(0.5 + confidence / 2, n - 2) * spread * np.sqrt(1 / n + away)
    return line, line - half, line + half
