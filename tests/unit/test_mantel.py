"""Mantel's test against plain loops over all permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuronxa.errors import StatisticsError
from neuronxa.statistics import mantel as module
from neuronxa.statistics.mantel import COLUMNS, compare_pairs, mantel

from .synthetic import PIVOT, make_languages, make_pairs, make_scores

CODES = list(make_languages(8))
SITES = {"default": "gate"}


def symmetric(rng, size):
    matrix = rng.normal(size=(size, size))
    return matrix + matrix.T


def pairs_of(matrix):
    return [matrix[i, j] for i in range(len(matrix)) for j in range(i)]


@pytest.mark.parametrize("coefficient", ["pearson", "spearman"])
def test_r_and_p_by_all_permutations(coefficient) -> None:
    rng = np.random.default_rng(6)
    x = symmetric(rng, 5)
    y = x + 1.5 * symmetric(rng, 5)
    one = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[coefficient]
    r = one(pairs_of(x), pairs_of(y)).statistic
    every = [
        one(pairs_of(x[np.ix_(order, order)]), pairs_of(y)).statistic
        for order in itertools.permutations(range(5))
    ]
    exact = np.mean(np.abs(every) >= abs(r) - 1e-12)
    found, p = mantel(x, y, coefficient=coefficient, permutations=20_000, seed=1)
    assert found == pytest.approx(r)
    # 5 standard errors of a share of 20,000
    assert abs(p - exact) < 5 * np.sqrt(exact * (1 - exact) / 20_000) + 1e-4


def test_relabelling_both_changes_nothing_and_one_destroys() -> None:
    rng = np.random.default_rng(2)
    x = symmetric(rng, 12)
    y = x + 0.3 * symmetric(rng, 12)
    order = rng.permutation(12)
    again = np.ix_(order, order)
    assert mantel(x[again], y[again])[0] == pytest.approx(mantel(x, y)[0])
    assert mantel(x, y)[1] == 1 / 2001
    assert mantel(x[again], y)[1] > 0.01


def test_memory_is_bounded_without_changing_the_numbers(monkeypatch) -> None:
    rng = np.random.default_rng(3)
    x, y = symmetric(rng, 7), symmetric(rng, 7)
    whole = mantel(x, y, permutations=100, seed=4)
    monkeypatch.setattr(module, "_ENTRIES", 50)
    assert mantel(x, y, permutations=100, seed=4) == whole


def test_pairs_that_share_languages_do_not_count_as_independent() -> None:
    """A score of each language, added up in its pairs: plain p-values reject far too often."""
    rng = np.random.default_rng(5)
    plain, permuted = 0, 0
    for _ in range(200):
        a, b = rng.normal(size=(2, 9))
        x, y = a[:, None] + a, b[:, None] + b
        plain += stats.pearsonr(pairs_of(x), pairs_of(y)).pvalue < 0.05
        permuted += mantel(x, y, permutations=199)[1] <= 0.05
    assert plain > 40
    assert permuted < 22  # 10 expected, 4 standard errors


def test_what_cannot_be_tested_says_why() -> None:
    rng = np.random.default_rng(0)
    x = symmetric(rng, 5)
    with pytest.raises(StatisticsError, match=r"pairs of 4 languages says nothing.*at least 5"):
        mantel(x[:4, :4], x[:4, :4])
    with pytest.raises(StatisticsError, match="task score is the same in all 10 pairs"):
        mantel(x, np.ones((5, 5)))
    holed = x.copy()
    holed[0, 1] = np.nan
    with pytest.raises(StatisticsError, match="alignment score of a pair is missing"):
        mantel(holed, x)


@pytest.fixture(scope="module")
def alignment() -> pd.DataFrame:
    return make_pairs(make_scores(make_languages(8), layers=4))


def task_pairs(codes, *, both=False, model="gemma_270m") -> pd.DataFrame:
    rng = np.random.default_rng(7)
    rows = []
    for a, b in itertools.combinations(codes, 2):
        for metric in ("rankc", "overlap"):
            value = rng.uniform()
            rows.append((model, "continent", a, b, metric, value))
            if both:
                rows.append((model, "continent", b, a, metric, value))
    columns = ["model", "task", "source", "target", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def test_every_method_is_compared_over_all_pairs(alignment) -> None:
    table = compare_pairs(alignment, task_pairs(CODES), pivot=PIVOT, sites=SITES, permutations=99)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 4 * 2 * 2 * 2 * 2  # methods, reductions, metrics, pivot, coefficients
    assert set(table.loc[~table["pivot_included"], "n_pairs"]) == {21}
    assert set(table.loc[table["pivot_included"], "n_languages"]) == {8}
    row = table.loc[
        (table["method"] == "NAVCA")
        & (table["reduction"] == "mean")
        & (table["metric"] == "rankc")
        & ~table["pivot_included"]
        & (table["coefficient"] == "pearson")
    ].iloc[0]
    mu = alignment.query("representation == 'nav_gate' and reduction == 'mean'").set_index(
        ["source", "target"]
    )["mu"]
    known = task_pairs(CODES).query("metric == 'rankc'").set_index(["source", "target"])["value"]
    kept = [pair for pair in known.index if PIVOT not in pair]
    expected = stats.pearsonr([mu[pair] for pair in kept], [known[pair] for pair in kept])
    assert row["estimate"] == pytest.approx(expected.statistic)
    again = compare_pairs(
        alignment, task_pairs(CODES, both=True), pivot=PIVOT, sites=SITES, permutations=99
    )
    pd.testing.assert_frame_equal(table, again)


def test_languages_without_all_pairs_are_left_out(alignment) -> None:
    task = task_pairs(CODES)
    first, second = CODES[2], CODES[5]
    holed = task.loc[~((task["source"] == first) & (task["target"] == second))]
    table = compare_pairs(alignment, holed, pivot=PIVOT, sites=SITES, permutations=99)
    assert set(table["n_languages"]) == {6, 7}
    # a corpus of pairs has the pairs with the pivot alone
    spokes = alignment.loc[(alignment["source"] == PIVOT) | (alignment["target"] == PIVOT)]
    table = compare_pairs(spokes, task, pivot=PIVOT, sites=SITES, permutations=99)
    assert table["message"].str.contains("at least 5").all()
    assert table["estimate"].isna().all()


def test_other_models_do_not_mix(alignment) -> None:
    table = compare_pairs(
        alignment, task_pairs(CODES, model="other"), pivot=PIVOT, sites=SITES, permutations=99
    )
    assert table.empty
    assert list(table.columns) == list(COLUMNS)
