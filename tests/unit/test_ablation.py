"""Ablations against correlations computed one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuronxa.alignment.methods import method_scores
from neuronxa.errors import StatisticsError
from neuronxa.output.figures import figure_ablations
from neuronxa.output.figures.ablations import level_places
from neuronxa.output.tables import ablation_table
from neuronxa.statistics import ablation, correlate, correlate_methods

from .synthetic import PIVOT, make_downstream, make_languages, make_scores

LANGUAGES = make_languages(20)
OTHERS = [code for code in LANGUAGES if code != PIVOT]
RUN = {"model": "gemma_270m", "corpus": "flores_200", "extraction": "default"}
SCORES = make_scores(LANGUAGES, layers=6)
METHODS = method_scores(SCORES, pivot=PIVOT, site="gate")
TASKS = make_downstream(LANGUAGES)
EXTRACTIONS = {
    "default": ("gate", "weighted", "include", "float32"),
    "product": ("product", "weighted", "include", "float32"),
    "mean": ("gate", "mean", "include", "float32"),
    "last": ("gate", "last", "include", "float32"),
    "bare": ("gate", "weighted", "exclude", "float32"),
    "two": ("product", "mean", "include", "float32"),
    "again": ("gate", "mean", "include", "float32"),
}
EXTRACTIONS = {
    name: dict(zip(("site", "pooling", "special_tokens", "dtype"), row, strict=True))
    for name, row in EXTRACTIONS.items()
}


def make_subsets(totals=None, draws=6, seed=0):
    """Subsets whose scores come near those of all sentences as they grow."""
    rng = np.random.default_rng(seed)
    rows = []
    for row in METHODS[METHODS["reduction"] == "mean"].itertuples():
        if row.language == PIVOT:
            continue
        name = {"NASCA": "nas_gate", "NAVCA": "nav_gate"}.get(row.method)
        name = name or {"MEXA": "hidden", "MEXA-last": "hidden_last"}[row.method]
        total = (totals or {}).get(row.language, 100)
        for n in (*(n for n in (10, 25, 50, 75) if n < total), total):
            for subset in range(draws if n < total else 1):
                value = row.value + (rng.normal(0, 1 / n) if n < total else 0)
                rows.append({**RUN, "representation": name, "language": row.language}
                            | {"n": n, "subset": subset, "value": value})  # fmt: skip
    return pd.DataFrame(rows)


def moved(extraction="default", corpus="flores_200", *, seed, drop=()):
    """The methods' scores of another extraction or corpus."""
    rng = np.random.default_rng(seed)
    value = METHODS["value"] + rng.normal(0, 0.1, len(METHODS))
    frame = METHODS.assign(extraction=extraction, corpus=corpus, value=value)
    return frame[~frame["language"].isin(list(drop))]


def by_hand(x, coefficient, codes):
    """Correlation with the accuracy over the given languages, from SciPy."""
    task = TASKS[TASKS["metric"] == "accuracy"].set_index("language")["value"]
    test = stats.pearsonr if coefficient == "pearson" else stats.spearmanr
    return float(test(x.loc[codes], task.loc[codes]).statistic)


def of(frame, **wanted):
    wanted = {"metric": "accuracy", "coefficient": "pearson", "method": "NASCA"} | wanted
    return frame[(frame[list(wanted)] == list(wanted.values())).all(axis=1)]


def test_all_sentences_give_the_headline_correlation():
    headline = correlate_methods(METHODS, TASKS, pivot=PIVOT)
    headline = headline[~headline["pivot_included"] & (headline["reduction"] == "mean")]
    keys = ["method", "metric", "coefficient"]
    expected = headline.set_index(keys).sort_index()
    variants = ablation.pair_variants(make_subsets(), site="gate")
    found = ablation.ablate(variants, TASKS, pivot=PIVOT)
    assert tuple(found.columns) == ablation.COLUMNS
    top = found[found["level"] == "100"].set_index(keys).sort_index()
    assert len(top) == len(expected) == 24
    columns = ["estimate", "low", "high", "n"]
    np.testing.assert_allclose(top[columns], expected[columns], atol=1e-12)
    assert top["headline"].all()
    assert set(found.loc[found["headline"], "level"]) == {"100"}
    assert list(dict.fromkeys(found["level"])) == ["10", "25", "50", "75", "100"]


