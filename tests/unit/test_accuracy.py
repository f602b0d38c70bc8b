"""Accuracy of a language, from tables of rankings made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neuronxa.downstream.accuracy import candidate_ranks, item_results, macro_accuracy
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


def test_items_without_a_right_candidate_or_a_choice_do_not_count() -> None:
    rows = table(
        {
            "right": ("A", 0, [-1.0, -2.0]),
            "lost": ("B", 7, [-1.0, -2.0]),
            "single": ("C", 0, [-1.0]),
        }
    )
    assert item_results(rows)["item"].tolist() == ["right", "single"]
    result = macro_accuracy(rows)
    assert (result["value"], result["n"], result["chance"]) == (1.0, 1, 0.5)
    assert macro_accuracy(rows[rows["item"] == "lost"]) == {}
