"""Tests of dependent correlations against published examples, simulation and plain loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neuronxa.alignment.methods import method_scores
from neuronxa.errors import StatisticsError
from neuronxa.output.figures import figure_differences
from neuronxa.statistics.bootstrap import bca_interval, draws
from neuronxa.statistics.differences import COLUMNS, compare, compare_methods, overlapping_test

from .synthetic import PIVOT, make_downstream, make_languages, make_scores


def test_published_examples() -> None:
    # r.jk = .3, r.jh = .4, r.kh = .5, n = 100: DEPCOR (Silver, Hittner and May 2006), as quoted in
    # the tests of the R package cocor
    found = overlapping_test(0.3, 0.4, 0.5, 100)
    assert (round(found.steiger_z, 4), round(found.p, 4)) == (-1.0718, 0.2838)
    assert (round(found.hittner_z, 4), round(found.hittner_p, 4)) == (-1.0715, 0.2839)
    assert (round(found.williams_t, 4), round(found.williams_p, 4)) == (-1.0767, 0.2843)
    # Steiger (1980, p. 249, case A) rounds the covariance and prints -.8913; cocor has this
    assert round(overlapping_test(0.4, 0.5, 0.1, 103).steiger_z, 7) == -0.8887185


correlations = st.floats(-0.9, 0.9)


@given(r=correlations, other=correlations, between=correlations, n=st.integers(6, 300))
def test_swapping_the_methods_turns_the_sign(r, other, between, n) -> None:
    matrix = np.array([[1, r, other], [r, 1, between], [other, between, 1]])
    if np.linalg.det(matrix) < 1e-6 or np.linalg.eigvalsh(matrix)[0] <= 0:
        return
    one, two = overlapping_test(r, other, between, n), overlapping_test(other, r, between, n)
    for name in ("steiger_z", "hittner_z", "williams_t"):
        assert getattr(one, name) == pytest.approx(-getattr(two, name), abs=1e-9)
        assert np.sign(getattr(one, name)) == np.sign(r - other) or abs(r - other) < 1e-12
    assert one.p == pytest.approx(two.p, abs=1e-12)


def test_the_tests_keep_their_level() -> None:
    """Where both methods are equally good, 5% of the tests say otherwise."""
    rng = np.random.default_rng(1)
    covariance = np.array([[1, 0.8, 0.6], [0.8, 1, 0.6], [0.6, 0.6, 1]])
    p = []
    for _ in range(2000):
        r = np.corrcoef(rng.multivariate_normal(np.zeros(3), covariance, size=24).T)
        found = overlapping_test(r[0, 2], r[1, 2], r[0, 1], 24)
        p.append((found.p, found.hittner_p, found.williams_p))
    rejected = (np.array(p) < 0.05).mean(axis=0)
    # 5 standard errors of a share of 2000; the tests are approximations
    assert np.abs(rejected - 0.05).max() < 5 * np.sqrt(0.05 * 0.95 / 2000)


def test_what_cannot_be_tested_says_why() -> None:
    with pytest.raises(StatisticsError, match="cannot be correlations of the same languages"):
        overlapping_test(0.9, -0.9, 0.9, 20)
    with pytest.raises(StatisticsError, match=r"of 1 or -1.*\n.*same scores"):
        overlapping_test(0.5, 0.5, 1.0, 20)


@pytest.mark.parametrize("coefficient", ["pearson", "spearman", "kendall"])
def test_the_bootstrap_is_paired(coefficient) -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(size=18)
    a, b = y + rng.normal(size=18), y + rng.normal(size=18)
    one = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}[
        coefficient
    ]

    def gap(index):
        return one(a[index], y[index]).statistic - one(b[index], y[index]).statistic

    resamples = [np.repeat(np.arange(18), row.astype(int)) for row in draws(18, 300, 7)]
    distribution = np.array([gap(index) for index in resamples])
    whole = np.arange(18)
    jackknife = np.array([gap(np.delete(whole, i)) for i in whole])
    expected = bca_interval(distribution, gap(whole), jackknife, 0.9)
    found = compare(a, b, y, coefficient=coefficient, confidence=0.9, resamples=300, seed=7)
    assert found["difference"] == pytest.approx(gap(whole))
    assert (found["low"], found["high"]) == pytest.approx(expected)
    assert found["between"] == pytest.approx(one(a, b).statistic)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000))
def test_the_order_of_the_languages_does_not_matter(seed) -> None:
    rng = np.random.default_rng(seed)
    a, b, y = rng.normal(size=(3, 9))
    order = rng.permutation(9)
    one = compare(a, b, y, coefficient="pearson", resamples=100)
    two = compare(a[order], b[order], y[order], coefficient="pearson", resamples=100)
    for name in ("estimate", "other_estimate", "between", "difference"):
        assert one[name] == pytest.approx(two[name])


@pytest.fixture(scope="module")
def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    languages = make_languages(14)
    scores = method_scores(make_scores(languages, layers=5), pivot=PIVOT, site="gate")
    return scores, make_downstream(languages)


def test_nasca_is_compared_with_every_other_method(frames) -> None:
    scores, downstream = frames
    # a language that one method lacks is left out of that comparison alone
    scores = scores.loc[~((scores["method"] == "MEXA") & (scores["language"] == "fra_Latn"))]
    table = compare_methods(scores, downstream, pivot=PIVOT, resamples=100)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 3 * 2 * 2 * 2 * 3  # others, reductions, metrics, pivot, coefficients
    assert set(table["method"]) == {"NASCA"}
    assert set(table.loc[~table["pivot_included"], "n"]) == {12, 13}
    row = table.loc[
        (table["other"] == "MEXA")
        & (table["reduction"] == "max")
        & (table["metric"] == "rankc")
        & table["pivot_included"]
        & (table["coefficient"] == "pearson")
    ].iloc[0]
    wide = scores.loc[scores["reduction"] == "max"].pivot(
        index="language", columns="method", values="value"
    )
    task = downstream.loc[downstream["metric"] == "rankc"].set_index("language")["value"]
    kept = wide[["NASCA", "MEXA"]].join(task.rename("y")).dropna()
    r = np.corrcoef(kept.to_numpy().T)
    assert row["n"] == len(kept) == 13
    assert row["difference"] == pytest.approx(r[0, 2] - r[1, 2])
    expected = overlapping_test(r[0, 2], r[1, 2], r[0, 1], 13)
    assert (row["steiger_z"], row["williams_p"]) == pytest.approx(
        (expected.steiger_z, expected.williams_p)
    )
    ranks = table.loc[table["coefficient"] != "pearson"]
    assert ranks["steiger_z"].isna().all()
    assert ranks["low"].notna().all()


def test_the_same_scores_have_no_test_but_a_difference_of_zero(frames) -> None:
    scores, downstream = frames
    nasca = scores.loc[scores["method"] == "NASCA"]
    table = compare_methods(
        pd.concat([nasca, nasca.assign(method="MEXA")]), downstream, pivot=PIVOT, resamples=100
    )
    pearson = table.loc[table["coefficient"] == "pearson"]
    assert (pearson["difference"] == 0).all()
    assert pearson["message"].str.contains("leaves nothing to test").all()
    assert pearson["p"].isna().all()


def test_rows_that_cannot_be_computed_say_why(frames) -> None:
    scores, downstream = frames
    few = downstream.loc[downstream["language"].isin(list(scores["language"].unique()[:4]))]
    table = compare_methods(scores, few, pivot=PIVOT, resamples=100)
    assert table["message"].str.contains("at least 5 are needed|pivot").all()
    absent = downstream.loc[downstream["language"] != PIVOT]
    table = compare_methods(scores, absent, pivot=PIVOT, resamples=100)
    assert table.loc[table["pivot_included"], "message"].str.contains(PIVOT).all()


def test_the_figure_draws_what_the_frame_says(frames) -> None:
    scores, downstream = frames
    table = compare_methods(scores, downstream, pivot=PIVOT, resamples=100)
    figure = figure_differences(table)
    kept = table.query("coefficient == 'pearson' and reduction == 'mean' and not pivot_included")
    assert len(figure.axes) == 2
    for ax, metric in zip(figure.axes, ("accuracy", "rankc"), strict=True):
        part = kept.loc[kept["metric"] == metric].set_index("other")
        assert {str(c.get_label()) for c in ax.containers} == set(part.index)
        for container in ax.containers:
            row = part.loc[str(container.get_label())]
            point, _, bars = container
            assert point.get_xdata() == pytest.approx([row["difference"]])
            ends = bars[0].get_segments()[0][:, 0]
            expected = (min(row["low"], row["difference"]), max(row["high"], row["difference"]))
            assert ends == pytest.approx(expected)
    with pytest.raises(StatisticsError, match="no difference of Pearson correlations"):
        figure_differences(table.loc[table["reduction"] == "max"])


def test_the_figure_of_nothing_defined_can_be_drawn(frames) -> None:
    scores, downstream = frames
    few = downstream.loc[downstream["language"].isin(list(scores["language"].unique()[:4]))]
    figure = figure_differences(compare_methods(scores, few, pivot=PIVOT, resamples=100))
    assert len(figure.axes) == 2