def test_fewer_sentences_are_the_mean_over_draws_with_both_kinds_of_doubt():
    subsets = make_subsets()
    found = ablation.ablate(ablation.pair_variants(subsets, site="gate"), TASKS, pivot=PIVOT)
    nas = subsets[(subsets["representation"] == "nas_gate") & (subsets["n"] == 10)]
    for coefficient in ("pearson", "spearman"):
        row = of(found, level="10", coefficient=coefficient).iloc[0]
        r = np.array(
            [
                by_hand(part.set_index("language")["value"], coefficient, OTHERS)
                for _, part in nas.groupby("subset")
            ]
        )
        z = np.arctanh(r)
        n = len(OTHERS)
        scale = 1 if coefficient == "pearson" else 1 + r**2 / 2
        within = np.mean(scale * np.ones_like(r) / (n - 3))
        half = stats.norm.ppf(0.975) * np.sqrt(within + z.var(ddof=1))
        assert row["estimate"] == pytest.approx(np.tanh(z.mean()))
        assert row["low"] == pytest.approx(np.tanh(z.mean() - half))
        assert row["high"] == pytest.approx(np.tanh(z.mean() + half))
        assert (row["n"], row["draws"], row["headline"]) == (n, 6, False)


def test_pooled_intervals_hold_other_languages_and_other_sentences():
    """True r 0.6; x is seen through a draw of sentences that blurs it: coverage of what one has."""
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(500):
        latent = rng.normal(size=20)
        y = 0.75 * latent + np.sqrt(1 - 0.75**2) * rng.normal(size=20)
        found = [
            correlate(latent + 0.75 * rng.normal(size=20), y, coefficient="pearson")
            for _ in range(8)
        ]
        _, low, high = ablation.pooled(found)
        inside += low <= 0.75 / np.sqrt(1 + 0.75**2) <= high
    assert 0.94 <= inside / 500 <= 1.0


def test_languages_with_few_sentences_limit_the_levels_not_the_last_one():
    subsets = make_subsets({OTHERS[0]: 60})
    found = ablation.ablate(ablation.pair_variants(subsets, site="gate"), TASKS, pivot=PIVOT)
    levels = of(found)
    assert levels["level"].tolist() == ["10", "25", "50", ablation.ALL_PAIRS]
    assert set(levels["n"]) == {len(OTHERS)}
    x = METHODS[(METHODS["method"] == "NASCA") & (METHODS["reduction"] == "mean")]
    expected = by_hand(x.set_index("language")["value"], "pearson", OTHERS)
    assert levels["estimate"].iloc[-1] == pytest.approx(expected)


def test_layers_are_read_as_blocks_and_reductions_as_they_are():
    variants = pd.concat(
        [
            ablation.reduction_variants(METHODS, base="default"),
            ablation.layer_variants(SCORES, pivot=PIVOT, site="gate"),
        ]
    )
    found = ablation.ablate(variants, TASKS, pivot=PIVOT)
    for reduction in ("mean", "max"):
        part = METHODS[(METHODS["method"] == "NASCA") & (METHODS["reduction"] == reduction)]
        row = of(found, setting="layers", level=reduction).iloc[0]
        x = part.set_index("language")["value"]
        assert row["estimate"] == pytest.approx(by_hand(x, "pearson", OTHERS))
        assert row["headline"] == (reduction == "mean")
    for method, name, layer, block in (
        ("NASCA", "nas_gate", 0, "1"),
        ("NASCA", "nas_gate", 5, "6"),
        ("MEXA", "hidden", 0, "0"),
        ("MEXA", "hidden", 6, "6"),
    ):
        rows = SCORES[
            (SCORES["representation"] == name)
            & (SCORES["layer"] == layer)
            & (SCORES["reduction"] == "layer")
            & (SCORES["measure"] == "mu")
            & (SCORES["source"] == PIVOT)
        ].set_index("target")["value"]
        row = of(found, setting="layer", level=block, method=method).iloc[0]
        assert row["estimate"] == pytest.approx(by_hand(rows, "pearson", OTHERS))
    blocks = of(found, setting="layer")["level"].tolist()
    assert blocks == [str(block) for block in range(1, 7)]
    assert of(found, setting="layer", method="MEXA")["level"].iloc[0] == "0"


