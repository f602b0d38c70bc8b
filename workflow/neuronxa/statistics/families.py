"""Languages of one family are not independent: correlations without each, and over families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from neuronxa.errors import StatisticsError
from neuronxa.statistics.bootstrap import RESAMPLES, draws, percentile_interval
from neuronxa.statistics.coefficients import (
    COEFFICIENTS,
    Coefficient,
    Vector,
    Weights,
    weighted_coefficients,
)
from neuronxa.statistics.correlation import check_points
from neuronxa.statistics.points import KEYS, LEAST_POINTS, paired_points, told

if TYPE_CHECKING:
    from neuronxa.languages import Language

LEAST_FAMILIES: Final = 5
"""Fewest families that are resampled."""
NONE: Final = "none"
"""In the column ``left_out``: all languages."""
COLUMNS: Final = (
    *KEYS,
    "coefficient",
    "left_out",
    "estimate",
    "low",
    "high",
    "change",
    "moves_most",
    "n",
    "n_families",
    "message",
)


def family_interval(
    x: ArrayLike,
    y: ArrayLike,
    families: Sequence[str],
    *,
    coefficient: Coefficient,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Resample whole families: the interval of a correlation over other families.

    Each draw takes as many families as there are, with replacement, and all languages of those
    drawn, as often as they were: a cluster bootstrap (Davison and Hinkley 1997, *Bootstrap methods
    and their application*). Percentiles: with few clusters a correction of the bias is itself not
    well known.

    Parameters
    ----------
    x, y
        Values of the same languages, shape (n,).
    families
        Family of each language.
    coefficient
        ``pearson``, ``spearman`` or ``kendall``.
    confidence, resamples, seed
        Of the bootstrap.

    Returns
    -------
    tuple
        Bounds; NaN where more than half of the draws have no correlation.

    Raises
    ------
    StatisticsError
        Fewer than 5 families.
    """
    members = _members(families)
    if len(members) < LEAST_FAMILIES:
        raise StatisticsError(
            f"{len(members)} families are too few to be resampled; "
            f"at least {LEAST_FAMILIES} are needed",
            remedy="add languages of other families",
        )
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    weights = draws(len(members), resamples, seed) @ members
    return percentile_interval(weighted_coefficients(a, b, weights, coefficient), confidence)


def without_each_family(
    x: ArrayLike, y: ArrayLike, families: Sequence[str], *, coefficient: Coefficient
) -> Vector:
    """Correlate without each family in turn, in the order in which families first come.

    Parameters
    ----------
    x, y, families, coefficient
        As in :func:`family_interval`.

    Returns
    -------
    ndarray
        Shape (family,); NaN where fewer than 5 languages are left, or one side is constant.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    kept = 1.0 - _members(families)
    found = weighted_coefficients(a, b, kept, coefficient)
    return np.where(kept.sum(axis=1) >= LEAST_POINTS, found, np.nan)


def _members(families: Sequence[str]) -> Weights:
    """Which languages each family has, shape (family, language)."""
    names = list(dict.fromkeys(families))
    return np.array([[float(own == name) for own in families] for name in names])


def leave_out_families(
    method_scores: pd.DataFrame,
    downstream: pd.DataFrame,
    *,
    pivot: str,
    languages: Mapping[str, Language],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate every method with every task without each family, over languages but the pivot.

    Parameters
    ----------
    method_scores, downstream, pivot
        As :func:`neuronxa.statistics.correlation.correlate_methods` takes them.
    languages
        Code to language; gives the family. A language whose family is unknown is one by itself.
    confidence, resamples, seed
        Of the bootstrap over families.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. The row whose ``left_out`` is ``none`` has the correlation of all
        languages with the interval over families; each other row the correlation without a family,
        how far it moves it (``change``), and whether no other moves it more (``moves_most``). ``n``
        and ``n_families`` count what is in the row.
    """
    rows = []
    for key, every in paired_points(method_scores, downstream):
        points = every.loc[every["language"] != pivot]
        families = [_family(languages[code]) for code in points["language"]]
        names = list(dict.fromkeys(families))
        for coefficient in COEFFICIENTS:
            head = dict(zip(KEYS, key, strict=True)) | {"coefficient": coefficient}
            whole: dict[str, Any] = head | {
                "left_out": NONE,
                "estimate": np.nan,
                "low": np.nan,
                "high": np.nan,
                "change": 0.0,
                "moves_most": False,
                "n": len(points),
                "n_families": len(names),
                "message": "",
            }
            rows.append(whole)
            x, y = points["x"].to_numpy(), points["y"].to_numpy()
            try:
                check_points(x, y)
                ones = np.ones((1, len(x)))
                whole["estimate"] = float(weighted_coefficients(x, y, ones, coefficient)[0])
                whole["low"], whole["high"] = family_interval(
                    x,
                    y,
                    families,
                    coefficient=coefficient,
                    confidence=confidence,
                    resamples=resamples,
                    seed=seed,
                )
            except StatisticsError as fault:
                whole["message"] = told(fault)
            if np.isnan(whole["estimate"]):
                continue
            without = without_each_family(x, y, families, coefficient=coefficient)
            change = without - whole["estimate"]
            most = np.nanmax(np.abs(change)) if np.isfinite(change).any() else np.nan
            for name, estimate, moved in zip(names, without, change, strict=True):
                rows.append(
                    whole
                    | {
                        "left_out": name,
                        "estimate": float(estimate),
                        "low": np.nan,
                        "high": np.nan,
                        "change": float(moved),
                        "moves_most": bool(abs(moved) == most),
                        "n": len(x) - families.count(name),
                        "n_families": len(names) - 1,
                        "message": ""
                        if np.isfinite(estimate)
                        else "too few languages, or the same scores, without this family",
                    }
                )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"n": "int64", "n_families": "int64", "moves_most": bool})


def _family(language: Language) -> str:
    return f"unknown ({language.code})" if language.family == "unknown" else language.family
