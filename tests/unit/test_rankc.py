"""RankC against plain loops over its definition."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from neuronxa.downstream.rankc import (
    bootstrap_intervals,
    chance_level,
    item_consistency,
    overlap_chance,
    pair_consistency,
)
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


def random_ranks(rng: np.random.Generator, counts: list[int], width: int) -> np.ndarray:
    ranks = np.full((len(counts), width), np.nan)
    for row, n in enumerate(counts):
        ranks[row, :n] = rng.permutation(n) + 1
    return ranks


def test_all_pairs_follow_the_definition_and_missing_items_stay_missing() -> None:
    rng = np.random.default_rng(3)
    counts = [1, 2, 5, 10, 10, 3]
    ranks = np.stack([random_ranks(rng, counts, 10) for _ in range(4)])
    ranks[2, 4] = np.nan  # the third language lacks the fifth item
    found = {(a, b): values for a, b, values in pair_consistency(ranks)}
    assert list(found) == list(itertools.combinations(range(4), 2))
    for (a, b), values in found.items():
        for item, n in enumerate(counts):
            if 2 in (a, b) and item == 4:
                assert np.isnan(values[item])
                continue
            rows = [[int(r) for r in ranks[language, item, :n]] for language in (a, b)]
            assert values[item] == pytest.approx(by_definition(*rows), rel=1e-12)


def test_bootstrap_is_that_of_plain_draws() -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(size=(3, 40))
    values[1, :10] = np.nan
    found = bootstrap_intervals(values, resamples=4000, seed=7)
    np.testing.assert_array_equal(found, bootstrap_intervals(values, resamples=4000, seed=7))
    for row, (low, high) in zip(values, found, strict=True):
        kept = row[np.isfinite(row)]
        plain = stats.bootstrap((kept,), np.mean, n_resamples=4000, method="percentile", rng=2)
        expected = plain.confidence_interval
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.012)
        assert low < kept.mean() < high


def test_rows_do_not_depend_on_those_beside_them() -> None:
    values = np.random.default_rng(1).uniform(size=(300, 20))
    whole = bootstrap_intervals(values, resamples=200)
    np.testing.assert_allclose(whole[290:], bootstrap_intervals(values[290:], resamples=200))


@pytest.mark.parametrize(("a", "b", "n"), [(3, 4, 6), (1, 6, 6), (5, 5, 6), (0, 2, 6)])
def test_chance_of_overlap_is_the_mean_over_all_ways_to_be_right(a: int, b: int, n: int) -> None:
    first = set(range(a))
    ways = [set(way) for way in itertools.combinations(range(n), b)]
    expected = np.mean([len(first & way) / len(first | way) for way in ways])
    assert overlap_chance(a, b, n) == pytest.approx(expected, rel=1e-12)


def test_overlap_of_nothing_has_no_chance_level() -> None:
    assert math.isnan(overlap_chance(0, 0, 6))


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ([[1, 2]], [[1, 2], [2, 1]], "same items and candidates"),
        ([[1, 2]], [[1, np.nan]], "same items and candidates"),
        ([[1, 1]], [[1, 2]], "not 1, 2, ... N"),
        ([[0, 1]], [[1, 2]], "not 1, 2, ... N"),
    ],
)
def test_faults(a: list[list[float]], b: list[list[float]], text: str) -> None:
    with pytest.raises(StatisticsError, match=text):
        item_consistency(a, b)
