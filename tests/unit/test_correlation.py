"""Correlations against SciPy, published examples and arithmetic by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuronxa.alignment.methods import method_scores
from neuronxa.errors import StatisticsError
from neuronxa.statistics import correlate, correlate_methods
from neuronxa.statistics.correlation import COLUMNS

from .synthetic import PIVOT, make_downstream, make_languages, make_scores

ANSCOMBE_X = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
ANSCOMBE_Y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]


def by_hand(x: np.ndarray, y: np.ndarray) -> float:
    dx, dy = x - x.mean(), y - y.mean()
    return float((dx * dy).sum() / math.sqrt((dx**2).sum() * (dy**2).sum()))


@pytest.mark.parametrize("confidence", [0.9, 0.95])
@pytest.mark.parametrize("n", [5, 23, 200])
def test_pearson_is_scipys_and_by_hand(n: int, confidence: float) -> None:
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    y = x + rng.normal(size=n)
    found = correlate(x, y, coefficient="pearson", confidence=confidence)
    reference = stats.pearsonr(x, y)
    bounds = reference.confidence_interval(confidence)
    assert found.estimate == pytest.approx(by_hand(x, y), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high), abs=1e-12)
    assert found.p == pytest.approx(reference.pvalue)
    assert (found.n, found.method) == (n, "fisher")


def test_pearson_of_anscombes_first_set() -> None:
    found = correlate(ANSCOMBE_X, ANSCOMBE_Y, coefficient="pearson")
    assert found.estimate == pytest.approx(0.81642, abs=5e-6)


def test_spearman_by_hand() -> None:
    x = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    y = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    found = correlate(x, y, coefficient="spearman")
    # Squared rank differences sum to 194: 1 - 6 * 194 / (10 * 99).
    rho = 1 - 6 * 194 / 990
    error = math.sqrt((1 + rho**2 / 2) / 7)
    assert found.estimate == pytest.approx(rho)
    assert found.low == pytest.approx(math.tanh(math.atanh(rho) - 1.959963985 * error))
    assert found.high == pytest.approx(math.tanh(math.atanh(rho) + 1.959963985 * error))
    assert (found.n, found.method) == (10, "bonett-wright")


def test_spearman_with_ties_uses_mean_ranks() -> None:
    x, y = np.array([1, 2, 2, 3, 5, 5]), np.array([2, 1, 4, 4, 6, 9])
    expected = by_hand(stats.rankdata(x), stats.rankdata(y))
    assert correlate(x, y, coefficient="spearman").estimate == pytest.approx(expected)


def test_perfect_correlation_has_a_point_as_interval() -> None:
    x = np.arange(7.0)
    for coefficient in ("pearson", "spearman"):
        found = correlate(x, -2 * x, coefficient=coefficient)
        assert found.estimate == pytest.approx(-1.0)
        assert (found.low, found.high) == pytest.approx((-1.0, -1.0), abs=1e-6)


def test_what_cannot_be_correlated_says_why() -> None:
    with pytest.raises(StatisticsError, match=r"n = 4 languages.*at least 5.*\n.*add languages"):
        correlate([1, 2, 3, 4], [1, 2, 3, 5], coefficient="pearson")
    with pytest.raises(StatisticsError, match=r"y is constant \(0\.25 in all 6 languages\)"):
        correlate(range(6), [0.25] * 6, coefficient="spearman")
    with pytest.raises(StatisticsError, match="x is constant"):
        correlate([0.0] * 6, range(6), coefficient="pearson")
    with pytest.raises(StatisticsError, match="x has 1 values that are not finite"):
        correlate([np.nan, 1, 2, 3, 4], range(5), coefficient="pearson")
    with pytest.raises(StatisticsError, match="do not pair up"):
        correlate(range(6), range(5), coefficient="pearson")
    with pytest.raises(StatisticsError, match="Allowed: pearson, spearman, kendall"):
        correlate(range(6), range(6), coefficient="phi")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    languages = make_languages(12)
    scores = method_scores(make_scores(languages, layers=6), pivot=PIVOT, site="gate")
    return scores, make_downstream(languages)


def test_every_combination_has_its_rows(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores, downstream = frames
    table = correlate_methods(scores, downstream, pivot=PIVOT)
    assert list(table.columns) == list(COLUMNS)
    # 4 methods, 2 reductions, 2 metrics, with and without the pivot, 3 coefficients.
    assert len(table) == 4 * 2 * 2 * 2 * 3
    assert (
        not table[["method", "reduction", "metric", "pivot_included", "coefficient"]]
        .duplicated()
        .any()
    )
    assert (table["message"] == "").all()
    assert set(table.loc[table["pivot_included"], "n"]) == {12}
    assert set(table.loc[~table["pivot_included"], "n"]) == {11}


def test_rows_are_computed_on_matching_languages(
    frames: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    scores, downstream = frames
    shuffled = downstream.sample(frac=1.0, random_state=3)
    table = correlate_methods(scores, shuffled, pivot=PIVOT).set_index(
        ["method", "reduction", "metric", "pivot_included", "coefficient"]
    )
    for included in (False, True):
        pairs = []
        for row in scores.itertuples():
            if row.method == "NAVCA" and row.reduction == "max":
                for other in downstream.itertuples():
                    same = other.language == row.language and other.metric == "accuracy"
                    if same and (included or row.language != PIVOT):
                        pairs.append((row.value, other.value))
        x, y = np.array(pairs).T
        found = table.loc[("NAVCA", "max", "accuracy", included, "pearson")]
        assert found["estimate"] == pytest.approx(by_hand(x, y))
        assert found["n"] == len(x)


def test_rows_that_cannot_be_computed_keep_n_and_a_message(
    frames: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    scores, downstream = frames
    few = downstream.loc[downstream["language"].isin(list(downstream["language"][:5]))].copy()
    table = correlate_methods(scores, few, pivot=PIVOT)
    without = table.loc[~table["pivot_included"]]
    assert set(without["n"]) == {4}
    assert without["estimate"].isna().all()
    assert without["message"].str.contains("n = 4").all()
    assert (table.loc[table["pivot_included"], "n"] == 5).all()
    assert table.loc[table["pivot_included"], "estimate"].notna().all()

    flat = downstream.assign(value=0.2)
    assert (
        correlate_methods(scores, flat, pivot=PIVOT)["message"]
        .str.startswith("the task score is constant (0.2 in all")
        .all()
    )
    absent = downstream.loc[downstream["language"] != PIVOT]
    table = correlate_methods(scores, absent, pivot=PIVOT)
    assert table.loc[table["pivot_included"], "message"].str.contains(f"the pivot {PIVOT}").all()
    elsewhere = downstream.assign(language=downstream["language"] + "_419")
    assert set(correlate_methods(scores, elsewhere, pivot=PIVOT)["n"]) == {0}


def test_missing_values_are_left_out(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores, downstream = frames
    holed = downstream.copy()
    holed.loc[holed["language"] == "fra_Latn", "value"] = np.nan
    table = correlate_methods(scores, holed, pivot=PIVOT)
    assert set(table.loc[~table["pivot_included"], "n"]) == {10}


def test_other_models_do_not_mix(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores, downstream = frames
    other = downstream.assign(model="other", value=1 - downstream["value"])
    alone = correlate_methods(scores, downstream, pivot=PIVOT)
    beside = correlate_methods(scores, pd.concat([downstream, other]), pivot=PIVOT)
    pd.testing.assert_frame_equal(alone, beside)


def test_two_values_of_one_language_are_refused(
    frames: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    scores, downstream = frames
    twice = pd.concat([downstream, downstream.iloc[[3]].assign(source="user")])
    with pytest.raises(StatisticsError, match="'zho_Hans' has more than one value of continent"):
        correlate_methods(scores, twice, pivot=PIVOT)


def test_every_p_stands_beside_its_corrections(
    frames: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    scores, downstream = frames
    table = correlate_methods(scores, downstream, pivot=PIVOT, resamples=200, seed=3)
    for coefficient in ("pearson", "spearman", "kendall"):
        for included in (False, True):
            part = table.loc[
                (table["coefficient"] == coefficient) & (table["pivot_included"] == included)
            ]
            assert len(part) == 16
            words = "included" if included else "left out"
            assert set(part["tests"]) == {f"16 correlations: {coefficient}, pivot {words}"}
            np.testing.assert_allclose(part["q"], stats.false_discovery_control(part["p"]))
            assert part["p_holm"].min() == pytest.approx(min(1, 16 * part["p"].min()))
    row = table.iloc[0]
    assert (row["method"], row["reduction"], row["metric"]) == ("NASCA", "mean", "accuracy")
    x = scores.query("method == 'NASCA' and reduction == 'mean'").set_index("language")["value"]
    y = downstream.query("metric == 'accuracy'").set_index("language")["value"].drop(PIVOT)
    found = correlate(x[y.index], y, coefficient="pearson", resamples=200, seed=3)
    assert (row["bootstrap_low"], row["bootstrap_high"]) == pytest.approx(
        (found.bootstrap_low, found.bootstrap_high)
    )
