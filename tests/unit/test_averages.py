"""Averages of correlations against the published tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuronxa.statistics.averages import ALL, average_correlations, mean_correlation

MODELS = (
    "Gemma2-9B",
    "Gemma1-7B",
    "L3.1-70B",
    "L3.1-8B",
    "L3-8B",
    "L2-7B",
    "L1-7B",
    "Mistral",
    "OLMo",
)
# Table 6 of MEXA (Kargaran et al. 2025): FLORES or Bible, embedding, pooling, task, models, AVG.
TABLE = """
F w mean belebele .9247 .9421 .8291 .9478 .9588 .8364 .8404 .9732 .8425 .8994
F w max belebele .9623 .9676 .9211 .9392 .9326 .8362 .7649 .9448 .9198 .9098
F w mean m-mmlu .9342 .9697 .9362 .9689 .9647 .9223 .9406 .9857 .9393 .9513
F w max m-mmlu .9060 .9596 .8946 .9003 .8892 .9386 .8936 .9311 .9565 .9188
F w mean m-arc .9741 .9706 .9374 .9515 .9562 .9052 .9268 .9693 .8630 .9393
F w max m-arc .9187 .9499 .8736 .8582 .8663 .9297 .8439 .9001 .8298 .8856
F last mean belebele .8997 .9326 .8491 .9494 .9581 .9141 .8340 .9679 .9467 .9168
F last max belebele .9225 .9309 .9127 .9244 .9123 .9125 .7693 .9460 .9218 .9058
F last mean m-mmlu .9086 .9637 .9370 .9687 .9690 .9771 .9301 .9659 .9700 .9545
F last max m-mmlu .8448 .9297 .8645 .9224 .9177 .9699 .8902 .9161 .9649 .9134
F last mean m-arc .9190 .9541 .9524 .9536 .9617 .9390 .9146 .9451 .7356 .9195
F last max m-arc .8569 .9147 .9005 .8944 .8879 .9464 .8263 .8859 .7037 .8685
B w mean belebele .8360 .8530 .7909 .8781 .8974 .8982 .8404 .9118 .7410 .8496
B w max belebele .8863 .9001 .8851 .9242 .9302 .8926 .8230 .9337 .7549 .8811
B w mean m-mmlu .8051 .8886 .8958 .9096 .8964 .9252 .9159 .9093 .7944 .8823
B w max m-mmlu .5501 .8831 .7748 .8683 .8364 .9180 .9085 .9107 .7388 .8210
B w mean m-arc .8505 .8998 .9188 .9267 .9116 .8940 .9208 .9317 .8623 .9018
B w max m-arc .6070 .8803 .8030 .8769 .8552 .8684 .8879 .9178 .8220 .8354
B last mean belebele .7656 .8005 .5944 .7934 .8396 .9046 .8299 .9177 .8866 .8147
B last max belebele .7844 .8299 .5264 .8000 .8100 .9047 .8048 .9235 .8796 .8070
B last mean m-mmlu .7194 .7646 .6472 .6068 .6516 .8827 .8692 .8672 .8060 .7572
B last max m-mmlu .7075 .6886 .5037 .5228 .4461 .9079 .8576 .8643 .7994 .6998
B last mean m-arc .7411 .7754 .6592 .5976 .6494 .8537 .8537 .8927 .6997 .7469
B last max m-arc .7293 .7000 .5190 .5335 .4853 .8494 .8309 .8624 .6867 .6885
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
SCORED = {task: {"benchmarks": ("accuracy",)} for task in ("belebele", "m-mmlu", "m-arc")}


def correlations(rows) -> pd.DataFrame:
    """Correlations as `correlate_methods` gives them, of what the average looks at."""
    columns = ["model", "corpus", "method", "reduction", "task", "metric", "estimate"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(extraction="default", coefficient="pearson", pivot_included=False)


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    rows = [
        (model, corpus, method, reduction, task, "accuracy", float(value))
        for corpus, method, reduction, task, *values, _ in ROWS
        for model, value in zip(MODELS, values, strict=True)
    ]
    return average_correlations(correlations(rows), SCORED)


def test_all_rows_of_mexas_table_are_plain_means(published: pd.DataFrame) -> None:
    keys = ["corpus", "method", "reduction", "task"]
    over = published.loc[(published["model"] == ALL) & (published["task"] != ALL)]
    plain = over.loc[over["scale"] == "plain"].set_index(keys)["estimate"]
    fisher = over.loc[over["scale"] == "fisher"].set_index(keys)["estimate"]
    assert len(ROWS) == len(plain) == 24
    for corpus, method, reduction, task, *values, average in ROWS:
        key = (corpus, method, reduction, task)
        assert plain[key] == pytest.approx(float(average), abs=0.00006)
        z = np.arctanh([float(value) for value in values])
        assert fisher[key] == pytest.approx(np.tanh(z.mean()))
        assert fisher[key] > plain[key]
    assert set(over["n_models"]) == {9}
    assert set(over["kind"]) == {"benchmarks"}


def test_the_means_over_tasks_are_mexas(published: pd.DataFrame) -> None:
    over = published.loc[
        (published["model"] == ALL)
        & (published["task"] == ALL)
        & (published["scale"] == "plain")
        & (published["method"] == "w")
        & (published["reduction"] == "mean")
    ].set_index("corpus")
    assert over.loc["F", "estimate"] == pytest.approx(0.9300, abs=0.00006)
    assert over.loc["B", "estimate"] == pytest.approx(0.8779, abs=0.00006)
    assert set(over["n_tasks"]) == {3}
    means = np.array(
        [[float(v) for v in row[4:13]] for row in ROWS if row[:3] == ["F", "w", "mean"]]
    )
    bounds = stats.ttest_1samp(means.mean(axis=0), 0.0).confidence_interval(0.95)
    assert (over.loc["F", "low"], over.loc["F", "high"]) == pytest.approx((bounds.low, bounds.high))
    one = published.loc[(published["model"] == "L3-8B") & (published["scale"] == "fisher")]
    row = one.loc[(one["corpus"] == "B") & (one["method"] == "last") & (one["reduction"] == "max")]
    assert row["estimate"].tolist() == pytest.approx(
        [np.tanh(np.arctanh([0.8100, 0.4461, 0.4853]).mean())]
    )
    assert row["covers"].tolist() == ["nothing: one model"]


def test_neuronxas_transfer_is_the_mean_of_two_tasks() -> None:
    rows = [
        ("x", "c", "NASCA", "mean", "xnli", "accuracy", 0.9326),
        ("x", "c", "NASCA", "mean", "xnli", "ratio", 0.1),
        ("x", "c", "NASCA", "mean", "bmlama", "accuracy", 0.2),
        ("x", "c", "NASCA", "mean", "bmlama", "rankc", 0.7701),
    ]
    scored = {
        "xnli": {"transfer": ("accuracy", "ratio")},
        "bmlama": {"benchmarks": ("accuracy",), "transfer": ("rankc", "overlap")},
    }
    found = average_correlations(correlations(rows), scored)
    over = found.loc[(found["model"] == ALL) & (found["task"] == ALL) & (found["scale"] == "plain")]
    values = over.set_index("kind")["estimate"]
    assert values["transfer"] == pytest.approx(0.8514, abs=0.00006)
    assert values["benchmarks"] == pytest.approx(0.2)
    assert over["low"].isna().all()


def test_a_model_that_lacks_a_task_is_left_out_of_the_mean_over_tasks() -> None:
    rows = [
        ("a", "c", "NASCA", "mean", "s", "accuracy", 0.5),
        ("a", "c", "NASCA", "mean", "t", "accuracy", 0.7),
        ("b", "c", "NASCA", "mean", "s", "accuracy", 0.9),
        ("b", "c", "NASCA", "mean", "t", "accuracy", np.nan),
    ]
    scored = {"s": {"benchmarks": ("accuracy",)}, "t": {"benchmarks": ("accuracy",)}}
    found = average_correlations(correlations(rows), scored)
    plain = found.loc[found["scale"] == "plain"].set_index(["model", "task"])
    assert plain.loc[(ALL, "s"), "estimate"] == pytest.approx(0.7)
    assert plain.loc[(ALL, "t"), "n_models"] == 1
    assert plain.loc[(ALL, ALL), "estimate"] == pytest.approx(0.6)
    assert plain.loc[(ALL, ALL), "n_models"] == 1
    assert ("b", ALL) not in plain.index


def test_perfect_correlations_on_fishers_scale() -> None:
    assert mean_correlation([1.0, 0.5], "fisher") == 1.0
    assert np.isnan(mean_correlation([1.0, -1.0], "fisher"))
    assert mean_correlation([1.0, -1.0], "plain") == 0.0


def test_what_no_model_defines_has_a_row_without_a_value() -> None:
    rows = [("a", "c", "NASCA", "mean", "s", "accuracy", np.nan)]
    found = average_correlations(correlations(rows), {"s": {"benchmarks": ("accuracy",)}})
    assert found["estimate"].isna().all()
    assert found["n_models"].tolist() == [0, 0]
    assert set(found["covers"]) == {"nothing: no model"}
