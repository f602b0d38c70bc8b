"""Accuracy and RankC per language, from tables of rankings made by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from neuronxa.downstream.accuracy import (
    SCORE_COLUMNS,
    candidate_ranks,
    macro_accuracy,
    score_rankings,
)
from neuronxa.downstream.rankc import chance_level, rank_consistency
from neuronxa.errors import StatisticsError
from neuronxa.statistics import wilson_interval


def table(scores: dict[str, tuple[str, int, list[float]]]) -> pd.DataFrame:
    """Rankings from {item: (answer, gold position, log-probabilities)}."""
    return pd.DataFrame(
        [
            (item, position, answer, value, 1, position == gold, False)
            for item, (answer, gold, values) in scores.items()
            for position, value in enumerate(values)
        ],
        columns=["item", "candidate", "answer", "log_probability", "tokens", "gold", "given_away"],
    )


ENGLISH = table(
    {
        "a1": ("A", 0, [-1.0, -2.0, -3.0]),
        "a2": ("A", 0, [-1.0, -2.0, -3.0]),
        "a3": ("A", 0, [-2.5, -2.0, -3.0]),
        "b1": ("B", 1, [-1.0, -2.0, -3.0]),
    }
)
SWAHILI = table(
    {
        "b1": ("B", 1, [-5.0, -4.0, -6.0]),
        "a2": ("A", 0, [-5.0, -4.0, -6.0]),
        "a1": ("A", 0, [-4.0, -4.0, -6.0]),
    }
)


def test_macro_accuracy_is_the_mean_over_answers() -> None:
    result = macro_accuracy(ENGLISH)
    assert result["value"] == pytest.approx((2 / 3 + 0 / 1) / 2)
    assert result["n"] == 4
    assert result["chance"] == pytest.approx(1 / 3)
    effective = 4 / (1 / 3 + 1)
    expected = wilson_interval(1 / 3, effective)
    assert (result["low"], result["high"]) == pytest.approx((expected.low, expected.high))


def test_chance_follows_the_number_of_candidates() -> None:
    mixed = table({"a": ("A", 0, [-1.0, -2.0]), "b": ("B", 0, [-1.0, -2.0, -3.0, -4.0])})
    assert macro_accuracy(mixed)["chance"] == pytest.approx((1 / 2 + 1 / 4) / 2)


def test_one_answer_always_gives_chance_with_a_real_interval() -> None:
    items = {
        f"{answer}{i}": (answer, gold, [-1.0, -2.0, -3.0])
        for gold, answer in enumerate("ABC")
        for i in range(10)
    }
    result = macro_accuracy(table(items))
    assert result["value"] == pytest.approx(1 / 3)
    assert result["low"] < 0.25 and result["high"] > 0.45


def test_ties_go_to_the_earlier_position() -> None:
    np.testing.assert_array_equal(
        candidate_ranks(SWAHILI, ["a1", "b1"]), [[1.0, 2.0, 3.0], [2.0, 1.0, 3.0]]
    )
    # a1 is a tie that the gold wins, a2 is wrong, b1 is right.
    assert macro_accuracy(SWAHILI)["value"] == pytest.approx((1 / 2 + 1) / 2)


def test_scores_of_all_items() -> None:
    scores = score_rankings(
        {"eng_Latn": ENGLISH, "swh_Latn": SWAHILI},
        model="m",
        task="t",
        pivot="eng_Latn",
        common_items=False,
    )
    assert list(scores.columns) == SCORE_COLUMNS
    assert list(zip(scores.language, scores.metric, strict=True)) == [
        ("eng_Latn", "accuracy"),
        ("swh_Latn", "accuracy"),
        ("swh_Latn", "rankc"),
    ]
    assert scores.n.tolist() == [4, 3, 3]
    # a1 agrees; a2 and b1 swap the first two of three.
    total = 1 + math.exp(-1) + math.exp(-2)
    swapped = (0 + math.exp(-1) * 1 + math.exp(-2) * 1) / total
    row = scores.iloc[2]
    assert row.value == pytest.approx((1 + 2 * swapped) / 3)
    assert row.chance == pytest.approx(chance_level(3))
    expected = rank_consistency(
        [[1, 2, 3], [1, 2, 3], [1, 2, 3]], [[2, 1, 3], [2, 1, 3], [1, 2, 3]]
    )
    assert row.low <= row.value <= row.high
    assert row.value == pytest.approx(expected.value)


def test_common_items_only() -> None:
    scores = score_rankings(
        {"eng_Latn": ENGLISH, "swh_Latn": SWAHILI, "ace_Arab": ENGLISH.head(0)},
        model="m",
        task="t",
        pivot="eng_Latn",
        common_items=True,
    )
    accuracy = scores[scores.metric == "accuracy"].set_index("language")
    assert accuracy.n.to_dict() == {"eng_Latn": 3, "swh_Latn": 3}
    assert accuracy.value["eng_Latn"] == pytest.approx((1 + 0) / 2)  # a3 is left out


def test_no_common_item_is_an_error() -> None:
    with pytest.raises(StatisticsError, match="no item is answered by all 2 languages"):
        score_rankings(
            {"eng_Latn": ENGLISH.iloc[:3], "swh_Latn": SWAHILI.iloc[:3]},
            model="m",
            task="t",
            pivot="eng_Latn",
            common_items=True,
        )


def test_no_pivot_no_rankc() -> None:
    scores = score_rankings(
        {"swh_Latn": SWAHILI}, model="m", task="t", pivot="eng_Latn", common_items=False
    )
    assert scores.metric.tolist() == ["accuracy"]


def test_nothing_available_is_an_empty_table() -> None:
    scores = score_rankings(
        {"ace_Arab": ENGLISH.head(0)}, model="m", task="t", pivot="eng_Latn", common_items=True
    )
    assert len(scores) == 0 and list(scores.columns) == SCORE_COLUMNS


def test_a_language_that_names_little_does_not_take_the_items_of_the_others(caplog):
    full = pd.concat([answers(f"i{i}", "x", right=i % 2 == 0) for i in range(10)])
    little = pd.concat([answers(f"i{i}", "x", right=True) for i in range(2)])
    scores = score_rankings(
        {"eng_Latn": full, "deu_Latn": full, "quy_Latn": little},
        model="m",
        task="t",
        pivot="eng_Latn",
        common_items=True,
    )
    assert set(scores["language"]) == {"eng_Latn", "deu_Latn"}
    assert set(scores["n"]) == {10}
    assert "quy_Latn names only 2 items and is left out" in caplog.text


def answers(item, answer, *, right):
    """Rows of one item with two candidates."""
    return pd.DataFrame(
        {
            "item": item,
            "candidate": [0, 1],
            "answer": answer,
            "log_probability": [-1.0, -2.0] if right else [-2.0, -1.0],
            "tokens": 1,
            "gold": [True, False],
        }
    )
