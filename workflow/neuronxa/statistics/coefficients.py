r"""Correlation coefficients of many resamples at once.

A resample says how often each point was drawn. With these counts as weights, every coefficient is a
few matrix products, and one table of counts serves all coefficients and methods over the same
languages. Equal points, drawn twice, tie with each other, as they do in a resample written out.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from neuronxa.errors import StatisticsError

Coefficient = Literal["pearson", "spearman", "kendall"]
COEFFICIENTS: Final[tuple[Coefficient, ...]] = get_args(Coefficient)

Vector = NDArray[np.float64]
Weights = NDArray[np.float64]

#: A resample with less than this share of the points' variance holds one value only.
_CONSTANT: Final = 1e-12


def weighted_coefficients(x: Vector, y: Vector, weights: Weights, coefficient: str) -> Vector:
    r"""Compute a coefficient in every resample.

    - Pearson: product-moment correlation of the weighted points.
    - Spearman: Pearson's of the mean ranks, ranked anew in each resample.
    - Kendall: tau-b, :math:`(C - D) / \sqrt{(n_0 - n_1)(n_0 - n_2)}`, n1 and n2 the pairs tied on
      either side.

    Parameters
    ----------
    x, y
        Points, shape (n,).
    weights
        How often each point was drawn, shape (resample, n).
    coefficient
        ``pearson``, ``spearman`` or ``kendall``.

    Returns
    -------
    ndarray
        Shape (resample,); NaN where one side of a resample is constant.

    Raises
    ------
    StatisticsError
        Unknown coefficient.
    """
    check_coefficient(coefficient)
    with np.errstate(invalid="ignore", divide="ignore"):
        if coefficient == "kendall":
            return _kendall(x, y, weights)
        if coefficient == "pearson":
            return _pearson(_standardised(x)[None], _standardised(y)[None], weights)
        return _pearson(_ranks(x, weights), _ranks(y, weights), weights)


def check_coefficient(coefficient: str) -> None:
    """Refuse an unknown coefficient.

    Raises
    ------
    StatisticsError
        It is none of `COEFFICIENTS`.
    """
    if coefficient not in COEFFICIENTS:
        raise StatisticsError(f"unknown coefficient '{coefficient}'", allowed=COEFFICIENTS)


def _standardised(values: Vector) -> Vector:
    spread = values.std()
    centred: Vector = values - values.mean()
    return centred / spread if spread > 0 else centred


def _ranks(values: Vector, weights: Weights) -> Weights:
    """Mean ranks in each resample, from 0 to 1."""
    below = (values[:, None] < values) + 0.5 * (values[:, None] == values)
    ranks: Weights = (weights @ below) / weights.sum(axis=1, keepdims=True)
    return ranks


def _pearson(x: Weights, y: Weights, weights: Weights) -> Vector:
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    products = (weights * x * y).sum(axis=1)
    squares = (weights * x**2).sum(axis=1), (weights * y**2).sum(axis=1)
    least = _CONSTANT * total[:, 0]
    return _ratio(products, *(np.where(part > least, part, 0.0) for part in squares))


def _kendall(x: Vector, y: Vector, weights: Weights) -> Vector:
    dx, dy = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    products, *squares = (
        ((weights @ part) * weights).sum(axis=1) for part in (dx * dy, np.abs(dx), np.abs(dy))
    )
    return _ratio(products, *squares)


def _ratio(products: Vector, x_squares: Vector, y_squares: Vector) -> Vector:
    # Rounding can leave a perfect correlation a hair beyond 1.
    found: Vector = np.clip(products / np.sqrt(x_squares * y_squares), -1.0, 1.0)
    return np.where((x_squares > 0) & (y_squares > 0), found, np.nan)
