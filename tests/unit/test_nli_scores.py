"""Accuracy, ratio and items of predictions, against plain loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neuronxa.downstream.accuracy import SCORE_COLUMNS
from neuronxa.downstream.nli.scores import item_scores, ratio_interval, score_predictions
from neuronxa.downstream.nli.steps import plan_steps
from neuronxa.errors import StatisticsError
from neuronxa.output.figures import figure_training
from neuronxa.statistics.intervals import wilson_interval

NAMES = {"model": "m", "task": "t"}


def predictions(right, start=0):
    items = [str(i) for i in range(start, start + len(right))]
    return pd.DataFrame(
        {"item": items, "label": 0, "predicted": [0 if one else 2 for one in right]}
    )


def test_accuracy_and_ratio():
    rng = np.random.default_rng(0)
    english, german = rng.random(200) < 0.8, rng.random(190) < 0.5
    tables = {"eng_Latn": predictions(english), "deu_Latn": predictions(german, start=10)}
    table = score_predictions(tables, **NAMES, pivot="eng_Latn").set_index(["language", "metric"])
    assert list(table.reset_index()[SCORE_COLUMNS]) == SCORE_COLUMNS
    assert sorted(table.index) == [
        ("deu_Latn", "accuracy"),
        ("deu_Latn", "ratio"),
        ("eng_Latn", "accuracy"),
    ]
    own = table.loc[("deu_Latn", "accuracy")]
    wilson = wilson_interval(german.mean(), 190)
    assert own[["value", "low", "high", "n", "chance"]].tolist() == pytest.approx(
        [german.mean(), wilson.low, wilson.high, 190, 1 / 3]
    )
    ratio = table.loc[("deu_Latn", "ratio")]
    shared = english[10:]
    assert ratio["value"] == pytest.approx(german.sum() / shared.sum())
    assert ratio["chance"] == pytest.approx(1 / 3 / shared.mean())
    assert ratio["n"] == 190
    assert ratio["low"] < ratio["value"] < ratio["high"]


def test_the_interval_of_a_ratio_is_that_of_resampled_items():
    rng = np.random.default_rng(1)
    english = rng.random(300) < 0.7
    german = np.where(rng.random(300) < 0.6, english, rng.random(300) < 0.4)
    logs = []
    for _ in range(4000):
        draw = rng.integers(300, size=300)
        logs.append(np.log(german[draw].mean() / english[draw].mean()))
    expected = np.exp(np.quantile(logs, [0.05, 0.95]))
    both = np.stack([german, english], axis=1)
    found = ratio_interval(both, confidence=0.9, resamples=4000)
    assert found == pytest.approx(tuple(expected), abs=0.012)
    # answers that hang together leave less doubt than answers that do not
    apart = np.stack([rng.permutation(german), english], axis=1)
    low, high = ratio_interval(apart, confidence=0.9, resamples=4000)
    assert high - low > 1.1 * (found[1] - found[0])


def test_the_same_answers_have_a_ratio_without_width():
    both = np.array([[True, True], [False, False], [True, True]] * 20)
    assert ratio_interval(both) == (1.0, 1.0)


def test_a_language_that_is_always_wrong():
    both = np.stack([np.zeros(30, bool), np.arange(30) < 20], axis=1)
    assert ratio_interval(both) == (0.0, 0.0)


def test_a_pivot_that_is_always_wrong_gives_no_ratio():
    tables = {"eng_Latn": predictions([False] * 9), "deu_Latn": predictions([True] * 9)}
    table = score_predictions(tables, **NAMES, pivot="eng_Latn")
    assert set(table["metric"]) == {"accuracy"}
    with pytest.raises(StatisticsError, match="the pivot 'fra_Latn' has no predictions"):
        score_predictions(tables, **NAMES, pivot="fra_Latn")


def test_items_average_to_the_accuracy():
    tables = {"a": predictions([1, 0, 1, 1]), "b": predictions([0, 0, 1])}
    items = item_scores(tables, **NAMES)
    assert list(items) == ["model", "task", "language", "metric", "item", "value"]
    assert items.groupby("language")["value"].mean().to_dict() == {"a": 0.75, "b": 1 / 3}
    assert items["value"].dtype == "float64"


def test_every_epoch_sees_every_pair_once():
    lengths = np.random.default_rng(0).integers(5, 60, size=203).tolist()
    steps = plan_steps(lengths, epochs=2, batch_size=8, seed=1)
    assert len(steps) == 2 * 26
    for epoch in (steps[:26], steps[26:]):
        assert sorted(i for step in epoch for i in step) == list(range(203))
    assert steps[:26] != steps[26:]
    assert steps == plan_steps(lengths, epochs=2, batch_size=8, seed=1)
    padding = sum(max(lengths[i] for i in step) * len(step) for step in steps) / (2 * sum(lengths))
    assert padding < 1.15


def test_the_training_curve():
    steps = np.arange(1, 101)
    curve = pd.DataFrame({"step": steps, "loss": 1.2 - 0.005 * steps})
    figure = figure_training(curve, model="m", task="t")
    points, mean, guessing = figure.axes[0].get_lines()
    assert points.get_ydata()[0] == pytest.approx(1.195)
    assert mean.get_ydata()[49] == pytest.approx(curve["loss"][47:52].mean())
    assert guessing.get_ydata()[0] == pytest.approx(np.log(3))
