"""Every score of a probe from tables of rankings made by hand, against plain loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from neuronxa.downstream.accuracy import SCORE_COLUMNS
from neuronxa.downstream.consistency import PAIR_COLUMNS
from neuronxa.downstream.knowledge import ITEM_COLUMNS, score_rankings
from neuronxa.downstream.rankc import chance_level, item_consistency, overlap_chance
from neuronxa.errors import StatisticsError
from neuronxa.statistics import wilson_interval

from .test_accuracy import ENGLISH, SWAHILI, table


def test_scores_of_all_items() -> None:
    scores = score_rankings(
        {"eng_Latn": ENGLISH, "swh_Latn": SWAHILI}, model="m", task="t", pivot="eng_Latn"
    )
    accuracy, transfer = scores.accuracy, scores.transfer
    assert list(accuracy.columns) == list(transfer.columns) == SCORE_COLUMNS
    assert accuracy.language.tolist() == ["eng_Latn", "swh_Latn"]
    assert set(accuracy.metric) == {"accuracy"}
    assert transfer[["language", "metric"]].to_numpy().tolist() == [["swh_Latn", "rankc"]]
    assert accuracy.n.tolist() == [4, 3] and transfer.n.tolist() == [3]
    # a1 agrees; a2 and b1 swap the first two of three.
    total = 1 + math.exp(-1) + math.exp(-2)
    swapped = (0 + math.exp(-1) * 1 + math.exp(-2) * 1) / total
    row = transfer.iloc[0]
    assert row.value == pytest.approx((1 + 2 * swapped) / 3)
    assert row.chance == pytest.approx(chance_level(3))
    expected = item_consistency(
        [[1, 2, 3], [1, 2, 3], [1, 2, 3]], [[2, 1, 3], [2, 1, 3], [1, 2, 3]]
    )
    assert row.low <= row.value <= row.high
    assert row.value == pytest.approx(expected.mean())


def test_common_items_only() -> None:
    scores = score_rankings(
        {"eng_Latn": ENGLISH, "swh_Latn": SWAHILI, "ace_Arab": ENGLISH.head(0)},
        model="m",
        task="t",
        pivot="eng_Latn",
        common_items=True,
    )
    accuracy = scores.accuracy.set_index("language")
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
    assert scores.accuracy.language.tolist() == ["swh_Latn"]
    assert scores.transfer.empty and scores.pairs.empty
    assert list(scores.transfer.columns) == SCORE_COLUMNS


def test_nothing_available_is_an_empty_table() -> None:
    scores = score_rankings(
        {"ace_Arab": ENGLISH.head(0)}, model="m", task="t", pivot="eng_Latn", common_items=True
    )
    assert len(scores.accuracy) == 0 and list(scores.accuracy.columns) == SCORE_COLUMNS
    assert list(scores.pairs.columns) == PAIR_COLUMNS
    assert list(scores.items.columns) == ITEM_COLUMNS


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
    assert set(scores.accuracy["language"]) == {"eng_Latn", "deu_Latn"}
    assert set(scores.accuracy["n"]) == {10}
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


CODES = ("eng_Latn", "deu_Latn", "heb_Hebr", "swh_Latn")


def clozes(seed: int = 0) -> dict[str, pd.DataFrame]:
    """Random rankings of 60 items with 1 to 10 candidates; Hebrew lacks the gold of some."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 11, size=60)
    golds = [int(rng.integers(n)) for n in counts]
    shared = [rng.normal(size=n) for n in counts]
    tables = {}
    for code in CODES:
        rows = []
        for item, (n, gold) in enumerate(zip(counts, golds, strict=True)):
            lost = code == "heb_Hebr" and item % 7 == 0
            for place in range(n):
                tokens = int(rng.integers(5, 20))
                mean = shared[item][place] + rng.normal() + (place == gold) - 20
                known = place == gold and not lost
                rows.append((str(item), place, f"a{item}", mean * tokens, tokens, known, False))
        columns = [
            *["item", "candidate", "answer", "log_probability", "tokens", "gold", "given_away"]
        ]
        tables[code] = pd.DataFrame(rows, columns=columns)
    return tables


def plainly(frame: pd.DataFrame) -> dict[str, tuple[list[int], bool | None]]:
    """Ranks of the candidates of each item and whether its gold is first, by loops."""
    found: dict[str, tuple[list[int], bool | None]] = {}
    for item, rows in frame.groupby("item", sort=False):
        means = [-p / t for p, t in zip(rows.log_probability, rows.tokens, strict=True)]
        order = sorted(range(len(means)), key=lambda place: means[place])
        gold = [place for place, right in enumerate(rows.gold) if right]
        right = order[0] == gold[0] if gold else None
        found[str(item)] = ([order.index(place) + 1 for place in range(len(means))], right)
    return found


def scored(**changes: object):
    settings = {"metrics": ("rankc", "overlap"), "by_answer": False, "per_token": True}
    settings |= {"model": "m", "task": "t", "pivot": "eng_Latn", **changes}
    return score_rankings(clozes(), **settings)


