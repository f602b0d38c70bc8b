"""Tables of scores, published ones too: what is read, and what every fault says."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from neuronxa.config import ModelRow, TaskRow
from neuronxa.downstream.accuracy import SCORE_COLUMNS
from neuronxa.downstream.scores.files import score_files
from neuronxa.downstream.scores.names import ModelNames
from neuronxa.downstream.scores.read import read_scores
from neuronxa.downstream.scores.select import Selection
from neuronxa.errors import ConfigError, LanguageError, NeuronXAError
from neuronxa.languages import Languages

HEADER = "model,task,language,metric,value"
PUBLISHED = "model,task,lang,metric,value,n_shot,path,commit"
OLD, NEW = "r/results_2025-03-11T21-17-00.5.json", "r/results_2025-03-18T02-36-49.0.json"


@pytest.fixture(scope="module")
def languages(repository):
    return Languages.read(repository / "config/languages.tsv")


def model(name: str, location: str = "", aliases: str = "", source: str = "hub") -> ModelRow:
    return ModelRow(
        model=name, label=name, source=source, location=location or name, aliases=aliases
    )


MODELS = {
    row.model: row
    for row in (
        model("m"),
        model("qwen2.5-7b", "Qwen/Qwen2.5-7B"),
        model("llama-7b", "yahma/llama-7b-hf", "LLaMA 7B, llama-7B"),
    )
}


def task(location: Path, **cells: str) -> TaskRow:
    cells = {"task": "t", "metric": "acc"} | cells
    return TaskRow(label="T", kind="scores", location=str(location), **cells)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "scores.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path: Path, languages: Languages, **cells: str) -> pd.DataFrame:
    return read_scores(task(path, **cells), models=MODELS, languages=languages)


def test_minimal_table(tmp_path: Path, languages: Languages) -> None:
    path = write(tmp_path, "\ufeff" + HEADER, "m,t,sw,acc,0.5", "", "m,t,eng_Latn,acc,1e-1")
    scores = read(path, languages)
    assert list(scores.columns) == [*SCORE_COLUMNS, "shots"]
    assert scores.language.tolist() == ["swh_Latn", "eng_Latn"]
    assert scores.value.tolist() == [0.5, 0.1]
    assert scores[["n", "low", "high", "chance", "shots"]].isna().all(axis=None)
    assert scores.source.tolist() == ["scores.csv"] * 2


def test_all_columns(tmp_path: Path, languages: Languages) -> None:
    path = write(
        tmp_path,
        "value,model,task,lang,metric,n,low,high,chance,source,n_shot,path,commit",
        '.5,m,"a, b",sw,acc,100,.4,.6,.25,paper,5,x.json,abc',
        '.5,m,"a, b",swa,acc_norm,100,,,,,,x.json,0123456789abc',
    )
    (first,) = read(path, languages, select="a, b").to_dict("records")
    assert first == {
        "model": "m",
        "task": "t",
        "language": "swh_Latn",
        "metric": "acc",
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "n": 100,
        "chance": 0.25,
        "source": "paper",
        "shots": 5,
    }
    (second,) = read(path, languages, select="a, b", metric="acc_norm").to_dict("records")
    assert second["source"] == "x.json, commit 0123456789"
    # Wilson's interval of 50 of 100, by SciPy
    low, high = stats.binomtest(50, 100).proportion_ci(0.95, method="wilson")
    assert (second["low"], second["high"]) == pytest.approx((low, high), abs=1e-12)


def test_codes_of_every_scheme_are_understood(tmp_path: Path, languages: Languages) -> None:
    codes = ["sw", "swa", "swh", "swh_Latn", "zh", "zh-TW", "cmn_Hans", "qu", "pt-BR", "iw", "no"]
    found = []
    for code in codes:  # one by one: some are the same language
        path = write(tmp_path, HEADER, f"m,t,{code},acc,.5")
        found += read(path, languages).language.tolist()
    chinese = ["zho_Hans", "zho_Hant", "zho_Hans"]
    rest = ["quy_Latn", "por_Latn", "heb_Hebr", "nob_Latn"]
    assert found == ["swh_Latn"] * 4 + chinese + rest


def test_models_of_the_run_are_found_and_others_counted(
    tmp_path: Path, languages: Languages, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(
        tmp_path,
        HEADER,
        "m,t,sw,acc,.1",
        "Qwen2.5-7B,t,sw,acc,.2",
        "llama-7B,t,sw,acc,.3",
        "bloom-3b,t,sw,acc,.4",
        "bloom-3b,t,de,acc,.4",
        "other/m,t,sw,acc,.5",
    )
    with caplog.at_level(logging.INFO):
        scores = read(path, languages)
    assert dict(zip(scores.model, scores.value, strict=True)) == {
        "m": 0.1,
        "qwen2.5-7b": 0.2,
        "llama-7b": 0.3,
    }
    assert "not in the run: bloom-3b (2), other/m (1)" in caplog.text
    assert "t: 3 scores of 3 models in 1 languages" in caplog.text


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("qwen2.5-7b", "qwen2.5-7b"),
        ("Qwen/Qwen2.5-7B", "qwen2.5-7b"),
        ("qwen/qwen2.5-7B", "qwen2.5-7b"),
        ("Qwen2.5-7B", "qwen2.5-7b"),
        ("Qwen__Qwen2.5-7B", "qwen2.5-7b"),
        ("/data/models/Qwen2.5-7B/", "qwen2.5-7b"),
        ("unsloth/Qwen2.5-7B", None),
        ("Qwen2.5-7B-Instruct", None),
        ("llama7b", None),
        ("LLaMA 7B", "llama-7b"),
        ("llama-7b-hf", "llama-7b"),
    ],
)
def test_names_of_models(written: str, found: str | None) -> None:
    assert ModelNames(MODELS).find(written) == found


def test_an_alias_decides_between_two_revisions() -> None:
    first, second = model("a", "o/x"), model("b", "o/x")
    with pytest.raises(ConfigError) as error:
        ModelNames({"a": first, "b": second}).find("o/x")
    assert "'o/x' fits more than one model of the run" in str(error.value)
    assert "Allowed: a, b" in str(error.value)
    named = {"a": first, "b": model("b", "o/x", "o/x")}
    assert ModelNames(named).find("O/X") == "b"
    # the name in the sheet comes before anybody's location
    assert ModelNames({"x": model("x", "p/y"), "z": model("z", "q/x")}).find("x") == "x"


def published(*rows: str) -> tuple[str, ...]:
    return (PUBLISHED, *rows)


def test_a_published_table_with_two_runs_takes_the_newer(
    tmp_path: Path, languages: Languages, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(
        tmp_path,
        *published(
            f"qwen/qwen2.5-7B,xnli,de,acc,0.45,0,{NEW},c",
            f"Qwen/Qwen2.5-7B,xnli,de,acc,0.44,0,{OLD},c",
            f"Qwen/Qwen2.5-7B,xnli,sw,acc,0.34,0,{OLD},c",
            f"Qwen/Qwen2.5-7B,lambada,sw,perplexity,31.4,0,{OLD},c",
        ),
    )
    with caplog.at_level(logging.INFO):
        scores = read(path, languages, select="xnli")
    assert scores.value.tolist() == [0.45, 0.34]
    assert scores.shots.tolist() == [0, 0]
    assert scores.source.tolist() == [f"{NEW}, commit c", f"{OLD}, commit c"]
    assert f"1 scores are in two results; the newer counts: {NEW}, commit c, not" in caplog.text


def test_conditions_choose_among_shots_and_paths(
    tmp_path: Path, languages: Languages, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(
        tmp_path,
        *published(
            "m,x,de,acc,.1,0,a/m_0.json,c",
            "m,x,de,acc,.2,5,a/m_5.json,c",
            "m,x,jp,acc,.3,5,a/m_5.json,c",
            "m,x,de,acc,.4,5,b/m_5.json,c",
            "llama-7B,x,de,acc,.5,5,a/llama-7B_x.json,c",
        ),
    )
    select = "x, n_shot=5, path=a/*, path=!*llama*, jp=ja"
    with caplog.at_level(logging.INFO):
        scores = read(path, languages, select=select)
    assert "left out: 3 rows that do not fit n_shot=5, path=a/*, path=!*llama*" in caplog.text
    assert scores.value.tolist() == [0.2, 0.3]
    assert scores.language.tolist() == ["deu_Latn", "jpn_Jpan"]


def test_the_task_in_the_file_is_the_rows_own_name_unless_told() -> None:
    assert Selection.of(task(Path("x"), select="n_shot=3")).task == "t"
    assert Selection.of(task(Path("x"))) == Selection("t", None, (), {})
    parts = Selection.of(task(Path("x"), select="a, b, jp=ja,"))
    assert parts == Selection("a, b", None, (), {"jp": "ja"})


def test_a_run_with_one_value_everywhere_is_suspected(
    tmp_path: Path, languages: Languages, caplog: pytest.LogCaptureFixture
) -> None:
    read(write(tmp_path, HEADER, "m,t,sw,acc,0", "m,t,de,acc,0"), languages)
    assert "every language of m has the value 0: a failed run?" in caplog.text


@pytest.mark.parametrize(
    ("lines", "kind", "texts"),
    [
        ([HEADER + ",score", "m,t,sw,acc,1,2"], ConfigError, ["line 1", "'score'", "n_shot"]),
        (["model,task,language,value"], ConfigError, ["line 1", "missing column metric"]),
        ([HEADER + ",lang", "m,t,sw,acc,1,sw"], ConfigError, ["'language' appears twice"]),
        ([HEADER], ConfigError, ["is empty"]),
        ([HEADER, "m,t,sw,acc,nan"], ConfigError, ["line 2", "'value' = 'nan'", "finite"]),
        ([HEADER, "m,t,en,acc,.1", "m,t,sw,acc,-inf"], ConfigError, ["line 3", "'-inf'"]),
        ([HEADER, "m,t,sw,acc,51%"], ConfigError, ["line 2", "'51%'"]),
        ([HEADER, "m,t,sw,acc,51"], ConfigError, ["line 2", "acc = 51 is not a share", "100"]),
        ([HEADER, "m,t,sw,acc,"], ConfigError, ["line 2", "'value' is empty"]),
        ([HEADER, "m,t,sw,acc"], ConfigError, ["line 2", "4 cells"]),
        ([HEADER, "m,t,xx,acc,.1"], LanguageError, ["line 2", "code 'xx'", "xx=<code>"]),
        (
            [HEADER, "m,t,sw,acc,.1", "m,t,swa,acc,.2"],
            ConfigError,
            ["line 3", "line 2", "m, t, swh_Latn, acc", "path="],
        ),
        (
            [PUBLISHED, f"m,t,sw,acc,.1,0,{NEW},", f"m,t,sw,acc,.1,0,{NEW},"],
            ConfigError,
            ["line 3", "a second value"],
        ),
        (
            [PUBLISHED, f"m,t,sw,acc,.1,0,{NEW},", f"m,t,de,acc,.1,5,{NEW},"],
            ConfigError,
            ["'m' has scores of 't'", "worked examples", "Allowed: n_shot=0, n_shot=5"],
        ),
        ([HEADER + ",n", "m,t,sw,acc,.1,0"], ConfigError, ["line 2", "'n' = '0'"]),
        ([HEADER + ",n_shot", "m,t,sw,acc,.1,1.5"], ConfigError, ["line 2", "'n_shot' = '1.5'"]),
        ([HEADER + ",low", "m,t,sw,acc,.1,.2"], ConfigError, ["line 2", "outside"]),
        ([HEADER, "m,u,sw,acc,.1"], ConfigError, ["no task 't'", "Allowed: u (acc)", "'select'"]),
        (
            [HEADER, "x/y,t,sw,acc,.1", "Z,t,sw,acc,.1"],
            ConfigError,
            ["no model of the run", "'aliases'", "the file names x/y, Z"],
        ),
    ],
)
def test_faults(
    tmp_path: Path,
    languages: Languages,
    lines: list[str],
    kind: type[NeuronXAError],
    texts: list[str],
) -> None:
    with pytest.raises(kind) as error:
        read(write(tmp_path, *lines), languages)
    for text in ["scores.csv", *texts]:
        assert text in str(error.value)


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        ({"select": "t, n_shot=five"}, ["task 't'", "n_shot = 'five'", "path=results/*"]),
        ({"select": "t, jp="}, ["'jp=' in 'select' lacks a side"]),
        ({"select": "t, path=!"}, ["'path=!' in 'select' lacks a side"]),
        ({"select": "t, n_shot=4"}, ["no row of 't' fits n_shot=4", "Allowed: n_shot=0"]),
        ({"select": "t, path=z"}, ["fits path=z", "path=r.json"]),
        ({"metric": "ppl"}, ["'ppl' falls", "Allowed: t (acc), t (ppl)"]),
        ({"metric": "word_perplexity,none"}, ["'word_perplexity,none' falls"]),
    ],
)
def test_faults_of_a_row_of_the_tasks_sheet(
    tmp_path: Path, languages: Languages, cells: dict[str, str], texts: list[str]
) -> None:
    path = write(tmp_path, *published("m,t,sw,acc,.1,0,r.json,", "m,t,sw,ppl,4.1,0,r.json,"))
    with pytest.raises(ConfigError) as error:
        read(path, languages, **cells)
    for text in texts:
        assert text in str(error.value)


def test_a_fault_in_another_task_of_the_file_is_nobodys_business(
    tmp_path: Path, languages: Languages
) -> None:
    path = write(tmp_path, HEADER, "m,t,sw,acc,.1", "m,u,jp,acc,none")
    assert len(read(path, languages)) == 1


def test_missing_file_and_wrong_encoding(tmp_path: Path, languages: Languages) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        read(tmp_path / "none.csv", languages)
    path = tmp_path / "latin.csv"
    path.write_bytes(HEADER.encode() + b"\nm,\xe9,sw,acc,1\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read(path, languages)
    assert score_files(task(path)) == [path]
