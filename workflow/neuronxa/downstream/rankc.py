r"""RankC: whether two languages rank the candidates of the same questions alike.

Qi, Fernández and Bisazza, EMNLP 2023, for the consistency of knowledge across languages:

.. math::
    RankC = \frac{1}{|Q|} \sum_i \sum_{j=1}^{N_i} w_j \, P@j, \qquad
    P@j = |top_j(l) \cap top_j(l')| / j, \qquad
    w_j = e^{N_i - j} / \sum_k e^{N_i - k}
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuronxa.errors import StatisticsError


@dataclass(frozen=True)
class RankConsistency:
    """RankC of two languages.

    Attributes
    ----------
    value
        Mean over the items with at least two candidates, 0 to 1.
    low, high
        Percentile bootstrap interval over those items.
    n
        Number of those items.
    chance
        Expected value for independent random rankings of the same candidates.
    single
        Number of items with one candidate, which agree whatever the model says; left out of
        ``value``.
    value_with_single
        Mean over all items, as the authors' code counts them.
    """

    value: float
    low: float
    high: float
    n: int
    chance: float
    single: int
    value_with_single: float


def rank_consistency(
    ranks_a: ArrayLike,
    ranks_b: ArrayLike,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> RankConsistency:
    """RankC with softmax weights, its bootstrap interval over items and its chance level.

    Parameters
    ----------
    ranks_a, ranks_b
        Ranks (item, candidate) from 1 (best) in the two languages, without ties; NaN where an item
        has fewer candidates than the widest one. Column j is the same candidate in both.
    confidence, resamples, seed
        Of the bootstrap.

    Raises
    ------
    StatisticsError
        The tables differ in shape or candidates, are no rankings, or no item has two candidates.
    """
    items = item_consistency(ranks_a, ranks_b)
    counts = np.isfinite(np.asarray(ranks_a, dtype=float)).sum(axis=1)
    several = counts > 1
    values, n = items[several], int(several.sum())
    if n == 0:
        raise StatisticsError(
            "RankC needs items with at least two candidates, there are none",
            remedy="check that the two languages share items",
        )
    draws = np.random.default_rng(seed).integers(n, size=(resamples, n))
    tail = (1 - confidence) / 2
    low, high = np.quantile(values[draws].mean(axis=1), [tail, 1 - tail])
    return RankConsistency(
        value=float(values.mean()),
        low=float(low),
        high=float(high),
        n=n,
        chance=float(np.mean([chance_level(int(count)) for count in counts[several]])),
        single=int((~several).sum()),
        value_with_single=float(items.mean()),
    )


def item_consistency(ranks_a: ArrayLike, ranks_b: ArrayLike) -> NDArray[np.float64]:
    """Inner sum of RankC for every item, shape (item,); parameters as in `rank_consistency`."""
    a, b = np.asarray(ranks_a, dtype=float), np.asarray(ranks_b, dtype=float)
    if a.ndim != 2 or a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        raise StatisticsError(
            f"the two rankings do not have the same items and candidates: {a.shape}, {b.shape}",
            remedy="restrict both to the items they share",
        )
    counts = np.isfinite(a).sum(axis=1)
    places = np.arange(1, a.shape[1] + 1)
    expected = np.where(places <= counts[:, None], places, np.inf)
    for ranks in (a, b):
        if not np.array_equal(np.sort(np.where(np.isnan(ranks), np.inf, ranks), axis=1), expected):
            raise StatisticsError(
                "the ranks of an item are not 1, 2, ... N", remedy="break ties before"
            )
    # A candidate is among the first j in both languages when its worse rank is at most j.
    worse = np.where(np.isfinite(a), np.maximum(a, b), np.inf)
    overlap = (worse[:, :, None] <= places).sum(axis=1)
    result: NDArray[np.float64] = (_weights(counts, len(places)) * overlap / places).sum(axis=1)
    return result


def chance_level(candidates: int) -> float:
    """Exact RankC of independent random rankings of N candidates.

    Two random sets of j out of N share j²/N on average, so P@j is j/N and the chance level
    Σ_j w_j j / N: 0.635, 0.475, 0.310 and 0.158 for N = 2, 3, 5 and 10.
    """
    places = np.arange(1, candidates + 1)
    weights = _weights(np.array([candidates]), candidates)[0]
    return float((weights * places / candidates).sum())


def _weights(counts: NDArray[np.int_], width: int) -> NDArray[np.float64]:
    """Softmax weights (item, place), zero beyond an item's number of candidates."""
    places = np.arange(1, width + 1)
    # e^(N - j) / sum_k e^(N - k) does not depend on N but through the range of k.
    raw = np.where(places <= counts[:, None], np.exp(1.0 - places), 0.0)
    result: NDArray[np.float64] = raw / raw.sum(axis=1, keepdims=True)
    return result
