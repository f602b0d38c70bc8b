"""Several sources of one benchmark: what each holds, and how far they agree."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuronxa.config import TaskRow
from neuronxa.downstream.accuracy import SCORE_COLUMNS
from neuronxa.output.labels import Labels
from neuronxa.output.tables import downstream_table, sources_table
from neuronxa.statistics.sources import common_source, compare_sources, with_shots

from .synthetic import make_languages

LANGUAGES = list(make_languages(9))
HERE = np.array([0.9, 0.8, 0.7, 0.75, 0.6, 0.5, 0.55, 0.4, 0.3])
THERE = np.array([0.88, 0.7, 0.72, 0.7, 0.5, 0.52, 0.5, 0.35])


def scores(task, metric, values, languages, *, model="m", n=None, source="s", shots=None):
    rows = [
        (model, task, code, metric, value, np.nan, np.nan, n, np.nan, source)
        for code, value in zip(languages, values, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=[*SCORE_COLUMNS[:7], "n", "chance", "source"])
    frame["n"] = frame["n"].astype("Int64")
    return frame if shots is None else frame.assign(shots=pd.array([shots] * len(frame), "Int64"))


@pytest.fixture
def downstream():
    """A task measured here, two sources of it from elsewhere, and a task of its own."""
    parts = [
        scores("xnli", "accuracy", HERE, LANGUAGES, n=2490, source="harness"),
        scores("xnli", "ratio", HERE / 0.9, LANGUAGES, n=2490, source="harness"),
        scores("xnli-a", "acc", THERE, LANGUAGES[:8], source="a/x.json", shots=0),
        scores("xnli-a", "acc", THERE[:5], LANGUAGES[:5], model="k", source="a/k.json", shots=0),
        scores("xnli-b", "acc", HERE[6:] / 2, LANGUAGES[6:], source="b/x.json", shots=5),
        scores("quiz", "accuracy", HERE, LANGUAGES, n=60),
    ]
    frame = pd.concat(parts, ignore_index=True)
    return with_shots(frame, {"xnli": None, "xnli-a": None, "xnli-b": None, "quiz": 6})


BENCHMARKS = {"xnli": "xnli", "xnli-a": "xnli", "xnli-b": "xnli", "quiz": "quiz"}


def test_shots_are_those_of_the_result_or_else_of_the_task(downstream):
    known = downstream.groupby("task")["shots"].agg(lambda shots: set(shots.dropna()))
    assert known.to_dict() == {"xnli": set(), "xnli-a": {0}, "xnli-b": {5}, "quiz": {6}}


def test_a_row_says_what_it_measures_and_its_own_shots():
    quiz = TaskRow(task="quiz", label="Q", kind="facts", relation="continent", shots=6)
    assert (quiz.measured, quiz.own_shots) == ("quiz", 6)
    theirs = TaskRow(task="a", label="A", kind="scores", location="a.csv", benchmark="quiz")
    assert (theirs.measured, theirs.own_shots) == ("quiz", None)


def test_every_source_says_what_it_holds(downstream):
    table = compare_sources(downstream, BENCHMARKS)
    first = table[(table.task == "xnli") & (table.metric == "accuracy")].iloc[0]
    assert first[["languages", "lowest", "highest", "n_least", "n_most"]].tolist() == [
        9,
        0.3,
        0.9,
        2490,
        2490,
    ]
    assert first["compared_with"] == ""
    assert first[["shared", "pearson", "difference"]].isna().all()
    # another model, and a task of its own, have nothing to be compared with
    for alone in (table[table.model == "k"], table[table.task == "quiz"]):
        assert alone["compared_with"].tolist() == [""]


def test_two_sources_are_compared_over_the_languages_that_they_share(downstream):
    table = compare_sources(downstream, BENCHMARKS)
    (row,) = table[(table.task == "xnli-a") & (table.model == "m")].to_dict("records")
    expected = stats.pearsonr(HERE[:8], THERE)
    low, high = expected.confidence_interval(0.95)
    assert row["compared_with"] == "xnli"  # by accuracy; not with the ratio
    assert row["shared"] == 8
    assert row["pearson"] == pytest.approx(expected.statistic, abs=1e-12)
    assert (row["pearson_low"], row["pearson_high"]) == pytest.approx((low, high), abs=1e-12)
    gaps = [abs(one - other) for one, other in zip(HERE[:8], THERE, strict=True)]
    assert row["difference"] == pytest.approx(sum(gaps) / 8, abs=1e-12)
    # the third source is compared with both, and says where a correlation would be empty
    third = table[table.task == "xnli-b"].set_index("compared_with")
    assert third["shared"].to_dict() == {"xnli": 3, "xnli-a": 2}
    assert third.loc["xnli", "difference"] == pytest.approx(HERE[6:].mean() / 2)
    assert third["message"].str.contains("at least 5 are needed").all()
    assert third["pearson"].isna().all()


def test_sources_of_other_benchmarks_are_not_compared(downstream):
    table = compare_sources(downstream, {task: task for task in BENCHMARKS})
    assert (table["compared_with"] == "").all()
    assert len(table) == 6


def test_the_tables_show_shots_and_licence(downstream):
    languages = make_languages(9)
    shown = downstream_table(downstream, languages=languages).frame
    assert list(shown.columns[-2:]) == ["shots", "source"]
    assert set(shown.loc[shown["task"] == "xnli-b", "shots"]) == {5}
    table = sources_table(
        compare_sources(downstream, BENCHMARKS),
        {"xnli": "CC BY-NC 4.0"},
        labels=Labels(models={"m": "Model M"}),
    ).frame
    assert table.loc[table["task"] == "xnli", "licence"].unique().tolist() == ["CC BY-NC 4.0"]
    assert table.loc[table["task"] == "xnli", "n"].tolist() == ["2490", "2490"]
    assert table.loc[table["task"] == "xnli-a", "n"].tolist() == ["", ""]
    assert table.loc[0, "model"] == "Model M"


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (["facts"] * 3, "facts"),
        (["logs/arc/de.json", "logs/arc/fr.json", "logs/arc/de.json"], "logs/arc (2 results)"),
        (["a.json", "b.json"], "2 results"),
        (["x/a1/r.json", "x/a2/r.json"], "x (2 results)"),
    ],
)
def test_many_files_are_told_in_short(sources, told):
    assert common_source(pd.Series(sources)) == told
