"""Lines of text files and the choice of sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronxa.config.rows import CorpusRow
from neuronxa.corpora.sentences import choose, count_lines, read_lines
from neuronxa.errors import CorpusError


def row(**settings: object) -> CorpusRow:
    return CorpusRow.model_validate({"corpus": "c", "label": "C", "reader": "folder"} | settings)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\r\n\r\ntwo\r\n", ["one", "", "two"]),
        (b"\xef\xbb\xbfone\n", ["one"]),
        ("a\u2028b\x85c\x0bd\ne\x1cf\n".encode(), ["a\u2028b\x85c\x0bd", "e\x1cf"]),
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b"\n", [""]),
    ],
)
def test_lines(tmp_path: Path, data: bytes, lines: list[str]) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(data)
    assert read_lines(path) == lines
    assert count_lines(path) == len(lines)


def test_wrong_bytes_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"fine\nalso\n" + "café\n".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"x.txt, line 3: not UTF-8: byte 0xe9"):
        read_lines(path)


def test_missing_file(tmp_path: Path) -> None:
    for function in (read_lines, count_lines):
        with pytest.raises(CorpusError, match="No such file"):
            function(tmp_path / "none.txt")


def test_first_and_random_choice() -> None:
    assert choose(10, row(sentences=3)) == (0, 1, 2)
    expected = np.random.Generator(np.random.PCG64(7)).permutation(50)[:20]
    assert choose(50, row(sentences=20, selection="random", seed=7)) == tuple(sorted(expected))
    assert choose(50, row(sentences=20, selection="random", seed=8)) != tuple(sorted(expected))


@given(st.integers(1, 300), st.integers(0, 5), st.data())
def test_larger_random_choices_hold_smaller_ones(
    total: int, seed: int, data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, total))
    few = choose(total, row(sentences=n, selection="random", seed=seed))
    all_of_them = choose(total, row(sentences=total, selection="random", seed=seed))
    assert len(few) == n == len(set(few))
    assert list(few) == sorted(few)
    assert all_of_them == tuple(range(total))
    more = choose(total, row(sentences=min(n + 1, total), selection="random", seed=seed))
    assert set(few) <= set(more)


def test_too_few_sentences() -> None:
    with pytest.raises(CorpusError, match=r"has 9 sentences, 10 are asked for[\s\S]*to 9 or fewer"):
        choose(9, row(sentences=10))
    assert choose(9, row(sentences=10, reader="tatoeba")) == tuple(range(9))
    with pytest.raises(CorpusError, match="is empty"):
        choose(0, row(reader="tatoeba"))
