"""Coefficients of resamples and bootstrap intervals, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neuronxa.errors import StatisticsError
from neuronxa.statistics import correlate
from neuronxa.statistics.bootstrap import bca_interval, draws, percentile_interval, without_each
from neuronxa.statistics.coefficients import COEFFICIENTS, weighted_coefficients

SCIPY = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
@settings(deadline=None, max_examples=60)
@given(
    points=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=9),
    seed=st.integers(0, 100),
)
def test_weights_are_points_written_out(coefficient, points, seed) -> None:
    """Ties of the data and ties of repeated draws count as SciPy counts them."""
    x, y = np.array(points, dtype=float).T
    weights = draws(len(x), 8, seed)
    found = weighted_coefficients(x, y, weights, coefficient)
    for value, row in zip(found, weights, strict=True):
        a, b = (np.repeat(side, row.astype(int)) for side in (x, y))
        if np.ptp(a) == 0 or np.ptp(b) == 0:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(SCIPY[coefficient](a, b).statistic, abs=1e-12)


def test_an_unknown_coefficient_is_refused() -> None:
    x = np.arange(5.0)
    with pytest.raises(StatisticsError, match=r"'phi'.*\n.*pearson, spearman, kendall"):
        weighted_coefficients(x, x, np.ones((1, 5)), "phi")


def test_draws_are_seeded_and_of_n_points() -> None:
    counts = draws(7, 50, 3)
    assert counts.shape == (50, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert np.array_equal(counts, draws(7, 50, 3))
    assert not np.array_equal(counts, draws(7, 50, 4))
    with pytest.raises(ValueError, match="read-only"):
        counts[0, 0] = 1
    assert np.array_equal(without_each(3), [[0, 1, 1], [1, 0, 1], [1, 1, 0]])


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_bca_is_scipys_on_the_same_resamples(coefficient, confidence) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=15)
    y = x + rng.exponential(size=15)
    weights = draws(15, 500, 1)
    distribution = weighted_coefficients(x, y, weights, coefficient)

    class Before:
        bootstrap_distribution = distribution

    expected = stats.bootstrap(
        (x, y),
        lambda a, b: SCIPY[coefficient](a, b).statistic,
        paired=True,
        vectorized=False,
        n_resamples=0,
        bootstrap_result=Before(),
        confidence_level=confidence,
        method="BCa",
    ).confidence_interval
    estimate = SCIPY[coefficient](x, y).statistic
    jackknife = weighted_coefficients(x, y, without_each(15), coefficient)
    found = bca_interval(distribution, estimate, jackknife, confidence)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_bca_by_hand() -> None:
    distribution = np.arange(100.0)
    jackknife = np.array([1.0, 2.0, 6.0])
    low, high = bca_interval(distribution, 30.0, jackknife, 0.9)
    bias = stats.norm.ppf(0.305)  # 30 of 100 lie below, one is equal
    d = np.array([2.0, 1.0, -3.0])
    a = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    for bound, z in ((low, stats.norm.ppf(0.05)), (high, stats.norm.ppf(0.95))):
        share = stats.norm.cdf(bias + (bias + z) / (1 - a * (bias + z)))
        assert bound == pytest.approx(99 * share)


def test_intervals_leave_out_what_has_no_value() -> None:
    known = np.linspace(0, 1, 101)
    holed = np.concatenate([known, np.full(50, np.nan)])
    assert percentile_interval(holed, 0.9) == pytest.approx((0.05, 0.95))
    assert np.isnan(percentile_interval(np.concatenate([known, np.full(102, np.nan)]), 0.9)).all()
    # outside all resampled values the correction is not defined
    assert bca_interval(known, 2.0, np.array([1.0, 2.0]), 0.9) == pytest.approx((0.05, 0.95))
    assert bca_interval(known, 0.5, np.array([1.0, 1.0]), 0.9) == pytest.approx((0.05, 0.95))


def test_correlate_gives_the_bootstrap_interval_when_asked() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y = x + rng.normal(size=40)
    plain = correlate(x, y, coefficient="pearson")
    assert np.isnan([plain.bootstrap_low, plain.bootstrap_high]).all()
    found = correlate(x, y, coefficient="pearson", resamples=4000, seed=2)
    expected = stats.bootstrap(
        (x, y),
        lambda a, b, axis: stats.pearsonr(a, b, axis=axis).statistic,
        paired=True,
        n_resamples=4000,
        rng=np.random.default_rng(9),
    ).confidence_interval
    # other draws of the same interval
    assert found.bootstrap_low == pytest.approx(expected.low, abs=0.02)
    assert found.bootstrap_high == pytest.approx(expected.high, abs=0.02)
    order = rng.permutation(40)
    again = correlate(x[order], y[order], coefficient="pearson")
    assert (again.estimate, again.low, again.p) == pytest.approx(
        (plain.estimate, plain.low, plain.p)
    )


def test_kendall_is_scipys_with_fiellers_interval() -> None:
    x, y = np.array([1, 2, 2, 3, 5, 5, 7]), np.array([2, 1, 4, 4, 6, 9, 8])
    found = correlate(x, y, coefficient="kendall")
    concordant = discordant = tied_x = tied_y = 0
    for i in range(7):
        for j in range(i):
            sign = np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])
            concordant += sign > 0
            discordant += sign < 0
            tied_x += x[i] == x[j]
            tied_y += y[i] == y[j]
    tau = (concordant - discordant) / np.sqrt((21 - tied_x) * (21 - tied_y))
    half = 1.959963985 * np.sqrt(0.437 / 3)
    assert found.estimate == pytest.approx(tau)
    assert found.low == pytest.approx(np.tanh(np.arctanh(tau) - half))
    assert found.high == pytest.approx(np.tanh(np.arctanh(tau) + half))
    assert found.p == pytest.approx(stats.kendalltau(x, y).pvalue)
    assert found.method == "fieller"