def test_accuracy_of_clozes_is_a_share_of_the_items_that_can_be_wrong() -> None:
    accuracy = scored().accuracy.set_index("language")
    for code, frame in clozes().items():
        outcomes = [
            (right, 1 / len(ranks))
            for ranks, right in plainly(frame).values()
            if right is not None and len(ranks) > 1
        ]
        row, n = accuracy.loc[code], len(outcomes)
        share = sum(right for right, _ in outcomes) / n
        expected = wilson_interval(share, n)
        assert (row.value, row.n) == (pytest.approx(share), n)
        assert (row.low, row.high) == pytest.approx((expected.low, expected.high))
        assert row.chance == pytest.approx(np.mean([chance for _, chance in outcomes]))
    assert accuracy.n["heb_Hebr"] < accuracy.n["eng_Latn"] < 60


def test_pairs_of_clozes_follow_plain_loops() -> None:
    pairs = scored().pairs.set_index(["source", "target", "metric"])
    assert len(pairs) == 2 * 6
    plain = {code: plainly(frame) for code, frame in clozes().items()}
    for a, b in itertools.combinations(CODES, 2):
        sums, single, levels = [], [], []
        for item, (ranks, _) in plain[a].items():
            value = float(item_consistency([ranks], [plain[b][item][0]])[0])
            (sums if len(ranks) > 1 else single).append(value)
            levels += [chance_level(len(ranks))] * (len(ranks) > 1)
        row = pairs.loc[a, b, "rankc"]
        assert (row.n, row.n_single) == (len(sums), len(single)) and single
        assert row.value == pytest.approx(np.mean(sums))
        assert row.value_with_single == pytest.approx(np.mean(sums + single))
        assert row.chance == pytest.approx(np.mean(levels))
        assert row.low < row.value < row.high

        outcomes = [
            (plain[a][item][1], plain[b][item][1], len(ranks) > 1)
            for item, (ranks, _) in plain[a].items()
            if plain[a][item][1] is not None and plain[b][item][1] is not None
        ]
        row = pairs.loc[a, b, "overlap"]
        for name, kept in (
            ("value", [one for one in outcomes if one[2]]),
            ("value_with_single", outcomes),
        ):
            both = sum(first and second for first, second, _ in kept)
            either = sum(first or second for first, second, _ in kept)
            assert row[name] == pytest.approx(both / either)
        several = [one for one in outcomes if one[2]]
        assert row.n == sum(first or second for first, second, _ in several)
        expected = overlap_chance(
            sum(one[0] for one in several), sum(one[1] for one in several), len(several)
        )
        assert row.chance == pytest.approx(expected)
        assert row.low < row.value < row.high


def test_the_scores_are_the_means_of_their_items_and_rows_of_the_pairs() -> None:
    scores = scored()
    means = scores.items.groupby(["language", "metric"])["value"].agg(["mean", "size"])
    both = pd.concat([scores.accuracy, scores.transfer]).set_index(["language", "metric"])
    assert len(both) == len(means) == 4 + 2 * 3
    for key, row in both.iterrows():
        assert means.loc[key, "mean"] == pytest.approx(row.value)
        assert means.loc[key, "size"] == row.n
    pairs = scores.pairs.set_index(["source", "target", "metric"])
    for (language, metric), row in both.iterrows():
        if metric != "accuracy":
            assert row.low == pairs.loc["eng_Latn", language, metric].low


def test_a_pivot_that_is_not_the_first_language_gives_the_same_transfer() -> None:
    tables = clozes()
    turned = {code: tables[code] for code in reversed(CODES)}
    settings = {"metrics": ("rankc", "overlap"), "by_answer": False, "per_token": True}
    scores = score_rankings(turned, model="m", task="t", pivot="eng_Latn", **settings)
    key = ["language", "metric"]
    first = scored().transfer.sort_values(key).reset_index(drop=True)
    second = scores.transfer.sort_values(key).reset_index(drop=True)
    pd.testing.assert_frame_equal(first, second)


def test_sum_and_mean_rank_differently() -> None:
    long = table({"a": ("A", 0, [-6.0, -5.0])})
    long["tokens"] = [6, 1]
    by_sum = score_rankings({"eng_Latn": long}, model="m", task="t", pivot="eng_Latn")
    by_mean = score_rankings(
        {"eng_Latn": long}, model="m", task="t", pivot="eng_Latn", per_token=True
    )
    assert by_sum.accuracy.value.tolist() == [0.0]
    assert by_mean.accuracy.value.tolist() == [1.0]


def test_languages_that_know_nothing_have_no_overlap() -> None:
    wrong = table({item: ("A", 1, [-1.0, -2.0]) for item in "abc"})
    scores = score_rankings(
        {"eng_Latn": wrong, "deu_Latn": wrong},
        model="m",
        task="t",
        pivot="eng_Latn",
        metrics=("rankc", "overlap"),
    )
    row = scores.pairs.set_index("metric").loc["overlap"]
    assert row.n == 0 and row[["value", "low", "high", "chance"]].isna().all()
    assert scores.transfer.metric.tolist() == ["rankc"]
