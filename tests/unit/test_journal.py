"""The record of a store: what counts as committed, resumed, and published."""

import json

import pytest

from neuronxa.errors import StoreError
from neuronxa.stores.journal import MANIFEST, RECORD, Journal, read_manifest


def journal(folder, content="a", layout=None):
    return Journal(folder, identity={"x": content}, layout=layout or {"n": 1})


def test_what_is_committed_is_found_again(tmp_path):
    first = journal(tmp_path)
    first.start()
    first.commit("0", {"nas": ["d"]})
    second = journal(tmp_path)
    assert second.resume()
    assert second.has("0")
    assert not second.has("1")


@pytest.mark.parametrize(
    "other", [{"content": "b"}, {"layout": {"n": 2}}], ids=["content", "layout"]
)
def test_other_content_or_layout_is_not_resumed(tmp_path, other):
    first = journal(tmp_path)
    first.start()
    first.commit("0", {})
    assert not journal(tmp_path, **other).resume()


def test_a_complete_record_may_have_another_layout(tmp_path):
    first = journal(tmp_path)
    first.start()
    first.finish({})
    second = journal(tmp_path, layout={"n": 2})
    assert second.resume()
    assert second.layout == {"n": 1}


def test_starting_anew_withdraws_the_manifest(tmp_path):
    first = journal(tmp_path)
    first.start()
    first.finish({"torch": "1"})
    first.publish()
    assert read_manifest(tmp_path)["facts"] == {"torch": "1"}
    journal(tmp_path, content="b").start()
    assert not (tmp_path / MANIFEST).exists()


def test_nothing_unfinished_is_published(tmp_path):
    first = journal(tmp_path)
    first.start()
    with pytest.raises(StoreError, match="not complete"):
        first.publish()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 1}'])
def test_a_damaged_record_is_not_resumed_and_a_damaged_manifest_is_refused(tmp_path, damage):
    (tmp_path / RECORD).write_text(damage)
    (tmp_path / MANIFEST).write_text(damage)
    assert not journal(tmp_path).resume()
    with pytest.raises(StoreError, match=r"not published, or its manifest is damaged(.|\n)*Hint"):
        read_manifest(tmp_path)


def test_a_store_of_another_format_is_said_to_be_one(tmp_path):
    (tmp_path / MANIFEST).write_text('{"format": 0, "complete": true}')
    with pytest.raises(StoreError, match="of format 0, this version reads 1"):
        read_manifest(tmp_path)


def test_the_manifest_has_the_bytes_of_the_record(tmp_path):
    first = journal(tmp_path)
    first.start()
    first.finish({})
    first.publish()
    assert (tmp_path / MANIFEST).read_bytes() == (tmp_path / RECORD).read_bytes()
    assert json.loads((tmp_path / MANIFEST).read_text())["identity"] == {"x": "a"}


def test_a_changed_word_of_a_record_or_manifest_is_not_believed(tmp_path):
    first = journal(tmp_path)
    first.start()
    first.finish({"truncated": 1})
    first.publish()
    for name in (RECORD, MANIFEST):
        path = tmp_path / name
        path.write_text(path.read_text("utf-8").replace('"truncated": 1', '"truncated": 3'))
    with pytest.raises(StoreError, match="its manifest is damaged"):
        read_manifest(tmp_path)
    assert not journal(tmp_path).resume()


def test_a_manifest_of_an_older_version_has_no_seal_and_is_read(tmp_path):
    first = journal(tmp_path)
    first.start()
    first.finish({})
    path = first.publish()
    content = json.loads(path.read_text("utf-8"))
    del content["seal"]
    path.write_text(json.dumps(content), "utf-8")
    assert read_manifest(tmp_path)["complete"]
