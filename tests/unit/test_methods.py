"""Methods as data, and the summaries over languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuronxa.alignment.methods import COLUMNS, METHODS, method_scores
from neuronxa.errors import StatisticsError
from neuronxa.statistics import layer_peaks, retrieval_summary, wilson_interval

from .synthetic import PIVOT, make_languages, make_scores

LANGUAGES = make_languages(9)


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return make_scores(LANGUAGES, layers=6)


def test_the_methods_of_the_paper_and_of_mexa() -> None:
    assert dict(METHODS) == {
        "NASCA": ("nas_{site}", "mu"),
        "NAVCA": ("nav_{site}", "mu"),
        "MEXA": ("hidden", "mu"),
        "MEXA-last": ("hidden_last", "mu"),
    }
    assert METHODS["NASCA"].at("product") == "nas_product"
    assert METHODS["MEXA"].at("product") == "hidden"


def test_method_scores_are_the_rows_with_the_pivot(scores: pd.DataFrame) -> None:
    shuffled = scores.sample(frac=1.0, random_state=0)
    tidy = method_scores(shuffled, pivot=PIVOT, site="gate")
    assert list(tidy.columns) == list(COLUMNS)
    assert len(tidy) == 4 * 2 * 9
    expected = {
        (row.representation, row.reduction, row.target): row.value
        for row in scores.itertuples()
        if row.source == PIVOT and row.measure == "mu" and row.reduction in ("mean", "max")
    }
    for row in tidy.itertuples():
        key = (METHODS[str(row.method)].at("gate"), row.reduction, row.language)
        assert row.value == expected[key]
    assert (tidy.loc[tidy["language"] == PIVOT, "value"] == 1.0).all()
    assert list(dict.fromkeys(tidy["method"])) == list(METHODS)


def test_methods_that_were_not_extracted_are_left_out(scores: pd.DataFrame) -> None:
    hidden = scores.loc[scores["representation"] == "hidden"]
    assert set(method_scores(hidden, pivot=PIVOT, site="gate")["method"]) == {"MEXA"}
    assert set(method_scores(scores, pivot=PIVOT, site="product")["method"]) == {
        "MEXA",
        "MEXA-last",
    }


def test_method_scores_name_what_is_missing(scores: pd.DataFrame) -> None:
    with pytest.raises(StatisticsError, match=r"starts at the pivot 'xho_Latn'.*\n.*eng_Latn"):
        method_scores(scores, pivot="xho_Latn", site="gate")
    nas = scores.loc[scores["representation"] == "nas_gate"]
    with pytest.raises(StatisticsError, match=r"nas_product.*\n  Allowed: nas_gate"):
        method_scores(nas, pivot=PIVOT, site="product")


def test_layer_peaks_by_hand(scores: pd.DataFrame) -> None:
    peaks = layer_peaks(scores, pivot=PIVOT).set_index("representation")
    for name in ("nas_gate", "hidden_last"):
        curves: dict[int, list[float]] = {}
        for row in scores.itertuples():
            with_pivot = row.source == PIVOT and row.target != PIVOT
            of_layer = (row.representation, row.measure, row.reduction) == (name, "mu", "layer")
            if with_pivot and of_layer:
                curves.setdefault(int(row.layer), []).append(row.value)
        means = {layer: np.mean(values) for layer, values in curves.items()}
        best = max(means, key=lambda layer: means[layer])
        assert peaks.loc[name, "layer"] == best
        assert peaks.loc[name, "value"] == pytest.approx(means[best])


@pytest.mark.parametrize("at", ["mean", "peak"])
def test_retrieval_summary_by_hand(scores: pd.DataFrame, at: str) -> None:
    summary = retrieval_summary(scores, pivot=PIVOT, site="gate", languages=LANGUAGES, at=at)  # type: ignore[arg-type]
    assert len(summary) == 3 * 3 * 4  # groups, representations, directions
    peaks = layer_peaks(scores, pivot=PIVOT).set_index("representation")["layer"]
    others = [code for code in LANGUAGES if code != PIVOT]
    rows = scores.loc[scores["representation"] == "nav_gate"]
    rows = rows.loc[
        (rows["reduction"] == "mean") if at == "mean" else (rows["layer"] == peaks["nav_gate"])
    ]
    value = rows.set_index(["measure", "source", "target"])["value"].to_dict()
    for group in ("all", "head", "long-tail"):
        codes = [c for c in others if group in ("all", LANGUAGES[c].resource_class)]
        forth = [value["top1", PIVOT, code] for code in codes]
        back = [value["top1", code, PIVOT] for code in codes]
        part = summary.loc[(summary["group"] == group) & (summary["representation"] == "nav")]
        found = part.set_index("direction")
        assert found.loc["pivot_to_other", "value"] == pytest.approx(np.mean(forth))
        assert found.loc["other_to_pivot", "value"] == pytest.approx(np.mean(back))
        assert found.loc["mean", "value"] == pytest.approx(np.mean([*forth, *back]))
        both = [value["mu", PIVOT, code] for code in codes]
        assert found.loc["both", "value"] == pytest.approx(np.mean(both))
        assert (found["n_languages"] == len(codes)).all()
        bounds = stats.ttest_1samp(both, 0.0).confidence_interval(0.95)
        assert found.loc["both", "low"] == pytest.approx(max(0, bounds.low))
        assert found.loc["both", "high"] == pytest.approx(min(1, bounds.high))


def test_a_single_language_at_a_layer_has_wilsons_interval(scores: pd.DataFrame) -> None:
    two = scores.loc[
        scores["source"].isin([PIVOT, "fra_Latn"]) & scores["target"].isin([PIVOT, "fra_Latn"])
    ]
    summary = retrieval_summary(two, pivot=PIVOT, site="gate", languages=LANGUAGES, at="peak")
    row = summary.loc[(summary["direction"] == "both") & (summary["group"] == "head")].iloc[0]
    expected = wilson_interval(row["value"], 100)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert row["n_languages"] == 1
