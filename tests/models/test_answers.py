"""A model's rankings: one load for all languages, resumed block by block, damage found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from neuronxa.config import ModelRow, TaskRow
from neuronxa.downstream import answers, ranking
from neuronxa.downstream.answers import BLOCKS, RankingShard
from neuronxa.downstream.probes import ClozeProbe, FactProbe
from neuronxa.downstream.rankings import read_rankings
from neuronxa.errors import CorpusError, StoreError
from neuronxa.files import digest
from neuronxa.models.snapshot import make_snapshot
from neuronxa.stores.journal import read_json, read_manifest

from .tiny import save_tiny


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_tiny("llama", folder / "source", max_position_embeddings=4096)
    row = ModelRow(model="m", label="M", source="folder", location=str(folder / "source"))
    make_snapshot(row, folder / "snapshot")
    return folder / "snapshot"


@pytest.fixture
def facts(snapshot, tmp_path):
    def make(languages=("eng_Latn", "deu_Latn"), **changes):
        tags = {"eng_Latn": "en", "deu_Latn": "de", "kab_Latn": "zxx"}
        settings = {"relation": "continent", "items": 6, "shots": 2, **changes}
        task = TaskRow(task="continent", label="c", kind="facts", **settings)
        probe = FactProbe(task, {code: tags[code] for code in languages})
        return RankingShard(snapshot, probe, "cpu", tmp_path / "facts")

    return make


WORDS = {"eng_Latn": "is in", "deu_Latn": "liegt in"}


def cloze_files(folder, rows=7):
    """Two parallel files with a header."""
    folder.mkdir(exist_ok=True)
    files = {}
    for code, words in WORDS.items():
        lines = ["Prompt\tAns\tCandidate Ans\tSubject"]
        lines += [f"Town{i} {words} <mask>.\tAa\tAa, Bb{i}, C\tTown{i}" for i in range(rows)]
        files[code] = folder / f"{code}.tsv"
        files[code].write_text("\r\n".join(lines) + "\r\n", "utf-8")
    return files


def cloze_shard(snapshot, files, folder, **changes):
    task = TaskRow(task="towns", label="t", kind="bmlama", location="x", **changes)
    return RankingShard(snapshot, ClozeProbe(task, files, files["eng_Latn"]), "cpu", folder)


@pytest.fixture
def no_load(monkeypatch):
    def forbid():
        monkeypatch.setattr(
            "neuronxa.models.loading.load_causal", lambda *_, **__: pytest.fail("loaded again")
        )

    return forbid


def test_one_load_answers_all_languages_and_each_publishes_its_own(facts, no_load):
    first = facts()
    first.publish("deu_Latn")
    assert {p.parent.name for p in first.folder.rglob("manifest.json")} == {"deu_Latn"}
    no_load()
    first.publish("eng_Latn")
    table = read_rankings(first.folder / "eng_Latn")
    assert table.groupby("item").size().eq(6).all()
    assert table.groupby("item")["gold"].sum().eq(1).all()
    assert (table["log_probability"] < 0).all()


def test_other_questions_are_asked_anew(facts):
    facts().publish("eng_Latn")
    before = read_rankings(facts().folder / "eng_Latn")
    facts(items=12).publish("eng_Latn")
    after = read_rankings(facts().folder / "eng_Latn")
    assert after["item"].nunique() > before["item"].nunique()


def test_a_language_that_names_nothing_has_no_rankings(facts):
    one = facts(languages=("eng_Latn", "kab_Latn"))
    one.publish("kab_Latn")
    assert read_rankings(one.folder / "kab_Latn").empty


def test_damaged_rankings_are_found(facts):
    one = facts()
    one.publish("eng_Latn")
    (path,) = (one.folder / "eng_Latn" / BLOCKS).glob("*.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"missing or damaged(.|\n)*Hint: run: "):
        read_rankings(one.folder / "eng_Latn")


def test_clozes_are_ranked_from_files_and_counted(snapshot, tmp_path, no_load):
    files = cloze_files(tmp_path / "data")
    shard = cloze_shard(snapshot, files, tmp_path / "out")
    shard.publish("deu_Latn")
    table = read_rankings(tmp_path / "out/deu_Latn")
    assert table["item"].unique().tolist() == [str(i) for i in range(1, 8)]
    assert table.groupby("item").size().eq(3).all()
    first = "Town0 liegt in Aa."
    assert table["tokens"].iloc[0] == len(first)  # behind the token that the tokenizer adds
    told = read_manifest(tmp_path / "out/deu_Latn")["facts"]
    assert told == {
        "questions": 7,
        "without_gold": 0,
        "single_candidate": 0,
        "duplicate_candidates": 0,
        "given_away": 0,
    }
    # moved files are the same questions
    moved = {code: path.rename(tmp_path / path.name) for code, path in files.items()}
    no_load()
    cloze_shard(snapshot, moved, tmp_path / "out").publish("eng_Latn")


def test_an_edited_file_is_ranked_anew_and_no_other(snapshot, tmp_path, monkeypatch):
    files = cloze_files(tmp_path / "data")
    cloze_shard(snapshot, files, tmp_path / "out").publish("eng_Latn")
    text = files["deu_Latn"].read_text("utf-8")
    files["deu_Latn"].write_text(text.replace("Bb3", "Dddd"), "utf-8")
    asked = []
    real = ranking.rank_candidates
    monkeypatch.setattr(
        ranking,
        "rank_candidates",
        lambda *a: asked.append(a[2].questions[0].prompt) or real(*a),
    )
    again = cloze_shard(snapshot, files, tmp_path / "out")
    again.publish("eng_Latn")
    again.publish("deu_Latn")
    assert asked == ["Town0 liegt in <mask>."]


def test_files_that_are_not_parallel_are_refused_before_the_model_is_loaded(
    snapshot, tmp_path, no_load
):
    files = cloze_files(tmp_path / "data")
    text = files["deu_Latn"].read_text("utf-8")
    files["deu_Latn"].write_text(text.replace("Aa, Bb2, C", "Aa, Bb2"), "utf-8")
    no_load()
    with pytest.raises(CorpusError, match="row 3 has 2 and 3 candidates"):
        cloze_shard(snapshot, files, tmp_path / "out").publish("eng_Latn")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from neuronxa.downstream import answers
    from neuronxa.stores.journal import Journal
    from tests.models.test_answers import cloze_shard

    answers.BLOCK_QUESTIONS = 2
    snapshot, data, out = map(Path, sys.argv[1:4])
    commit, done = Journal.commit, []

    def dying(self, part, digests):
        if len(done) == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)  # the block is on disk, its record is not
        done.append(part)
        commit(self, part, digests)

    Journal.commit = dying
    files = {code: data / f"{code}.tsv" for code in ("eng_Latn", "deu_Latn")}
    cloze_shard(snapshot, files, out).publish("eng_Latn", threads=1)
"""


