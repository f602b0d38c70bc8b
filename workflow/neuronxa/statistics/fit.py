"""The least-squares line: how sure it is, and what it says of a language that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from neuronxa.errors import StatisticsError

Vector = NDArray[np.float64]

LEAST_LANGUAGES: Final = 5
"""Fewer points are no ground for a prediction."""


@dataclass(frozen=True)
class Line:
    """A least-squares line through n points.

    Attributes
    ----------
    slope, intercept
        Of ``y = intercept + slope x``.
    slope_error, intercept_error
        Their standard errors.
    r2
        Share of the variance of y that the line takes up.
    spread
        Residual standard error, ``sqrt(sum(e²) / (n - 2))``.
    n
        Number of points.
    centre, scatter
        Mean of x, and ``sum((x - mean)²)``.
    least, most
        Ends of the range of x that was fitted.
    """

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float
    r2: float
    spread: float
    n: int
    centre: float
    scatter: float
    least: float
    most: float

    def quantile(self, confidence: float) -> float:
        """Quantile of Student's t with n - 2 degrees of freedom."""
        return float(stats.t.ppf(0.5 + confidence / 2, self.n - 2))

    def at(self, x: ArrayLike) -> Vector:
        """Value of the line at x."""
        return self.intercept + self.slope * np.asarray(x, dtype=np.float64)

    def band(self, x: ArrayLike, *, confidence: float = 0.95) -> Vector:
        """Half the width of the confidence band of the mean at x.

        ``t(n - 2) s sqrt(1/n + (x - mean)² / sum((x - mean)²))``.
        """
        return self.quantile(confidence) * self.spread * np.sqrt(self._leverage(x))

    def reach(self, x: ArrayLike, *, confidence: float = 0.95) -> Vector:
        """Half the width of the prediction interval of one new observation at x.

        ``t(n - 2) s sqrt(1 + 1/n + (x - mean)² / sum((x - mean)²))``.
        """
        return self.quantile(confidence) * self.spread * np.sqrt(1 + self._leverage(x))

    def _leverage(self, x: ArrayLike) -> Vector:
        away = np.asarray(x, dtype=np.float64) - self.centre
        return 1 / self.n + away**2 / self.scatter


@dataclass(frozen=True)
class LeftOut:
    """Every point predicted by the line through the others.

    Attributes
    ----------
    predicted, half
        Prediction and half its interval, shape (n,); NaN where the others lie on one x.
    mean
        Mean of the other points' y: what a prediction must be better than.
    """

    predicted: Vector
    half: Vector
    mean: Vector


def least_squares(x: ArrayLike, y: ArrayLike) -> Line:
    """Fit a least-squares line.

    Parameters
    ----------
    x, y
        Points, shape (n,).

    Raises
    ------
    StatisticsError
        The lengths differ, a value is not finite, there are fewer than 3 points, or x is constant.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise StatisticsError(
            f"a line needs finite values that pair up, got shapes {a.shape} and {b.shape}",
            remedy="leave out the languages that lack one of them",
        )
    if a.size < 3:
        raise StatisticsError(
            f"a line through n = {a.size} points has no residual error",
            remedy="add languages to the run, or task scores for the languages it has",
        )
    if np.ptp(a) <= 1e-12 * np.abs(a).max():
        raise StatisticsError(
            f"x is constant ({a[0]:g} in all {a.size} points), so no line is defined",
            remedy="look whether the scores are saturated or at their floor",
        )
    away, up = a - a.mean(), b - b.mean()
    scatter = float(away @ away)
    slope = float(away @ up) / scatter
    left = float(((up - slope * away) ** 2).sum())
    total = float(up @ up)
    spread = float(np.sqrt(left / (a.size - 2)))
    return Line(
        slope=slope,
        intercept=float(b.mean() - slope * a.mean()),
        slope_error=spread / np.sqrt(scatter),
        intercept_error=spread * float(np.sqrt(1 / a.size + a.mean() ** 2 / scatter)),
        r2=1 - left / total if total > 0 else np.nan,
        spread=spread,
        n=int(a.size),
        centre=float(a.mean()),
        scatter=scatter,
        least=float(a.min()),
        most=float(a.max()),
    )


def leave_one_out(x: Vector, y: Vector, *, confidence: float = 0.95) -> LeftOut:
    """Predict every point from the line through all others, without fitting again.

    With the leverage ``h = 1/n + (x - mean)² / sum((x - mean)²)`` and the residual e, the line
    through the others misses the point by ``e / (1 - h)``; their residual variance is
    ``(sum(e²) - e² / (1 - h)) / (n - 3)``, and the prediction interval is
    ``t(n - 3) s / sqrt(1 - h)`` wide on both sides (Cook and Weisberg 1982, *Residuals and
    Influence in Regression*, section 2.2).

    Parameters
    ----------
    x, y
        Points, shape (n,), n at least 4.
    confidence
        Coverage of the intervals.
    """
    line = least_squares(x, y)
    n = line.n
    residual = y - line.at(x)
    rest = 1 - (1 / n + (x - line.centre) ** 2 / line.scatter)
    # Where the other points share one x they fix no line: 1 - h is zero, up to rounding.
    rest = np.where(rest > 1e-9, rest, np.nan)
    variance = np.maximum((residual**2).sum() - residual**2 / rest, 0) / (n - 3)
    return LeftOut(
        predicted=y - residual / rest,
        half=stats.t.ppf(0.5 + confidence / 2, n - 3) * np.sqrt(variance / rest),
        mean=(y.sum() - y) / (n - 1),
    )


def fit_line(
    x: Vector, y: Vector, *, at: Vector, confidence: float = 0.95
) -> tuple[Vector, Vector, Vector]:
    """Fit a least-squares line and the confidence band of its mean.

    Parameters
    ----------
    x, y
        Points, shape (n,), n at least 3.
    at
        Where to evaluate, shape (m,).
    confidence
        Coverage of the band, see :meth:`Line.band`.

    Returns
    -------
    line, low, high
        Each of shape (m,).
    """
    line = least_squares(x, y)
    middle, half = line.at(at), line.band(at, confidence=confidence)
    return middle, middle - half, middle + half
