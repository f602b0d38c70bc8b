"""Intervals of shares and means, against SciPy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neuronxa.errors import StatisticsError
from neuronxa.statistics import mean_interval, wilson_interval


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("hits", "n"), [(0, 100), (1, 100), (37, 100), (100, 100), (1, 1), (5, 7)])
def test_wilson_is_scipys(hits: int, n: int, confidence: float) -> None:
    found = wilson_interval(hits / n, n, confidence=confidence)
    expected = stats.binomtest(hits, n).proportion_ci(confidence_level=confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert (found.estimate, found.n) == (hits / n, n)
    assert 0.0 <= found.low <= found.estimate <= found.high <= 1.0


def test_wilson_refuses_what_is_not_a_share() -> None:
    with pytest.raises(StatisticsError, match=r"1\.2 is not a share"):
        wilson_interval(1.2, 100)
    with pytest.raises(StatisticsError, match="n = 0"):
        wilson_interval(0.5, 0)


def test_mean_interval_is_students() -> None:
    values = [0.2, 0.5, 0.9, 0.4]
    found = mean_interval(values, confidence=0.95)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found.estimate == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.n == 4


def test_mean_interval_of_few_values() -> None:
    one = mean_interval([0.3, np.nan])
    assert (one.estimate, one.n) == (0.3, 1)
    assert np.isnan([one.low, one.high]).all()
    none = mean_interval([])
    assert none.n == 0
    assert np.isnan(none.estimate)
