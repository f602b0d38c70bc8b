r"""RankC and overlap: whether two languages rank candidates alike, and know the same.

RankC (Qi, Fernández and Bisazza, EMNLP 2023) compares whole rankings of the same questions:

.. math::
    RankC = \frac{1}{|Q|} \sum_i \sum_{j=1}^{N_i} w_j \, P@j, \qquad
    P@j = |top_j(l) \cap top_j(l')| / j, \qquad
    w_j = e^{N_i - j} / \sum_k e^{N_i - k}

A candidate is among the first j of both languages when its worse rank r is at most j, so the inner
sum is a sum over candidates of a weight that depends on r and N alone,
:math:`\sum_{j \ge r} w_j / j`: all pairs of 53 languages take seconds.

Overlap, from the same authors' code, is the share of the items that are right in both languages
among those that are right in either.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from neuronxa.errors import StatisticsError
from neuronxa.statistics.bootstrap import draws


def item_consistency(ranks_a: ArrayLike, ranks_b: ArrayLike) -> NDArray[np.float64]:
    """Inner sum of RankC for every item, with softmax weights.

    Parameters
    ----------
    ranks_a, ranks_b
        Ranks (item, candidate) from 1 (best) in the two languages, without ties; NaN where an item
        has fewer candidates than the widest one. Column j is the same candidate in both.

    Returns
    -------
    numpy.ndarray
        Shape (item,); NaN for items that one language or both lack.

    Raises
    ------
    StatisticsError
        The tables differ in shape or candidates, or are no rankings.
    """
    a, b = np.asarray(ranks_a, dtype=float), np.asarray(ranks_b, dtype=float)
    if a.ndim != 2 or a.shape != b.shape:
        raise StatisticsError(
            f"the two rankings do not have the same items and candidates: {a.shape}, {b.shape}",
            remedy="restrict both to the items they share",
        )
    ((_, _, values),) = pair_consistency(np.stack([a, b]))
    return values


def pair_consistency(ranks: ArrayLike) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """Inner sums of RankC for every pair of languages.

    Parameters
    ----------
    ranks
        Ranks (language, item, candidate) as in `item_consistency`; an item that a language lacks
        is all NaN there.

    Yields
    ------
    first, second, values
        Numbers of the two languages and the inner sum of each item, NaN where one lacks it.

    Raises
    ------
    StatisticsError
        Two languages have different candidates, or the ranks are not 1, 2, ... N.
    """
    table = np.asarray(ranks, dtype=float)
    known = np.isfinite(table)
    counts = known.sum(axis=2)
    width = table.shape[2]
    widest = counts.max(axis=0, initial=0)
    if ((counts > 0) & (counts < widest)).any():
        raise StatisticsError(
            "the rankings do not have the same items and candidates: the number of candidates "
            "of an item differs",
            remedy="the files of a task must be parallel",
        )
    places = np.arange(1, width + 1)
    expected = np.where(places <= counts[:, :, None], places, np.inf)
    if not np.array_equal(np.sort(np.where(known, table, np.inf), axis=2), expected):
        raise StatisticsError(
            "the ranks of an item are not 1, 2, ... N", remedy="break ties before"
        )
    gain = _gains(width)[widest]  # (item, rank)
    # a candidate that is missing stands at a rank that gains nothing
    whole = np.where(known, table, width + 1).astype(np.intp) - 1
    for first in range(len(whole)):
        for second in range(first + 1, len(whole)):
            worse = np.maximum(whole[first], whole[second])
            values = np.take_along_axis(gain, worse, axis=1).sum(axis=1)
            shared = (counts[first] > 0) & (counts[second] > 0)
            yield first, second, np.where(shared, values, np.nan)


def chance_level(candidates: int) -> float:
    """Exact RankC of independent random rankings of N candidates.

    Two random sets of j out of N share j²/N on average, so P@j is j/N and the chance level
    Σ_j w_j j / N: 0.635, 0.475, 0.310 and 0.158 for N = 2, 3, 5 and 10.
    """
    places = np.arange(1, candidates + 1)
    return float((_weights(candidates, candidates) * places / candidates).sum())


def overlap_chance(right_a: int, right_b: int, n: int) -> float:
    """Expected overlap of two languages that know as much as they do, but unrelated items.

    Overlap grows with accuracy alone: two languages that are right in nearly all items overlap in
    nearly all, whatever they have in common. So the accuracies are kept and the items are not: the
    number X of items right in both is then hypergeometric, and the chance level is the mean of
    X / (a + b - X). NaN where no item is right.
    """
    if right_a + right_b == 0:
        return float("nan")
    both = np.arange(max(0, right_a + right_b - n), min(right_a, right_b) + 1)
    share = both / (right_a + right_b - both)
    return float((stats.hypergeom.pmf(both, n, right_a, right_b) * share).sum())


def bootstrap_intervals(
    values: ArrayLike, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> NDArray[np.float64]:
    """Percentile bootstrap intervals of means over items, of many rows at once.

    Parameters
    ----------
    values
        Values (row, item), NaN where a row lacks the item. Every row takes the same draws of items,
        so the rows of one call go with each other.
    confidence, resamples, seed
        Of the bootstrap.

    Returns
    -------
    numpy.ndarray
        Bounds (row, 2).
    """
    table = np.asarray(values, dtype=float)
    known = np.isfinite(table)
    filled = np.where(known, table, 0.0)
    n = table.shape[1]
    times = draws(n, resamples, seed).T
    tail = (1 - confidence) / 2
    bounds = np.empty((len(table), 2))
    for start in range(0, len(table), 256):  # rows of one product: some 4 MB
        part = slice(start, start + 256)
        with np.errstate(invalid="ignore"):
            means = (filled[part] @ times) / (known[part].astype(float) @ times)
        bounds[part] = np.nanquantile(means, [tail, 1 - tail], axis=1).T
    return bounds


def _gains(width: int) -> NDArray[np.float64]:
    """What a candidate of worse rank r adds to the inner sum, shape (N from 0, r from 1)."""
    places = np.arange(1, width + 1)
    gains = np.zeros((width + 1, width + 1))
    for candidates in range(1, width + 1):
        shares = _weights(candidates, width) / places
        gains[candidates, :width] = np.cumsum(shares[::-1])[::-1]
    return gains


def _weights(candidates: int, width: int) -> NDArray[np.float64]:
    """Softmax weights by place, zero beyond the number of candidates."""
    places = np.arange(1, width + 1)
    # e^(N - j) / sum_k e^(N - k) does not depend on N but through the range of k.
    raw = np.where(places <= candidates, np.exp(1.0 - places), 0.0)
    result: NDArray[np.float64] = raw / raw.sum()
    return result
