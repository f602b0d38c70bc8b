"""Pairs of premise and hypothesis: files, hubs, draws, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pytest

from neuronxa.config import TaskRow
from neuronxa.downstream.nli.pairs import (
    Pair,
    check_parallel,
    count_shared,
    draw,
    read_pairs,
    read_prepared,
)
from neuronxa.downstream.nli.prepare import prepare_evaluation, prepare_training
from neuronxa.downstream.nli.sources import available, evaluation_files
from neuronxa.errors import ConfigError, CorpusError
from neuronxa.languages import Languages

LANGUAGES = Languages.read(Path(__file__).parents[2] / "config" / "languages.tsv")
HEADER = "idx\tgenre\tlabel\tpremise\thypothesis"


def write(path, *rows, header=HEADER):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def rows(count, word="p"):
    names = ["entailment", "neutral", "contradiction"]
    return [f"{i}\tg\t{names[i % 3]}\t{word} {i}\th {i}" for i in range(count)]


def task(**settings):
    return TaskRow.model_validate({"task": "t", "label": "T", "kind": "nli"} | settings)


def test_text_is_taken_as_it_stands(tmp_path):
    path = write(
        tmp_path / "a.tsv", '0\tg\tneutral\t"He said\u2028so\t two  blanks', "1\tg\t-\ta\tb"
    )
    first, second = read_pairs(path)
    assert first == Pair("0", 1, '"He said so', "two blanks")
    assert second.label is None


def test_other_names_of_columns_and_numbers_as_labels(tmp_path):
    path = write(tmp_path / "a.tsv", "a\tb\t2\tx", "c\td\t0\tx", header="prem\thyp\tlabel\tmore")
    assert [(p.premise, p.hypothesis, p.label) for p in read_pairs(path)] == [
        ("a", "b", 2),
        ("c", "d", 0),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            f"{HEADER}\n0\tg\tmaybe\ta\tb\n",
            r"a\.tsv, line 2: unknown label 'maybe'\n  Allow",
        ),
        (f"{HEADER}\n0\tg\tneutral\ta\n", r"line 2: the row has 4 cells, the header has 5"),
        ("idx\tlabel\tpremise\n0\t1\ta\n", r"line 1: there is no column 'hypothesis'"),
        (f"{HEADER}\n", r"a\.tsv: the file holds no pairs"),
        ("", r"a\.tsv: the file holds no pairs"),
        (b"\xff\xfe\n", r"a\.tsv: not UTF-8 at byte 0"),
    ],
)
def test_faults_say_file_and_line(tmp_path, content, message):
    path = tmp_path / "a.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CorpusError, match=message):
        read_pairs(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(CorpusError, match=r"cannot be read(.|\n)*Hint: correct 'location'"):
        read_pairs(tmp_path / "none.tsv")


def test_every_language_draws_the_same_rows(tmp_path):
    for code, word in (("en", "en"), ("de", "de"), ("fr", "fr")):
        write(tmp_path / f"{code}.tsv", *rows(30, word), "30\tg\t-\tx\ty")
    row = task(location=str(tmp_path), training="-", items=9, seed=3)
    drawn = {}
    for code in ("eng_Latn", "deu_Latn", "fra_Latn"):
        path = tmp_path / "out" / f"{code}.tsv"
        prepare_evaluation(row, code, languages=LANGUAGES, pivot="eng_Latn", path=path)
        drawn[code] = [(pair.item, pair.label) for pair in read_prepared(path)]
    assert drawn["eng_Latn"] == drawn["deu_Latn"] == drawn["fra_Latn"]
    assert len(set(drawn["eng_Latn"])) == 9
    record = json.loads((tmp_path / "out" / "deu_Latn.json").read_text("utf-8"))
    assert (record["rows"], record["without_label"], record["pairs"]) == (31, 1, 9)
    pairs = read_pairs(tmp_path / "en.tsv")
    assert [p.item for p in draw(pairs, 9, 3)] != [p.item for p in draw(pairs, 9, 4)]
    with pytest.raises(CorpusError, match="30 labelled pairs, 31 are asked for"):
        draw(pairs, 31, 0)


def test_rows_must_be_translations_of_the_pivots():
    one = [Pair("0", 0, "a", "b"), Pair("1", 2, "a", "b")]
    with pytest.raises(CorpusError, match="not row-parallel: 1 rows, the pivot has 2"):
        check_parallel(one[:1], one, where="x")
    with pytest.raises(CorpusError, match=r"row 1 \(from 0\) has another label"):
        check_parallel([one[0], Pair("1", 1, "a", "b")], one, where="x")


def test_training_pairs_leave_out_what_has_no_label(tmp_path):
    source = write(tmp_path / "train.tsv", *rows(4), "4\tg\t-\ta\tb", "5\tg\tneutral\t\tb")
    path = tmp_path / "training.tsv"
    row = task(location="-", training=str(source))
    prepare_training(row, languages=LANGUAGES, pivot="eng_Latn", path=path)
    record = json.loads(path.with_suffix(".json").read_text("utf-8"))
    counts = {key: record[key] for key in ("rows", "without_label", "with_empty_text", "pairs")}
    assert counts == {"rows": 6, "without_label": 1, "with_empty_text": 1, "pairs": 4}
    assert str(tmp_path) not in json.dumps(record)
    seen = read_prepared(path)
    assert count_shared([Pair("9", 0, "p 1", "h 1"), Pair("8", 0, "p 1", "other")], seen) == 1


def test_what_a_plan_must_know(tmp_path):
    train = write(tmp_path / "train.tsv", *rows(3))
    for code in ("en", "sw"):
        write(tmp_path / "d" / f"dev-{code}.tsv", *rows(3))
    row = task(location=str(tmp_path / "d"), training=str(train), pattern="dev-{language}.tsv")
    assert set(available(row, LANGUAGES, "eng_Latn")) == {"eng_Latn", "swh_Latn"}
    files = evaluation_files(row, "swh_Latn", LANGUAGES, "eng_Latn")
    assert [path.name for path in files] == ["dev-en.tsv", "dev-sw.tsv"]
    with pytest.raises(ConfigError, match="the pivot 'fra_Latn' has no file"):
        available(row, LANGUAGES, "fra_Latn")
    with pytest.raises(ConfigError, match=r"none\.tsv: the file of training pairs does not exist"):
        available(row.model_copy(update={"training": "none.tsv"}), LANGUAGES, "eng_Latn")
    with pytest.raises(ConfigError, match=r"folder of task 't' does not exist(.|\n)*tasks sheet"):
        available(row.model_copy(update={"location": "none"}), LANGUAGES, "eng_Latn")
    with pytest.raises(ConfigError, match="languages of a data set on the hub must be listed"):
        available(task(location="hub:a/b", training="hub:a/b"), LANGUAGES, "eng_Latn")


class Table:
    def __init__(self, **columns):
        self._columns, self.column_names = columns, list(columns)

    def __getitem__(self, name):
        return self._columns[name]


def test_a_data_set_on_the_hub(tmp_path, monkeypatch):
    calls = []

    def load(path, name, *, split, revision):
        calls.append((path, name, split, revision))
        if split == "test":
            raise ValueError("Unknown split \"test\". Should be one of ['validation'].")
        if name == "sw":
            raise ConnectionError("no network")
        return Table(premise=[f"{name} a", "b"], hypothesis=["x", "y"], label=[2, -1])

    monkeypatch.setattr(datasets, "load_dataset", load)
    row = task(location="hub:facebook/xnli@abc", training="hub:facebook/xnli", languages="en,de,sw")
    assert len(available(row, LANGUAGES, "eng_Latn")) == 3
    path = tmp_path / "deu_Latn.tsv"
    prepare_evaluation(row, "deu_Latn", languages=LANGUAGES, pivot="eng_Latn", path=path)
    assert read_prepared(path) == [Pair("0", 2, "de a", "x")]
    record = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert record["source"] == "facebook/xnli@abc, split validation"
    prepare_training(row, languages=LANGUAGES, pivot="eng_Latn", path=tmp_path / "training.tsv")
    assert calls[-1] == ("facebook/xnli", "en", "train", None)
    assert calls[0] == ("facebook/xnli", "de", "test", "abc")
    with pytest.raises(CorpusError, match=r"cannot be reached(.|\n)*a folder as 'location'"):
        prepare_evaluation(row, "swh_Latn", languages=LANGUAGES, pivot="eng_Latn", path=path)