def test_a_killed_shard_goes_on_from_its_blocks_and_ends_with_the_same_bytes(
    snapshot, tmp_path, repository, monkeypatch
):
    files = cloze_files(tmp_path / "data")
    monkeypatch.setattr(answers, "BLOCK_QUESTIONS", 2)
    whole = cloze_shard(snapshot, files, tmp_path / "whole")
    for code in files:
        whole.publish(code)
    out = tmp_path / "killed"
    for commits in (2, 3):  # in the first language, then in the second
        done = subprocess.run(
            [
                *(sys.executable, "-c", textwrap.dedent(KILLED)),
                *map(str, (snapshot, tmp_path / "data", out, commits)),
            ],
            cwd=repository,
            env={**os.environ, "PYTHONPATH": str(repository / "workflow")},
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
    assert not list(out.rglob("manifest.json"))
    assert read_json(out / "eng_Latn/record.json")["complete"]
    assert len(read_json(out / "deu_Latn/record.json")["parts"]) == 1
    asked = []
    real = ranking.rank_candidates
    monkeypatch.setattr(
        ranking,
        "rank_candidates",
        lambda *a: asked.append(a[2].questions[0].item_id) or real(*a),
    )
    for code in files:
        cloze_shard(snapshot, files, out).publish(code)
    assert asked == ["3", "5", "7"]
    assert digests(out) == digests(tmp_path / "whole")


def digests(folder):
    return {
        str(path.relative_to(folder)): digest(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }
