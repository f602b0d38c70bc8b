"""Many tests at once: what is left of a p-value when it is one of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from neuronxa.statistics.coefficients import Vector


def holm(p: ArrayLike) -> Vector:
    r"""Adjust p-values for their number (Holm 1979, *Scandinavian Journal of Statistics* 6, 65-70).

    The k-th smallest of m becomes the largest :math:`(m - j + 1) p_{(j)}` of all j up to k, at most
    1: rejecting what is below α then errs in any of the tests with a probability of at most α,
    however the tests depend on each other.

    Parameters
    ----------
    p
        p-values, shape (m,), without NaN.
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = (values.size - np.arange(values.size)) * values[order]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def adjust(frame: pd.DataFrame, *, p: str = "p", within: Sequence[str], of: str) -> pd.DataFrame:
    """Put Holm's p and Benjamini and Hochberg's q beside every p-value.

    Parameters
    ----------
    frame
        One row per test; rows whose p is NaN are no tests and are not counted.
    p
        Column of the p-values.
    within
        Columns that tell families of tests apart, such as the coefficient: rows that agree in them
        are corrected together.
    of
        What the tests are of, in the plural.

    Returns
    -------
    pandas.DataFrame
        The frame with ``p_holm``, ``q`` (Benjamini and Hochberg 1995, *JRSS B* 57, 289-300) and
        ``tests``, which names the family and its size.
    """
    result = frame.assign(p_holm=np.nan, q=np.nan, tests="")
    for key, part in frame.groupby(list(within), sort=False):
        known = part.index[part[p].notna()]
        names = ", ".join(
            f"pivot {'included' if value else 'left out'}"
            if name == "pivot_included"
            else str(value)
            for name, value in zip(within, key, strict=True)
        )
        result.loc[part.index, "tests"] = f"{len(known)} {of}: {names}"
        if len(known):
            values = part.loc[known, p].to_numpy(dtype=np.float64)
            result.loc[known, "p_holm"] = holm(values)
            result.loc[known, "q"] = stats.false_discovery_control(values, method="bh")
    return result
