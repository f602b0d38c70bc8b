"""Whatever bytes a user's file holds: it is read, or refused with one message."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuronxa.config import CorpusRow, ExtractionRow, ModelRow, TaskRow, load_settings
from neuronxa.config.files import read_configuration
from neuronxa.config.published import read_published
from neuronxa.errors import NeuronXAError
from neuronxa.languages import Languages
from neuronxa.sheets import read_sheet

from ..torture.runs import REPOSITORY

CONFIG = REPOSITORY / "config" / "config.yaml"
READERS = {
    "models": lambda path: read_sheet(path, ModelRow, key="model"),
    "corpora": lambda path: read_sheet(path, CorpusRow, key="corpus"),
    "extractions": lambda path: read_sheet(path, ExtractionRow, key="extraction"),
    "tasks": lambda path: read_sheet(path, TaskRow, key="task"),
    "languages": Languages.read,
    "published": read_published,
}
#: Pieces that readers stumble over.
PIECES = [b"\0", b"\xff", b"\xef\xbb\xbf", b"\t", b"\n", b"\r", b": ", b"- ", b"{", b"[", b"&a "]
PIECES += [b"*a", b"!!python/object:os.system ", b"<<: ", b"1e999", b"nan", b"\xe2\x80\xa8", b"#"]
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(PIECES) | st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)
FUZZ = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.dates()
    | st.text(max_size=8)
    | st.sampled_from(["eng_Latn", "deu_Latn", "all", "interface", "default", "gemma-3-270m"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=6,
)


def changed(data: bytes, changes) -> bytes:
    """Some places overwritten: where (as a share), how much is cut there, what comes instead."""
    for place, cut, piece in changes:
        start = int(place * len(data))
        data = data[:start] + piece + data[start + cut :]
    return data


@FUZZ
@given(changes=CHANGES)
def test_a_config_file_of_any_bytes(tmp_path, changes):
    path = tmp_path / "config.yaml"
    path.write_bytes(changed(CONFIG.read_bytes(), changes))
    with contextlib.suppress(NeuronXAError):
        assert isinstance(read_configuration([path]), dict)


@pytest.mark.parametrize("name", READERS)
@FUZZ
@given(changes=CHANGES)
def test_a_sheet_of_any_bytes(tmp_path, name, changes):
    path = tmp_path / "sheet.tsv"
    # the first rows are enough, and quick
    lines = (REPOSITORY / f"config/{name}.tsv").read_bytes().splitlines(keepends=True)
    path.write_bytes(changed(b"".join(lines[:12]), changes))
    with contextlib.suppress(NeuronXAError):
        assert len(READERS[name](path))


@FUZZ
@given(data=st.data())
def test_a_config_of_any_values(monkeypatch, data):
    monkeypatch.chdir(REPOSITORY)
    raw = yaml.safe_load(CONFIG.read_text("utf-8"))
    keys = [(key,) for key in raw]
    keys += [(key, inner) for key in raw if isinstance(raw[key], dict) for inner in raw[key]]
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(keys))
        section = raw
        for part in path:
            section = section[part] if isinstance(section[part], dict) else {}
        section[last] = data.draw(VALUES)
    with contextlib.suppress(NeuronXAError):
        assert load_settings(raw).pivot