def test_extractions_are_compared_one_column_at_a_time():
    levels = ablation.extraction_levels(EXTRACTIONS)
    assert levels == {
        "pooling": {"weighted": "default", "mean": "mean", "last": "last"},
        "site": {"gate": "default", "product": "product"},
        "special_tokens": {"include": "default", "exclude": "bare"},
    }
    assert ablation.extraction_levels({"default": EXTRACTIONS["default"]}) == {}
    scores = pd.concat([METHODS, *(moved(n, seed=i) for i, n in enumerate(EXTRACTIONS) if i)])
    found = ablation.ablate(ablation.extraction_variants(scores, EXTRACTIONS), TASKS, pivot=PIVOT)
    assert list(dict.fromkeys(found["setting"])) == ["pooling", "site", "special_tokens"]
    x = scores[
        (scores["extraction"] == "last")
        & (scores["method"] == "NASCA")
        & (scores["reduction"] == "mean")
    ].set_index("language")["value"]
    row = of(found, setting="pooling", level="last").iloc[0]
    assert row["estimate"] == pytest.approx(by_hand(x, "pearson", OTHERS))


def test_corpora_are_compared_on_the_languages_that_both_have():
    gone = [OTHERS[2], OTHERS[5], OTHERS[7]]
    other = moved(corpus="tatoeba", seed=9, drop=gone)
    scores = pd.concat([METHODS, other])
    variants = ablation.corpus_variants(scores, base="default", corpora=["flores_200", "tatoeba"])
    found = ablation.ablate(variants, TASKS, pivot=PIVOT)
    shared = [code for code in OTHERS if code not in gone]
    for corpus, frame in (("flores_200", METHODS), ("tatoeba", other)):
        part = frame[(frame["method"] == "NASCA") & (frame["reduction"] == "mean")]
        x = part.set_index("language")["value"]
        for base in ("flores_200", "tatoeba"):
            row = of(found, corpus=base, level=corpus).iloc[0]
            assert row["n"] == len(shared)
            assert row["estimate"] == pytest.approx(by_hand(x, "pearson", shared))
            assert row["headline"] == (corpus == base)
    alone = ablation.corpus_variants(METHODS, base="default", corpora=["flores_200"])
    assert ablation.ablate(alone, TASKS, pivot=PIVOT).empty


def test_what_cannot_be_correlated_says_why():
    variants = ablation.reduction_variants(METHODS, base="default")
    few = TASKS[TASKS["language"].isin(OTHERS[:4])]
    found = ablation.ablate(variants, few, pivot=PIVOT)
    assert found["estimate"].isna().all()
    assert found["message"].str.startswith("a correlation over n = 4 languages").all()
    other = ablation.ablate(variants, TASKS.assign(model="other"), pivot=PIVOT)
    assert (other["n"] == 0).all()
    figure = figure_ablations(found, task="continent", metric="accuracy")
    assert any("n = 4 languages" in text.get_text() for text in figure.texts)
    with pytest.raises(StatisticsError, match="more than one value of continent"):
        ablation.ablate(variants, pd.concat([TASKS, TASKS.iloc[:1]]), pivot=PIVOT)


def test_table_and_figure_show_what_was_computed():
    variants = pd.concat(
        [
            ablation.pair_variants(make_subsets(), site="gate"),
            ablation.reduction_variants(METHODS, base="default"),
            ablation.layer_variants(SCORES, pivot=PIVOT, site="gate"),
        ]
    )
    found = ablation.ablate(variants, TASKS, pivot=PIVOT)
    frame = ablation_table(found).frame
    assert set(frame["setting"]) == {"number of pairs", "layers"}
    row = frame[(frame["level"] == "25") & (frame["metric"] == "accuracy")].iloc[0]
    expected = of(found, level="25", setting="pairs", method="MEXA").iloc[0]
    assert row[["MEXA", "MEXA_low", "MEXA_high"]].tolist() == (
        expected[["estimate", "low", "high"]].tolist()
    )
    assert row["languages"] == len(OTHERS)
    figure = figure_ablations(found, task="continent", metric="accuracy")
    assert [ax.get_title("left") for ax in figure.axes] == [
        "number of pairs",
        "layers",
        "single layer",
    ]
    for ax, setting in zip(figure.axes, ("pairs", "layers"), strict=False):
        drawn = {c.get_label(): c.lines[0].get_ydata() for c in ax.containers}
        for method in ("NASCA", "MEXA-last"):
            rows = of(found, setting=setting, method=method)
            np.testing.assert_allclose(np.asarray(drawn[method], dtype=float), rows["estimate"])


def test_levels_stand_where_they_belong():
    assert level_places("layer", ["0", "3"]) == {"0": 0.0, "3": 3.0}
    places = level_places("pairs", ["10", "100", "all"])
    assert places["10"] == pytest.approx(1)
    assert places["10"] < places["100"] < places["all"]
    assert level_places("pooling", ["weighted", "last"]) == {"weighted": 0.0, "last": 1.0}
