"""A user's table of scores: what is read, and what every fault says."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuronxa.downstream.accuracy import SCORE_COLUMNS
from neuronxa.downstream.scores import read_scores
from neuronxa.errors import ConfigError, LanguageError, NeuronXAError

HEADER = "model,task,language,metric,value"


def resolve(code: str) -> str:
    known = {"en": "eng_Latn", "sw": "swh_Latn", "swa": "swh_Latn"}
    if code not in known:
        raise LanguageError(f"unknown language '{code}'", allowed=known)
    return known[code]


def write(folder: Path, *lines: str) -> Path:
    path = folder / "scores.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_minimal_table(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeff" + HEADER, "m,xnli,sw,acc,0.5", "", "m,xnli,en,acc,1e-1")
    scores = read_scores(path, resolve)
    assert list(scores.columns) == SCORE_COLUMNS
    assert scores.language.tolist() == ["swh_Latn", "eng_Latn"]
    assert scores.value.tolist() == [0.5, 0.1]
    assert scores[["n", "low", "high", "chance"]].isna().all(axis=None)
    assert scores.source.tolist() == ["scores.csv"] * 2


def test_all_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "value,model,task,lang,metric,n,low,high,chance,source,n_shot,path,commit",
        '.5,m,"a, b",sw,acc,100,.4,.6,.25,paper,5,x.json,abc',
        ".5,m,c,sw,acc,,,,,,,x.json,",
    )
    first, second = read_scores(path, resolve).to_dict("records")
    assert first == {
        "model": "m",
        "task": "a, b",
        "language": "swh_Latn",
        "metric": "acc",
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "n": 100,
        "chance": 0.25,
        "source": "paper",
    }
    assert second["source"] == "x.json"


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
        ([HEADER, "m,t,sw,acc,"], ConfigError, ["line 2", "'value' is empty"]),
        ([HEADER, "m,t,sw,acc"], ConfigError, ["line 2", "4 cells"]),
        ([HEADER, "m,t,xx,acc,.1"], LanguageError, ["line 2", "unknown language 'xx'", "swa"]),
        (
            [HEADER, "m,t,sw,acc,.1", "m,t,swa,acc,.2"],
            ConfigError,
            ["line 3", "first is in line 2", "swh_Latn"],
        ),
        ([HEADER + ",n", "m,t,sw,acc,.1,0"], ConfigError, ["line 2", "'n' = '0'"]),
        ([HEADER + ",low", "m,t,sw,acc,.1,.2"], ConfigError, ["line 2", "outside"]),
    ],
)
def test_faults(
    tmp_path: Path, lines: list[str], kind: type[NeuronXAError], texts: list[str]
) -> None:
    with pytest.raises(kind) as error:
        read_scores(write(tmp_path, *lines), resolve)
    for text in ["scores.csv", *texts]:
        assert text in str(error.value)


def test_missing_file_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        read_scores(tmp_path / "none.csv", resolve)
    path = tmp_path / "latin.csv"
    path.write_bytes(HEADER.encode() + b"\nm,\xe9,sw,acc,1\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_scores(path, resolve)
