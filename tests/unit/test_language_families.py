"""Correlations over language families, against plain loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuronxa.alignment.methods import method_scores
from neuronxa.errors import StatisticsError
from neuronxa.statistics.bootstrap import draws
from neuronxa.statistics.families import (
    COLUMNS,
    NONE,
    family_interval,
    leave_out_families,
    without_each_family,
)

from .synthetic import PIVOT, make_downstream, make_languages, make_scores

LANGUAGES = make_languages(24)
SCIPY = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}


@pytest.mark.parametrize("coefficient", list(SCIPY))
def test_whole_families_are_drawn(coefficient) -> None:
    rng = np.random.default_rng(0)
    families = list("aaabbcccdeef")
    x = rng.normal(size=12)
    y = x + rng.normal(size=12)
    names = list(dict.fromkeys(families))
    values = []
    for row in draws(len(names), 200, 5):
        index = [
            place
            for name, times in zip(names, row.astype(int), strict=True)
            for _ in range(times)
            for place, family in enumerate(families)
            if family == name
        ]
        values.append(SCIPY[coefficient](x[index], y[index]).statistic)
    found = family_interval(
        x, y, families, coefficient=coefficient, confidence=0.9, resamples=200, seed=5
    )
    assert found == pytest.approx(tuple(np.quantile(values, [0.05, 0.95])))
    without = without_each_family(x, y, families, coefficient=coefficient)
    for name, value in zip(names, without, strict=True):
        kept = [family != name for family in families]
        assert value == pytest.approx(SCIPY[coefficient](x[kept], y[kept]).statistic)


def test_families_that_hang_together_widen_the_interval() -> None:
    """Copies of a language add nothing, though the number of languages grows."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=8)
    y = x + rng.normal(size=8)
    families = [str(i) for i in range(8)]
    few = family_interval(x, y, families, coefficient="pearson", seed=1)
    many = family_interval(
        np.repeat(x, 6),
        np.repeat(y, 6),
        list(np.repeat(families, 6)),
        coefficient="pearson",
        seed=1,
    )
    assert many == pytest.approx(few)


def test_few_families_are_not_resampled() -> None:
    x = np.arange(12.0)
    with pytest.raises(StatisticsError, match=r"4 families are too few.*at least 5.*\n.*other"):
        family_interval(x, x, list("aaabbbcccddd"), coefficient="pearson")


@pytest.fixture(scope="module")
def frames():
    scores = method_scores(make_scores(LANGUAGES, layers=4), pivot=PIVOT, site="gate")
    return scores, make_downstream(LANGUAGES)


def test_each_family_is_left_out(frames) -> None:
    scores, downstream = frames
    table = leave_out_families(scores, downstream, pivot=PIVOT, languages=LANGUAGES, resamples=100)
    assert list(table.columns) == list(COLUMNS)
    others = [code for code in LANGUAGES if code != PIVOT]
    families = {code: LANGUAGES[code].family for code in others}
    names = set(families.values())
    part = table.loc[
        (table["method"] == "MEXA")
        & (table["reduction"] == "max")
        & (table["metric"] == "rankc")
        & (table["coefficient"] == "spearman")
    ].set_index("left_out")
    assert set(part.index) == names | {NONE}
    x = scores.query("method == 'MEXA' and reduction == 'max'").set_index("language")["value"]
    y = downstream.query("metric == 'rankc'").set_index("language")["value"]
    whole = stats.spearmanr(x[others], y[others]).statistic
    assert part.loc[NONE, "estimate"] == pytest.approx(whole)
    assert part.loc[NONE, ["n", "n_families"]].tolist() == [23, len(names)]
    assert part.loc[NONE, "low"] <= whole <= part.loc[NONE, "high"]
    changes = {}
    for name in names:
        kept = [code for code in others if families[code] != name]
        value = stats.spearmanr(x[kept], y[kept]).statistic
        assert part.loc[name, "estimate"] == pytest.approx(value)
        assert part.loc[name, "change"] == pytest.approx(value - whole)
        assert part.loc[name, "n"] == len(kept)
        changes[name] = abs(value - whole)
    most = part.loc[part["moves_most"]].index
    assert changes[most[0]] == pytest.approx(max(changes.values()))


def test_unknown_families_are_one_each(frames) -> None:
    scores, downstream = frames
    unknown = {
        code: type(language)(**{**vars(language), "family": "unknown"})
        for code, language in LANGUAGES.items()
    }
    table = leave_out_families(scores, downstream, pivot=PIVOT, languages=unknown, resamples=100)
    assert set(table.loc[table["left_out"] == NONE, "n_families"]) == {23}
    assert "unknown (fra_Latn)" in set(table["left_out"])


def test_one_family_leaves_the_correlation_and_a_message(frames) -> None:
    scores, downstream = frames
    same = {
        code: type(language)(**{**vars(language), "family": "one"})
        for code, language in LANGUAGES.items()
    }
    table = leave_out_families(scores, downstream, pivot=PIVOT, languages=same, resamples=100)
    whole = table.loc[table["left_out"] == NONE]
    assert whole["estimate"].notna().all()
    assert whole["low"].isna().all()
    assert whole["message"].str.contains("1 families are too few").all()
    rest = table.loc[table["left_out"] == "one"]
    assert rest["estimate"].isna().all()
    assert rest["message"].str.contains("too few languages").all()
    assert not rest["moves_most"].any()
    few = downstream.loc[downstream["language"].isin(list(LANGUAGES)[:4])]
    table = leave_out_families(scores, few, pivot=PIVOT, languages=LANGUAGES, resamples=100)
    assert set(table["left_out"]) == {NONE}
    assert table["message"].str.contains("n = 3").all()


def test_frames_can_be_mixed(frames) -> None:
    scores, downstream = frames
    plain = leave_out_families(scores, downstream, pivot=PIVOT, languages=LANGUAGES, resamples=100)
    mixed = leave_out_families(
        scores.sample(frac=1, random_state=1),
        downstream.sample(frac=1, random_state=2),
        pivot=PIVOT,
        languages=LANGUAGES,
        resamples=100,
    )
    keys = ["method", "reduction", "metric", "coefficient", "left_out"]
    both = pd.merge(plain, mixed, on=keys)
    assert len(both) == len(plain) == len(mixed)
    np.testing.assert_allclose(both["estimate_x"], both["estimate_y"])
