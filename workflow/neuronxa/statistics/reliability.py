r"""How far scores would order the languages alike if they were measured again.

A score is a mean over sentences or over items. Two halves of them give two scores of every
language; their correlation over languages is the reliability of a half, and Spearman and Brown's
formula :math:`2 r / (1 + r)` that of the whole (Brown 1910, *British Journal of Psychology* 3,
296-322; Spearman, the same, 271-295). Noise of both sides bounds what a correlation can be
(Spearman 1904, *American Journal of Psychology* 15, 72-101).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuronxa.alignment.methods import METHODS
from neuronxa.alignment.scores import Groups, named_layers, ranks_with
from neuronxa.errors import StatisticsError
from neuronxa.statistics.bootstrap import RESAMPLES
from neuronxa.statistics.coefficients import Vector
from neuronxa.statistics.points import LEAST_POINTS, RUN
from neuronxa.stores.alignment import Alignment

ALIGNMENT_COLUMNS: Final = (*RUN, "method", "reduction", "pivot_included", "reliability", "n")
TASK_COLUMNS: Final = ("model", "task", "metric", "pivot_included", "reliability", "basis", "n")

#: What the reliability of a task rests on.
HALVES: Final = "halves of the items"
VARIANCE: Final = "number of items"
UNKNOWN: Final = "unknown"


#: A metric that is another one over a constant, and so as reliable.
_SCALED: Final[Mapping[str, str]] = {"ratio": "accuracy"}

_SPLITS: Final = 256
"""Splits that are held as numbers at once."""


def random_halves(units: int, count: int, seed: int) -> NDArray[np.bool_]:
    """Split units into two halves, again and again: True in the first half, (count, units)."""
    generator = np.random.default_rng(seed)
    return generator.permuted(np.tile(np.arange(units) < units // 2, (count, 1)), axis=1)


def half_means(
    values: NDArray[np.float64], halves: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average each language over both halves of its units.

    Parameters
    ----------
    values
        Shape (language, unit); NaN where a language lacks a unit.
    halves
        What :func:`random_halves` gives, shape (split, unit).

    Returns
    -------
    tuple
        Means of the first and of the second halves, shape (split, language).
    """
    there = np.isfinite(values).astype(np.float64).T
    filled = np.where(np.isfinite(values), values, 0.0).T
    first: list[NDArray[np.float64]] = []
    second: list[NDArray[np.float64]] = []
    for start in range(0, len(halves), _SPLITS):
        for half, means in ((halves, first), (~halves, second)):
            part = half[start : start + _SPLITS].astype(np.float64)
            with np.errstate(invalid="ignore"):
                means.append((part @ filled) / (part @ there))
    return np.concatenate(first), np.concatenate(second)


def spearman_brown(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Step up the mean correlation of halves to the reliability of the whole.

    Parameters
    ----------
    first, second
        Scores of both halves, shape (split, language). A language that lacks a half in a split
        is left out everywhere; a split in which all languages have the same score is not counted.

    Returns
    -------
    float
        2 r / (1 + r) of the mean r over the splits; NaN with fewer than 5 languages or where no
        split has a correlation. Below zero where halves disagree more than by chance.
    """
    whole = np.isfinite(first).all(axis=0) & np.isfinite(second).all(axis=0)
    if whole.sum() < LEAST_POINTS:
        return np.nan
    x, y = (part[:, whole] - part[:, whole].mean(axis=1, keepdims=True) for part in (first, second))
    scale = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    varies = scale > 1e-12
    if not varies.any():
        return np.nan
    r = float(((x * y).sum(axis=1)[varies] / scale[varies]).mean())
    return 2 * r / (1 + r) if r > -1 + 1e-9 else np.nan


def alignment_reliability(
    alignment: Alignment,
    *,
    pivot: str,
    site: str,
    groups: Groups | None = None,
    halves: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the reliability of every method of one run, from halves of the sentences.

    A sentence counts as found or not in the pool of all sentences, as in mu; the pool is not
    halved, which would make it easier.

    Parameters
    ----------
    alignment
        A published alignment store.
    pivot
        Code of the pivot.
    site
        FFN site of NASCA and NAVCA.
    groups
        Named groups of layers.
    halves, seed
        Of the random halves.

    Returns
    -------
    pandas.DataFrame
        Columns `ALIGNMENT_COLUMNS`; ``n`` is the number of languages.
    """
    rows = []
    for name, method in METHODS.items():
        representation = method.at(site)
        if representation not in alignment.layers:
            continue
        codes, hits = _hits(alignment, representation, pivot)
        layers = len(hits)
        named = named_layers(
            groups or {}, layers=layers, hidden=representation.startswith("hidden")
        )
        split = random_halves(hits.shape[2], halves, seed)
        means = {
            "mean": half_means(hits.mean(axis=0), split),
            "max": _highest(hits, split),
            **{
                group: half_means(hits[chosen].mean(axis=0), split)
                for group, chosen in named.items()
            },
        }
        for reduction, (first, second) in means.items():
            for included in (False, True):
                kept = [included or code != pivot for code in codes]
                about = [alignment.identity[column] for column in RUN]
                value = spearman_brown(first[:, kept], second[:, kept])
                rows.append((*about, name, reduction, included, value, sum(kept)))
    return pd.DataFrame(rows, columns=list(ALIGNMENT_COLUMNS))


def _hits(
    alignment: Alignment, representation: str, pivot: str
) -> tuple[Sequence[str], NDArray[np.float64]]:
    """Whether each sentence is found, (layer, language, sentence); NaN where it is missing."""
    ranks = ranks_with(alignment, representation, pivot)
    found = {
        code: np.where(forth > 0, (forth == 1) & (back == 1), np.nan)
        for code, (forth, back) in ranks.items()
        if (forth[0] > 0).any()
    }
    return list(found), np.stack(list(found.values()), axis=1).astype(np.float64)


def _highest(
    hits: NDArray[np.float64], split: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Highest layer of each half; the halves choose their layer each for itself."""
    first, second = half_means(hits[0], split)
    for layer in hits[1:]:
        others = half_means(layer, split)
        first, second = np.fmax(first, others[0]), np.fmax(second, others[1])
    return first, second


def task_reliability(
    downstream: pd.DataFrame,
    items: pd.DataFrame | None,
    *,
    pivot: str,
    halves: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the reliability of every task of every model.

    Parameters
    ----------
    downstream
        Task scores, columns ``model, task, language, metric, value, n`` and any others.
    items
        Values behind the scores, columns ``model, task, language, metric, item, value``; None
        where there are none. Halves are of the same items in all languages, and plain means.
    pivot
        Code of the pivot.
    halves, seed
        Of the random halves.

    Returns
    -------
    pandas.DataFrame
        Columns `TASK_COLUMNS`. Without items ``reliability`` is 1 less the mean sampling variance,
        v (1 - v) / n of a share v of n items, over the variance of the scores over languages;
        for values between 0 and 1 that are no shares of hits it is a lower bound. Without n it is
        NaN. ``basis`` says which. An accuracy relative to the pivot's has the reliability of
        the accuracy.
    """
    keys = ["model", "task", "metric"]
    known: Mapping[object, pd.DataFrame] = (
        {} if items is None else dict(iter(items.groupby(keys, sort=False)))
    )
    rows = []
    for (model, task, metric), part in downstream.groupby(keys, sort=False):
        for included in (False, True):
            scores = part.loc[(part["language"] != pivot) | included].dropna(subset=["value"])
            items_of = (model, task, _SCALED.get(str(metric), metric))
            if items_of in known:
                wide = known[items_of].pivot(index="language", columns="item", values="value")
                values = wide.reindex(scores["language"]).to_numpy(dtype=np.float64)
                split = random_halves(values.shape[1], halves, seed)
                found, basis = spearman_brown(*half_means(values, split)), HALVES
            else:
                found = variance_reliability(
                    scores["value"].to_numpy(dtype=np.float64),
                    scores["n"].to_numpy(dtype=np.float64, na_value=np.nan),
                )
                basis = UNKNOWN if np.isnan(found) else VARIANCE
            rows.append((model, task, metric, included, found, basis, len(scores)))
    return pd.DataFrame(rows, columns=list(TASK_COLUMNS))


def variance_reliability(values: Vector, n: Vector) -> float:
    """Compute 1 less the mean sampling variance over the variance of the scores.

    Parameters
    ----------
    values
        Shares, shape (language,).
    n
        Number of items behind each.

    Returns
    -------
    float
        NaN where an n is missing, a value is no share, there are fewer than 5 languages, or the
        scores do not vary. Below zero where they vary less than chance alone would make them.
    """
    defined = np.isfinite(n).all() and ((values >= 0) & (values <= 1)).all()
    if values.size < LEAST_POINTS or not defined or np.ptp(values) == 0:
        return np.nan
    return float(1 - (values * (1 - values) / n).mean() / values.var(ddof=1))


def noise_ceiling(alignment: float, task: float) -> float:
    """Compute the square root of the product of two reliabilities: the largest r to be expected.

    Parameters
    ----------
    alignment, task
        Reliabilities; one below zero counts as zero.

    Returns
    -------
    float
        NaN where one is not known.

    Raises
    ------
    StatisticsError
        A reliability above 1.
    """
    if max(alignment, task) > 1 + 1e-9:
        raise StatisticsError(f"{max(alignment, task):g} is no reliability", allowed="up to 1")
    return float(np.sqrt(np.maximum(alignment, 0.0) * np.maximum(task, 0.0)))
