"""A model's answers: one load for all languages, resumed language by language, damage found."""

from __future__ import annotations

import pytest

from neuronxa.config import ModelRow, TaskRow
from neuronxa.downstream.answers import TABLE, FactShard
from neuronxa.downstream.rankings import read_rankings
from neuronxa.errors import StoreError
from neuronxa.models.snapshot import make_snapshot

from .tiny import save_tiny


@pytest.fixture
def shard(tmp_path):
    save_tiny("llama", tmp_path / "source", max_position_embeddings=4096)
    row = ModelRow(model="m", label="M", source="folder", location=str(tmp_path / "source"))
    make_snapshot(row, tmp_path / "snapshot")

    def make(languages=("eng_Latn", "deu_Latn"), **changes):
        tags = {"eng_Latn": "en", "deu_Latn": "de", "kab_Latn": "zxx"}
        settings = {"relation": "continent", "items": 6, "shots": 2, **changes}
        return FactShard(
            snapshot=tmp_path / "snapshot",
            task=TaskRow(task="continent", label="c", kind="facts", **settings),
            languages={code: tags[code] for code in languages},
            device="cpu",
            folder=tmp_path / "facts",
        )

    return make


def test_one_load_answers_all_languages_and_each_publishes_its_own(shard, monkeypatch):
    first = shard()
    first.publish("deu_Latn")
    assert {p.parent.name for p in first.folder.rglob("manifest.json")} == {"deu_Latn"}
    monkeypatch.setattr(
        "neuronxa.models.loading.load_causal", lambda *_, **__: pytest.fail("loaded again")
    )
    first.publish("eng_Latn")
    table = read_rankings(first.folder / "eng_Latn")
    assert table.groupby("item").size().eq(6).all()
    assert table.groupby("item")["gold"].sum().eq(1).all()
    assert (table["log_probability"] < 0).all()


def test_other_questions_are_asked_anew(shard):
    shard().publish("eng_Latn")
    before = read_rankings(shard().folder / "eng_Latn")
    shard(items=12).publish("eng_Latn")
    after = read_rankings(shard().folder / "eng_Latn")
    assert after["item"].nunique() > before["item"].nunique()


def test_a_language_that_names_nothing_has_no_rankings(shard):
    one = shard(languages=("eng_Latn", "kab_Latn"))
    one.publish("kab_Latn")
    assert read_rankings(one.folder / "kab_Latn").empty


def test_damaged_rankings_are_found(shard):
    one = shard()
    one.publish("eng_Latn")
    path = one.folder / "eng_Latn" / TABLE
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"missing or damaged(.|\n)*Hint: delete"):
        read_rankings(one.folder / "eng_Latn")
