"""Partial correlations against the inverse of the correlation matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neuronxa.alignment.methods import method_scores
from neuronxa.errors import StatisticsError
from neuronxa.statistics import correlate
from neuronxa.statistics.partial import COLUMNS, CONTROLS, control_methods, partial_correlation

from .synthetic import PIVOT, make_downstream, make_languages, make_scores

LANGUAGES = make_languages(24)


def from_inverse(x, y, controls) -> float:
    """Partial correlation from the precision matrix."""
    precision = np.linalg.inv(np.corrcoef(np.column_stack([x, y, controls]).T))
    return float(-precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1]))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 4))
def test_it_is_what_the_precision_matrix_says(seed, k) -> None:
    rng = np.random.default_rng(seed)
    n = k + 5 + seed % 10
    controls = rng.normal(size=(n, k))
    x, y = (controls.sum(axis=1) + rng.normal(size=n) for _ in range(2))
    found = partial_correlation(x, y, controls)
    r = from_inverse(x, y, controls)
    assert found["partial"] == pytest.approx(r, abs=1e-9)
    assert found["estimate"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found["held"] == k
    df = n - 2 - k
    assert found["p"] == pytest.approx(2 * stats.t.sf(abs(r) * np.sqrt(df / (1 - r**2)), df))
    half = stats.norm.ppf(0.975) / np.sqrt(n - k - 3)
    assert found["low"] == pytest.approx(np.tanh(np.arctanh(r) - half), abs=1e-9)
    order = rng.permutation(n)
    again = partial_correlation(x[order], y[order], controls[order])
    assert again["partial"] == pytest.approx(r, abs=1e-9)


def test_one_control_by_the_textbook() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=30)
    x, y = z + rng.normal(size=30), z + rng.normal(size=30)
    xy, xz, yz = (np.corrcoef(a, b)[0, 1] for a, b in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_correlation(x, y, z[:, None])["partial"] == pytest.approx(expected)


def test_spearmans_is_of_ranks() -> None:
    rng = np.random.default_rng(2)
    z, noise = rng.normal(size=(2, 20)), rng.normal(size=(2, 20))
    x, y = np.exp(z[0]) + noise[0], z.sum(axis=0) ** 3 + noise[1]
    binary = (z[1] > 0).astype(float)
    found = partial_correlation(x, y, np.column_stack([z[0], binary]), coefficient="spearman")
    ranks = [stats.rankdata(v) for v in (x, y, z[0], binary)]
    r = from_inverse(ranks[0], ranks[1], np.column_stack(ranks[2:]))
    assert found["partial"] == pytest.approx(r)
    half = stats.norm.ppf(0.975) * np.sqrt((1 + r**2 / 2) / (20 - 2 - 3))
    assert found["high"] == pytest.approx(np.tanh(np.arctanh(r) + half))


def test_controls_that_follow_from_each_other_count_once() -> None:
    rng = np.random.default_rng(3)
    z, x, y = rng.normal(size=(3, 12))
    one = partial_correlation(x, y, z[:, None])
    two = partial_correlation(x, y, np.column_stack([z, 2 * z + 1]))
    assert two["held"] == 1
    assert (two["partial"], two["p"]) == pytest.approx((one["partial"], one["p"]))


def test_what_cannot_be_held_constant_says_why() -> None:
    rng = np.random.default_rng(1)
    x, y, z = rng.normal(size=(3, 8))
    with pytest.raises(StatisticsError, match="same value in all 8 languages"):
        partial_correlation(x, y, np.ones((8, 1)))
    with pytest.raises(StatisticsError, match=r"y follows from the controls.*\n.*fewer controls"):
        partial_correlation(x, 2 * z + 1, z[:, None])
    with pytest.raises(StatisticsError, match="x follows from the controls"):
        partial_correlation(z, y, z[:, None], coefficient="spearman")
    with pytest.raises(StatisticsError, match=r"n = 8 languages are too few for 4.*at least 9"):
        partial_correlation(x, y, rng.normal(size=(8, 4)))
    with pytest.raises(StatisticsError, match="n = 0 languages"):
        partial_correlation([], [], np.empty((0, 1)))


@pytest.fixture(scope="module")
def frames():
    scores = method_scores(make_scores(LANGUAGES, layers=4), pivot=PIVOT, site="gate")
    rng = np.random.default_rng(8)
    fertility = pd.DataFrame(
        [
            ("gemma_270m", "flores_200", "default", code, measure, rng.uniform(1, 4))
            for code in LANGUAGES
            for measure in ("premium", "tokens_per_word")
        ],
        columns=["model", "corpus", "extraction", "language", "measure", "value"],
    )
    lexical = pd.DataFrame(
        [
            ("flores_200", code, measure, rng.uniform())
            for code in LANGUAGES
            if code not in (PIVOT, "fra_Latn")
            for measure in ("mu", "top1")
        ],
        columns=["corpus", "language", "measure", "value"],
    )
    return scores, make_downstream(LANGUAGES), fertility, lexical


def test_every_set_of_controls_is_held(frames) -> None:
    scores, downstream, fertility, lexical = frames
    table = control_methods(
        scores, downstream, fertility, lexical, pivot=PIVOT, languages=LANGUAGES
    )
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 4 * 2 * 2 * len(CONTROLS) * 2
    row = table.loc[
        (table["method"] == "NAVCA")
        & (table["reduction"] == "mean")
        & (table["metric"] == "accuracy")
        & (table["coefficient"] == "pearson")
    ].set_index("control")
    kept = [code for code in LANGUAGES if code not in (PIVOT, "fra_Latn")]

    def of(frame, query):
        return frame.query(query).set_index("language")["value"].reindex(kept).to_numpy()

    x = of(scores, "method == 'NAVCA' and reduction == 'mean'")
    y = of(downstream, "metric == 'accuracy'")
    same = np.array([code.endswith("Latn") for code in kept], dtype=float)
    tokens, floor = of(fertility, "measure == 'premium'"), of(lexical, "measure == 'mu'")
    expected = from_inverse(x, y, np.column_stack([same, tokens, floor]))
    assert row.loc["all", "partial"] == pytest.approx(expected)
    assert row.loc["lexical", "partial"] == pytest.approx(from_inverse(x, y, floor))
    assert row.loc["all", ["n", "held"]].tolist() == [22, 3]
    # French has no floor here but a script and tokens
    assert row.loc[["script", "scripts", "fertility"], "n"].tolist() == [23, 23, 23]
    scripts = {LANGUAGES[code].script for code in LANGUAGES if code != PIVOT}
    assert row.loc["scripts", "held"] == len(scripts) - 1
    assert row.loc["fertility", "estimate"] == pytest.approx(
        correlate(
            *(
                frame.query(query).set_index("language")["value"].drop(PIVOT).sort_index()
                for frame, query in (
                    (scores, "method == 'NAVCA' and reduction == 'mean'"),
                    (downstream, "metric == 'accuracy'"),
                )
            ),
            coefficient="pearson",
        ).estimate
    )


def test_one_script_holds_nothing_constant(frames) -> None:
    scores, downstream, fertility, lexical = frames
    latin = downstream.loc[downstream["language"].str.endswith("Latn")]
    table = control_methods(scores, latin, fertility, lexical, pivot=PIVOT, languages=LANGUAGES)
    refused = table["control"].isin(["script", "scripts", "all", "all, each script"])
    assert table.loc[refused, "message"].str.contains("same value").all()
    assert (table.loc[~refused, "message"] == "").all()
