"""RankC against plain loops over its definition."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from neuronxa.downstream.rankc import chance_level, item_consistency, rank_consistency
from neuronxa.errors import StatisticsError


def by_definition(a: list[int], b: list[int]) -> float:
    n = len(a)
    total = sum(math.exp(n - k) for k in range(1, n + 1))
    value = 0.0
    for j in range(1, n + 1):
        top_a = {c for c in range(n) if a[c] <= j}
        top_b = {c for c in range(n) if b[c] <= j}
        value += math.exp(n - j) / total * len(top_a & top_b) / j
    return value


def test_items_of_different_width() -> None:
    rng = np.random.default_rng(5)
    a, b, expected = np.full((40, 10), np.nan), np.full((40, 10), np.nan), []
    for row in range(40):
        n = int(rng.integers(1, 11))
        ranks = [rng.permutation(n) + 1 for _ in range(2)]
        a[row, :n], b[row, :n] = ranks
        expected.append(by_definition(list(ranks[0]), list(ranks[1])))
    np.testing.assert_allclose(item_consistency(a, b), expected, rtol=1e-12)
    np.testing.assert_allclose(item_consistency(b, a), expected, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_chance_level_is_the_mean_over_all_rankings(n: int) -> None:
    first = list(range(1, n + 1))
    values = [by_definition(first, list(p)) for p in itertools.permutations(first)]
    assert chance_level(n) == pytest.approx(np.mean(values), rel=1e-12)


@pytest.mark.parametrize(("n", "value"), [(10, 0.158), (5, 0.310), (3, 0.475), (2, 0.635)])
def test_known_chance_levels(n: int, value: float) -> None:
    assert chance_level(n) == pytest.approx(value, abs=0.0006)


def test_single_candidates_are_counted_apart() -> None:
    a = np.array([[1, 2, 3], [3, 1, 2], [1, np.nan, np.nan]])
    b = np.array([[2, 1, 3], [3, 1, 2], [1, np.nan, np.nan]])
    result = rank_consistency(a, b)
    first = by_definition([1, 2, 3], [2, 1, 3])
    assert result.value == pytest.approx((first + 1) / 2)
    assert result.value_with_single == pytest.approx((first + 2) / 3)
    assert (result.n, result.single) == (2, 1)
    assert result.chance == pytest.approx(chance_level(3))


def test_interval_covers_and_is_reproducible() -> None:
    rng = np.random.default_rng(0)
    a = np.array([rng.permutation(8) + 1 for _ in range(200)])
    b = np.array([rng.permutation(8) + 1 for _ in range(200)])
    result = rank_consistency(a, b, seed=4)
    assert result == rank_consistency(a, b, seed=4)
    items = item_consistency(a, b)
    half = 1.96 * items.std(ddof=1) / np.sqrt(200)
    assert result.low == pytest.approx(items.mean() - half, abs=0.012)
    assert result.high == pytest.approx(items.mean() + half, abs=0.012)
    assert result.low < chance_level(8) < result.high


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ([[1, 2]], [[1, 2], [2, 1]], "same items and candidates"),
        ([[1, 2]], [[1, np.nan]], "same items and candidates"),
        ([[1, 1]], [[1, 2]], "not 1, 2, ... N"),
        ([[0, 1]], [[1, 2]], "not 1, 2, ... N"),
        ([[1.0]], [[1.0]], "at least two candidates"),
    ],
)
def test_faults(a: list[list[float]], b: list[list[float]], text: str) -> None:
    with pytest.raises(StatisticsError, match=text):
        rank_consistency(a, b)
