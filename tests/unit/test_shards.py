"""Shards: which languages go together, and what their record says."""

from __future__ import annotations

import json

import pytest

from neuronxa.errors import StoreError
from neuronxa.jobs.shards import cut_shards, folders_of, withdraw_false, write_record
from neuronxa.provenance import JobRecord, check_file, read_record, remake

CODES = ["eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn", "swh_Latn"]


@pytest.fixture
def publish(tmp_path):
    def make(code):
        path = tmp_path / "activations/m/c/e" / code / "manifest.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, "utf-8")
        return path

    return make


@pytest.mark.parametrize("size", [1, 2, 3, 5, 500])
def test_every_language_is_in_one_shard_and_the_order_stays(size):
    shards = cut_shards(CODES, size)
    assert [code for codes in shards.values() for code in codes] == CODES
    assert max(map(len, shards.values())) <= size


def test_a_language_at_the_end_changes_the_last_shard_alone():
    before, after = cut_shards(CODES, 2), cut_shards([*CODES, "hin_Deva"], 2)
    assert list(before)[:2] == list(after)[:2]
    assert list(before)[2] != list(after)[2]


def test_the_name_stands_for_the_languages():
    (name,) = cut_shards(CODES, 500)
    for other in (CODES[:-1], CODES[::-1], [*CODES, "hin_Deva"]):
        assert name not in cut_shards(other, 500)


def test_a_record_leads_to_the_folders_in_order(tmp_path, publish):
    folder = tmp_path / "activations/m/c/e"
    records = []
    for name, codes in cut_shards(CODES, 2).items():
        records.append(folder / f"shard.{name}.json")
        write_record(records[-1], codes, publish)
    assert list(folders_of(records)) == CODES
    assert all(path == folder / code for code, path in folders_of(records).items())
    content = json.loads(records[0].read_text("utf-8"))["manifests"]
    assert all(len(digest) == 64 for digest in content.values())
    assert content["eng_Latn"] != content["deu_Latn"]


def test_a_failure_leaves_no_record(tmp_path, publish):
    def fail_at(code):
        if code == "fra_Latn":
            raise StoreError("no")
        return publish(code)

    record = tmp_path / "activations/m/c/e/shard.0-00000000.json"
    with pytest.raises(StoreError):
        write_record(record, CODES, fail_at)
    assert not record.exists()


@pytest.mark.parametrize("damage", ["manifest", "half", "list", "empty"])
def test_a_record_that_says_too_much_is_withdrawn(tmp_path, publish, damage):
    record, good = (tmp_path / f"activations/m/c/e/shard.{n}-00000000.json" for n in (0, 1))
    write_record(record, CODES[:3], publish)
    write_record(good, CODES[3:], publish)
    planned = [record, good, tmp_path / "activations/m/c/e/shard.2-00000000.json"]
    assert withdraw_false(planned) == []
    if damage == "manifest":
        publish("deu_Latn").unlink()
    else:
        text = record.read_text("utf-8")
        record.write_text({"half": text[:40], "list": '{"manifests": []}', "empty": ""}[damage])
        with pytest.raises(StoreError, match="record of a shard"):
            folders_of([record])
    assert withdraw_false(planned) == [record]
    assert not record.exists()
    assert good.exists()


def run_job(record, codes, publish, commit):
    job = JobRecord("extract", inputs=[], outputs=[record], params={"commit": commit})
    job.start()
    write_record(record, codes, publish)
    job.finish()


def test_a_manifest_leads_to_the_job_that_published_it(tmp_path):
    folder = tmp_path / "results/activations/m/c/e"

    def publish(code):
        path = folder / code / "manifest.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, "utf-8")
        return path

    few, more = (folder / f"shard.0-{name}.json" for name in ("0000000a", "0000000b"))
    run_job(few, CODES[:2], publish, 1)
    run_job(more, CODES[:3], publish, 2)
    made_by = {code: read_record(publish(code))["params"]["commit"] for code in CODES[:3]}
    assert made_by == {"eng_Latn": 1, "deu_Latn": 1, "fra_Latn": 2}
    assert all(check_file(publish(code)) for code in CODES[:3])
    for code in ("deu_Latn", "fra_Latn"):
        path = folder / code / "manifest.json"
        path.write_text("other", "utf-8")
        with pytest.raises(StoreError, match="damaged") as told:
            check_file(path)
        # a rule makes the record, and the job of today knows it by its newest name
        assert f"--force results/activations/m/c/e/{more.name}" in str(told.value)
        publish(code)
    assert remake(folder / "swh_Latn/manifest.json").endswith("/swh_Latn/manifest.json")
