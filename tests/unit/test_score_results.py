"""Results of lm-evaluation-harness, written by hand as its versions write them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from scipy import stats

from neuronxa.config import ModelRow, TaskRow
from neuronxa.downstream.accuracy import SCORE_COLUMNS
from neuronxa.downstream.scores.files import score_files
from neuronxa.downstream.scores.read import read_scores
from neuronxa.errors import ConfigError, LanguageError
from neuronxa.languages import Languages

MODELS = {
    "qwen": ModelRow(model="qwen", label="Q", source="hub", location="Qwen/Qwen2.5-7B"),
    "bloom": ModelRow(model="bloom", label="B", source="hub", location="bigscience/bloom-7b1"),
}
QWEN = "Qwen__Qwen2.5-7B"


@pytest.fixture(scope="module")
def languages(repository):
    return Languages.read(repository / "config/languages.tsv")


def document(tasks: dict[str, float], *, shots: int = 5, **changes: object) -> dict[str, object]:
    """What version 0.4 writes, as far as it is read."""
    return {
        "results": {
            name: {
                "alias": name,
                "acc,none": value,
                "acc_stderr,none": 0.01,
                "acc_norm,none": value / 2,
                "acc_norm_stderr,none": 0.02,
            }
            for name, value in tasks.items()
        },
        "configs": {name: {"task": name} for name in tasks},
        "versions": dict.fromkeys(tasks, 0.0),
        "n-shot": dict.fromkeys(tasks, shots),
        "higher_is_better": {key: {"acc": True, "acc_norm": True} for key in tasks},
        "n-samples": {key: {"original": 900, "effective": 900} for key in tasks},
        "config": {"model": "hf", "model_args": "pretrained=Qwen/Qwen2.5-7B,dtype=bfloat16"},
        "date": 1742261996.0,
        "model_name": "Qwen/Qwen2.5-7B",
        "model_name_sanitized": QWEN,
        **changes,
    }


def save(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def task(folder: Path, **cells: str) -> TaskRow:
    given = {"pattern": "belebele_{language}", "codes": "flores", "metric": "acc"} | cells
    return TaskRow(task="belebele", label="B", kind="scores", location=str(folder), **given)


def read(folder: Path, languages: Languages, **cells: str):
    return read_scores(task(folder, **cells), models=MODELS, languages=languages)


def test_a_folder_of_results(tmp_path: Path, languages: Languages) -> None:
    name = f"{QWEN}/results_2025-03-18T01-39-56.000360.json"
    file = save(
        tmp_path,
        name,
        document({"belebele_deu_Latn": 0.9, "belebele_zho_Hans": 0.8, "belebele": 0.85}),
    )
    save(tmp_path, f"{QWEN}/other.json", {"seed": 3})
    assert score_files(task(tmp_path)) == [tmp_path / f"{QWEN}/other.json", file]
    scores = read(tmp_path, languages)
    assert list(scores.columns) == [*SCORE_COLUMNS, "shots"]
    assert scores.language.tolist() == ["deu_Latn", "zho_Hans"]
    assert scores.model.tolist() == ["qwen", "qwen"]
    assert scores.value.tolist() == [0.9, 0.8]
    assert scores.n.tolist() == [900, 900]
    assert scores.shots.tolist() == [5, 5]
    assert scores.source.tolist() == [name, name]
    low, high = stats.binomtest(810, 900).proportion_ci(0.95, method="wilson")
    assert (scores.low[0], scores.high[0]) == pytest.approx((low, high), abs=1e-12)
    assert read(tmp_path, languages, metric="acc_norm").value.tolist() == [0.45, 0.4]
    assert read(tmp_path, languages, metric="acc_norm,none").value.tolist() == [0.45, 0.4]
    # one file alone is as good
    assert read(file, languages).source.tolist() == [file.name] * 2


def test_other_names_of_tasks_and_other_codes(tmp_path: Path, languages: Languages) -> None:
    tasks = {"arc_de": 0.4, "arc_challenge": 0.6, "arc_easy": 0.7, "arc_zh": 0.5, "arc_de_x": 0.1}
    save(tmp_path, "results_2025-03-18T01-39-56.json", document(tasks))
    scores = read(
        tmp_path, languages, pattern="arc_{language}", codes="bcp47", select="en=arc_challenge"
    )
    assert dict(zip(scores.language, scores.value, strict=True)) == {
        "deu_Latn": 0.4,
        "eng_Latn": 0.6,
        "zho_Hans": 0.5,
    }


def test_the_newest_of_two_results_counts(
    tmp_path: Path, languages: Languages, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, "b/results_2025-03-18T01-39-56.1.json", document({"belebele_deu_Latn": 0.7}))
    both = {"belebele_deu_Latn": 0.5, "belebele_fra_Latn": 0.6}
    save(tmp_path, "a/results_2025-03-18T03-40-36.2.json", document(both))
    # named by hand: the time is that of the record, 2025-03-18 01:39:56
    save(tmp_path, "c/mine.json", document({"belebele_fra_Latn": 0.1}))
    with caplog.at_level(logging.INFO):
        scores = read(tmp_path, languages)
    assert dict(zip(scores.language, scores.value, strict=True)) == {
        "deu_Latn": 0.5,
        "fra_Latn": 0.6,
    }
    assert "the newer counts: a/results_2025-03-18T03-40-36.2.json, not b/results" in caplog.text
    assert "the newer counts: a/results_2025-03-18T03-40-36.2.json, not c/mine.json" in caplog.text


def test_results_without_a_time_are_not_chosen_between(
    tmp_path: Path, languages: Languages
) -> None:
    for name in ("a", "b"):
        save(tmp_path, f"{name}.json", document({"belebele_deu_Latn": 0.5}, date=None))
    with pytest.raises(ConfigError) as error:
        read(tmp_path, languages)
    assert "b.json, belebele_deu_Latn: a second value" in str(error.value)
    assert "a.json" in str(error.value)
    assert len(read(tmp_path, languages, select="path=b.json")) == 1


def test_results_with_other_shots_are_not_mixed(tmp_path: Path, languages: Languages) -> None:
    save(tmp_path, "results_2025-01-01T00-00-00.json", document({"belebele_deu_Latn": 0.5}))
    save(
        tmp_path, "results_2025-02-01T00-00-00.json", document({"belebele_fra_Latn": 0.4}, shots=0)
    )
    with pytest.raises(ConfigError, match="different numbers of worked examples"):
        read(tmp_path, languages)
    assert read(tmp_path, languages, select="n_shot=5").language.tolist() == ["deu_Latn"]


def test_an_older_version(tmp_path: Path, languages: Languages) -> None:
    old = {
        "results": {
            "xnli_sw": {"acc": 0.4, "acc_stderr": 0.01},
            "xnli_en": {"acc": 0.5, "acc_stderr": 0.02},
        },
        "versions": {"xnli_sw": 1, "xnli_en": 1},
        "config": {
            "model": "hf-causal",
            "model_args": "pretrained=bigscience/bloom-7b1,use_accelerate=True",
            "num_fewshot": 0,
        },
    }
    save(tmp_path, "bloom-7b1_xnli_0-shot.json", old)
    scores = read(tmp_path, languages, pattern="xnli_{language}", codes="bcp47")
    assert scores.model.tolist() == ["bloom", "bloom"]
    assert scores.language.tolist() == ["swh_Latn", "eng_Latn"]
    assert scores.shots.tolist() == [0, 0]
    assert scores.n.isna().all()
    # no number of items: the interval is that of the standard error
    half = stats.norm.ppf(0.975) * 0.01
    assert (scores.low[0], scores.high[0]) == pytest.approx((0.4 - half, 0.4 + half))


@pytest.mark.parametrize(
    ("changes", "name", "found"),
    [
        ({"model_name": None}, "x/r.json", "qwen"),
        (
            {"model_name": None, "config": {"model_args": {"pretrained": "bloom-7b1"}}},
            "x/r.json",
            "bloom",
        ),
        ({"model_name": None, "config": {}}, f"{QWEN}/r.json", "qwen"),
        ({"model_name": "/data/snapshots/bloom-7b1"}, "x/r.json", "bloom"),
    ],
)
def test_the_model_is_told_by_the_record_its_arguments_or_the_folder(
    tmp_path: Path, languages: Languages, changes: dict[str, object], name: str, found: str
) -> None:
    save(tmp_path, name, document({"belebele_deu_Latn": 0.5}, **changes))
    assert read(tmp_path, languages).model.tolist() == [found]


def test_an_adapter_is_another_model_than_its_base(tmp_path: Path, languages: Languages) -> None:
    arguments = "pretrained=Qwen/Qwen2.5-7B,peft=me/adapter"
    changes = {"model_name": None, "config": {"model_args": arguments}}
    save(tmp_path, "r.json", document({"belebele_deu_Latn": 0.5}, **changes))
    with pytest.raises(ConfigError, match="the file names me/adapter"):
        read(tmp_path, languages)


def test_a_limited_run_is_told(
    tmp_path: Path, languages: Languages, caplog: pytest.LogCaptureFixture
) -> None:
    samples = {"belebele_deu_Latn": {"original": 900, "effective": 50}}
    save(tmp_path, "r.json", document({"belebele_deu_Latn": 0.5}, **{"n-samples": samples}))
    assert read(tmp_path, languages).n.tolist() == [50]
    assert "was limited to 50 of 900 items" in caplog.text


@pytest.mark.parametrize(
    ("content", "cells", "texts"),
    [
        ('{"results": {"belebele_', {}, ["r.json", "not a whole JSON file", "copy the file"]),
        (
            document({"xnli_de": 0.5}),
            {},
            ["no result of 'belebele_{language}' with metric 'acc'", "Allowed: xnli_de"],
        ),
        (
            document({"belebele_deu_Latn": 0.5}),
            {"metric": "f1"},
            ["metric 'f1'", "Allowed: belebele_deu_Latn (acc,none, acc_norm,none)"],
        ),
        (
            document({"belebele_deu_Latn": 0.5}),
            {"select": "n_shot=3"},
            ["that fits n_shot=3"],
        ),
        (document({"belebele_deu_Latn": float("nan")}), {}, ["'acc,none' = nan is not a finite"]),
        (document({"belebele_deu_Latn": 1.5}), {}, ["acc = 1.5 is not a share"]),
        (
            document(
                {"belebele_deu_Latn": 0.5}, higher_is_better={"belebele_deu_Latn": {"acc": False}}
            ),
            {},
            ["r.json, belebele_deu_Latn: 'acc' falls as a model gets better"],
        ),
        (document({"x": 0.5}), {"pattern": "belebele"}, ["'pattern' = 'belebele'", "{language}"]),
        (document({"belebele_deu_Latn": 0.5}), {"metric": "perplexity"}, ["'perplexity' falls"]),
        ({}, {}, ["there is no result of 'belebele_{language}'"]),
    ],
)
def test_faults(
    tmp_path: Path,
    languages: Languages,
    content: object,
    cells: dict[str, str],
    texts: list[str],
) -> None:
    save(tmp_path, "r.json", content)
    with pytest.raises(ConfigError) as error:
        read(tmp_path, languages, **cells)
    for text in texts:
        assert text in str(error.value)


def test_other_faults_of_a_location_and_of_select(tmp_path: Path, languages: Languages) -> None:
    with pytest.raises(ConfigError, match="the results do not exist"):
        read(tmp_path / "none.json", languages)
    assert score_files(task(tmp_path)) == [tmp_path]
    save(tmp_path, "r.json", document({"belebele_deu_Latn": 0.5}))
    with pytest.raises(LanguageError, match="unknown language code 'xx'"):
        read(tmp_path, languages, select="xx=belebele")
