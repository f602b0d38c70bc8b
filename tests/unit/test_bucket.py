"""Results in a bucket, against a real S3 server: after kills, with two writers, with damage."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import obstore
import pytest
from obstore.store import from_url

from neuronxa.bucket import bucket as module
from neuronxa.bucket import objects
from neuronxa.bucket.bucket import Bucket
from neuronxa.bucket.index import INDEX
from neuronxa.errors import ConfigError, StoreError

from ..s3 import s3_server

FILES = {
    "results/activations/m/c/default/deu_Latn/store.zarr/nas/c/0/0": b"chunk",
    "results/activations/m/c/default/deu_Latn/record.json": b'{"parts": 1}',
    "results/tables/scores.csv": b"a,b\n1,2\n",
    "results/provenance/tables/scores.csv.json": b"{}",
    "resources/models/m/model.json": b"{}",
    "resources/models/m/empty.txt": b"",
    ".snakemake/metadata/cmVzdWx0cw==": b"{}",
}
RECORD = "results/activations/m/c/default/deu_Latn/record.json"


@pytest.fixture(scope="module")
def server():
    with s3_server() as url:
        yield url


@pytest.fixture
def url(server, request):
    return f"{server}/{request.node.name}"


def fill(folder, files=FILES):
    for number, (path, data) in enumerate(files.items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        os.utime(folder / path, ns=(10**18 + number, 10**18 + number))
    return folder


def content(folder):
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "bucket.json"
    }


def pushed(folder, url):
    one = Bucket(url, root=folder)
    one.open()
    count = one.push()
    one.close()
    return count


def index_of(url):
    return json.loads(bytes(obstore.get(from_url(url), INDEX).bytes()))


def test_another_folder_gets_the_same_files_with_their_times(tmp_path, url):
    here = fill(tmp_path / "a")
    (here / "results/tables/.scores.csv.x.part").write_bytes(b"half")
    (here / "results/.lock").write_bytes(b"")
    assert pushed(here, url) == len(FILES)
    there = Bucket(url, root=tmp_path / "b")
    assert there.open() == len(FILES)
    expected = {name: value for name, value in content(here).items() if name in FILES}
    assert content(tmp_path / "b") == expected


def test_only_what_has_changed_is_uploaded_and_what_is_gone_goes(tmp_path, url):
    here = fill(tmp_path / "a")
    pushed(here, url)
    assert pushed(here, url) == 0
    (here / RECORD).write_bytes(b'{"parts": 2}')
    (here / "results/tables/scores.csv").unlink()
    assert pushed(here, url) == 1
    Bucket(url, root=tmp_path / "b").open()
    found = content(tmp_path / "b")
    assert found[RECORD][0] == b'{"parts": 2}'
    assert found.keys() == FILES.keys() - {"results/tables/scores.csv"}
    objects = {one["path"] for page in obstore.list(from_url(url)) for one in page}
    keys = {entry["key"] for entry in index_of(url)["files"].values()}
    assert objects - {INDEX, "clock"} == keys


@pytest.mark.parametrize("uploads", range(5))
def test_after_a_kill_between_any_two_uploads_the_bucket_holds_whole_files(
    tmp_path, url, uploads, monkeypatch
):
    here = fill(tmp_path / "a")
    pushed(here, url)
    old = content(here)
    new = {
        RECORD: b'{"parts": 2}',
        "results/activations/m/c/default/deu_Latn/store.zarr/nas/c/0/1": b"second",
        "results/tables/scores.csv": b"other",
        "results/provenance/tables/scores.csv.json": b'{"other": 1}',
    }
    fill(here, new)
    done = []
    put = obstore.put

    def killed(store, path, *arguments, **options):
        if path != INDEX:
            if len(done) == uploads:
                raise KeyboardInterrupt
            done.append(path)
        return put(store, path, *arguments, **options)

    monkeypatch.setattr(module, "THREADS", 1)
    monkeypatch.setattr(objects.obstore, "put", killed)
    one = Bucket(url, root=here)
    one.open()
    if uploads < len(new):
        with pytest.raises(KeyboardInterrupt):
            one.push()
    else:
        one.push()
    monkeypatch.setattr(objects.obstore, "put", put)
    Bucket(url, root=tmp_path / "b").open(take_over=True)
    found = {name: data for name, (data, _) in content(tmp_path / "b").items()}
    for path, data in found.items():
        assert data in (old.get(path, (None,))[0], new.get(path))
    # a record is never missing, and names no chunk that is
    if found[RECORD] == new[RECORD]:
        assert "results/activations/m/c/default/deu_Latn/store.zarr/nas/c/0/1" in found
    assert found["results/provenance/tables/scores.csv.json"] in (b"{}", b'{"other": 1}')


def test_a_record_never_comes_without_the_chunks_that_it_names(tmp_path, url, monkeypatch):
    here = fill(tmp_path / "a")
    chunk = "results/activations/m/c/default/deu_Latn/store.zarr/nas/c/0/9"
    put, done = obstore.put, []

    def while_it_works(store, path, *arguments, **options):
        if not done and path != INDEX:
            done.append(path)  # the job commits a further block during the first upload
            fill(here, {chunk: b"late", RECORD: b'{"parts": 10}'})
        return put(store, path, *arguments, **options)

    monkeypatch.setattr(objects.obstore, "put", while_it_works)
    pushed(here, url)
    Bucket(url, root=tmp_path / "b").open()
    found = content(tmp_path / "b")
    assert found[RECORD][0] == FILES[RECORD] or chunk in found


def test_a_file_that_a_job_has_replaced_does_not_stand_beside_its_older_record(
    tmp_path, url, monkeypatch
):
    here = fill(tmp_path / "a")
    table, record = "results/tables/scores.csv", "results/provenance/tables/scores.csv.json"
    put, done = obstore.put, []

    def while_it_works(store, path, *arguments, **options):
        if not done and path != INDEX:
            done.append(path)
            fill(here, {table: b"other", record: b'{"other": 1}'})
        return put(store, path, *arguments, **options)

    monkeypatch.setattr(module, "THREADS", 1)
    monkeypatch.setattr(objects.obstore, "put", while_it_works)
    one = Bucket(url, root=here)
    one.open()
    one.push()
    assert not {table, record} & set(index_of(url)["files"])
    one.push()
    one.close()
    Bucket(url, root=tmp_path / "b").open()
    found = content(tmp_path / "b")
    assert (found[table][0], found[record][0]) == (b"other", b'{"other": 1}')


def test_a_large_file_goes_and_comes_in_pieces(tmp_path, url):
    data = os.urandom(30_000_001)
    pushed(fill(tmp_path / "a", {"resources/models/m/model.safetensors": data}), url)
    Bucket(url, root=tmp_path / "b").open()
    assert (tmp_path / "b/resources/models/m/model.safetensors").read_bytes() == data
    assert not list(tmp_path.rglob("*.part"))


def test_a_file_that_changes_while_it_is_uploaded_waits_for_the_next_time(
    tmp_path, url, monkeypatch
):
    here = fill(tmp_path / "a", {"results/logs/job.log": b"one\n"})
    put = obstore.put

    def while_it_writes(store, path, *arguments, **options):
        if path == "results/logs/job.log":
            (here / path).write_bytes(b"one\ntwo\n")
        return put(store, path, *arguments, **options)

    one = Bucket(url, root=here)
    one.open()
    monkeypatch.setattr(objects.obstore, "put", while_it_writes)
    one.push()
    assert index_of(url)["files"] == {}
    monkeypatch.setattr(objects.obstore, "put", put)
    one.push()
    assert list(index_of(url)["files"]) == ["results/logs/job.log"]


def test_the_second_run_is_refused_until_the_first_is_dead_and_then_the_first_is(
    tmp_path, url, monkeypatch
):
    first = Bucket(url, root=fill(tmp_path / "a"))
    first.open()
    first.push()
    second = Bucket(url, root=tmp_path / "b")
    with pytest.raises(StoreError, match=r"another run writes there: process \d+ on "):
        second.open()
    assert content(tmp_path / "b") == {}
    monkeypatch.setattr(module, "DEAD", -1.0)
    assert second.open() == len(FILES)
    with pytest.raises(StoreError, match="another run writes there"):
        first.push()
    monkeypatch.undo()
    second.push()
    second.close()
    assert index_of(url)["active"] is False


def test_two_that_claim_at_once_do_not_both_get_it(tmp_path, url):
    pushed(fill(tmp_path / "a"), url)
    one, other = (Bucket(url, root=tmp_path / name) for name in "bc")
    found, tag = other._read(), other._tag
    one.open()
    other._index, other._tag = found, tag  # it looked before the first had written
    with pytest.raises(StoreError, match="another run writes there"):
        other._write(found)


def test_the_folder_that_wrote_last_is_ahead_of_the_bucket(tmp_path, url):
    here = fill(tmp_path / "a")
    one = Bucket(url, root=here)
    one.open()
    one.push()  # and is killed: never closed
    (here / RECORD).write_bytes(b'{"parts": 3}')
    (here / "results/tables/scores.csv").unlink()
    again = Bucket(url, root=here)
    assert again.open() == 0
    assert (here / RECORD).read_bytes() == b'{"parts": 3}'
    assert Bucket(url, root=here).pull() == 1, "what is missing here can be fetched"
    assert (here / RECORD).read_bytes() == b'{"parts": 3}'


def test_a_folder_that_was_ahead_once_takes_over_what_another_has_done(tmp_path, url):
    here = fill(tmp_path / "a")
    pushed(here, url)
    other = Bucket(url, root=tmp_path / "b")
    other.open()
    (tmp_path / "b" / RECORD).write_bytes(b'{"parts": 7}')
    (tmp_path / "b/results/tables/scores.csv").unlink()
    other.push()
    other.close()
    fill(here, {"results/own.csv": b"only here"})
    assert Bucket(url, root=here).open() == 1
    found = content(here)
    assert found[RECORD][0] == b'{"parts": 7}'
    assert "results/tables/scores.csv" not in found
    assert found["results/own.csv"][0] == b"only here"


@pytest.mark.parametrize("damage", ["flip", "delete"])
def test_a_damaged_object_is_named_and_not_taken(tmp_path, url, damage):
    pushed(fill(tmp_path / "a"), url)
    store = from_url(url)
    if damage == "flip":
        obstore.put(store, "results/tables/scores.csv", b"a,b\n1,3\n")
    else:
        obstore.delete(store, ["results/tables/scores.csv"])
    with pytest.raises(StoreError, match=r"scores.csv: the object is missing or damaged"):
        Bucket(url, root=tmp_path / "b").open()
    found = content(tmp_path / "b")
    assert "results/tables/scores.csv" not in found
    assert not [name for name in found if name.endswith(".json")], "none names what is missing"


@pytest.mark.parametrize(
    "path", ["../outside", "results/../../outside", "/tmp/outside", "Makefile"]
)
def test_no_name_leads_out_of_the_folders(tmp_path, url, path):
    pushed(fill(tmp_path / "a"), url)
    index = index_of(url)
    index["files"][path] = index["files"]["results/tables/scores.csv"]
    obstore.put(from_url(url), INDEX, json.dumps(index).encode())
    with pytest.raises(StoreError):
        Bucket(url, root=tmp_path / "b" / "c").open()
    assert not list(tmp_path.rglob("outside"))
    assert not Path("/tmp/outside").exists()
    assert not list(tmp_path.rglob("Makefile"))


@pytest.mark.parametrize(
    "url", ["lab/run", "s3://", "http://lab/run", "s3://key:secret@lab/run", "file:///tmp/x"]
)
def test_what_is_no_address_is_refused_without_its_secrets(url):
    with pytest.raises(ConfigError, match="no address of a bucket") as found:
        Bucket(url)
    assert "secret" not in str(found.value)


def test_a_missing_bucket_and_a_silent_server_are_told(tmp_path, server, monkeypatch):
    with pytest.raises(StoreError, match="there is no such bucket"):
        Bucket("s3://nowhere/run", root=tmp_path).open()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="cannot be reached") as found:
        Bucket(f"{server}/x", root=tmp_path).open()
    assert "planted" not in str(found.value)


def test_a_damaged_index_is_refused(tmp_path, url):
    obstore.put(from_url(url), INDEX, b'{"format": 99, "files": {}}')
    with pytest.raises(StoreError, match="index is damaged, or of another version"):
        Bucket(url, root=tmp_path).open()


def test_a_kill_while_another_folder_s_work_is_fetched_loses_none_of_it(tmp_path, url, monkeypatch):
    here = fill(tmp_path / "a")
    pushed(here, url)
    other = Bucket(url, root=tmp_path / "b")
    other.open()
    added = {f"results/tables/{number}.csv": b"computed there" for number in range(5)}
    fill(tmp_path / "b", added)
    other.push()
    other.close()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(objects.Objects, "fetch", killed)
    with pytest.raises(KeyboardInterrupt):
        Bucket(url, root=here).open()
    monkeypatch.undo()
    again = Bucket(url, root=here)
    assert again.open(take_over=True) == len(added)
    again.push()
    assert index_of(url)["files"].keys() == FILES.keys() | added.keys()
    assert all((here / path).read_bytes() == data for path, data in added.items())


def test_a_run_lives_while_its_files_take_their_time(tmp_path, url, monkeypatch):
    pushed(fill(tmp_path / "a"), url)
    monkeypatch.setattr(module, "EVERY", 0.1)
    first = Bucket(url, root=tmp_path / "b")
    first.open()
    written = index_age(url)
    deadline = time.monotonic() + 10
    while index_age(url) == written and time.monotonic() < deadline:
        time.sleep(0.1)
    assert index_age(url) > written, "the index is renewed though nothing was pushed"
    Bucket(url, root=tmp_path / "c").open(take_over=True)
    with pytest.raises(StoreError, match="another run writes there"):
        first.push()
    time.sleep(0.5)  # nor does its renewal win the bucket back
    with pytest.raises(StoreError, match="another run writes there"):
        first.push()


def index_age(url):
    return obstore.head(from_url(url), INDEX)["last_modified"]


def test_results_can_be_pulled_while_a_run_replaces_them(tmp_path, url, monkeypatch):
    here = fill(tmp_path / "a")
    one = Bucket(url, root=here)
    one.open()
    one.push()
    fetch, done = objects.Objects.fetch, []

    def while_it_works(self, key, path):
        if not done:
            done.append(key)
            fill(here, {RECORD: b'{"parts": 2}', "results/tables/scores.csv": b"other"})
            one.push()
            fill(here, {RECORD: b'{"parts": 3}'})
            one.push()
        return fetch(self, key, path)

    monkeypatch.setattr(module, "THREADS", 1)
    monkeypatch.setattr(objects.Objects, "fetch", while_it_works)
    Bucket(url, root=tmp_path / "b").pull()
    found = content(tmp_path / "b")
    assert found[RECORD][0] == b'{"parts": 3}'
    assert found["results/tables/scores.csv"][0] == b"other"
