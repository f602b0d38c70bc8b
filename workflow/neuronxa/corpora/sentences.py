"""Lines of text files, and the sentences that are chosen of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuronxa.config.rows import CorpusRow
from neuronxa.errors import CorpusError


@dataclass(frozen=True)
class Sentences:
    """The chosen sentences of one language.

    Attributes
    ----------
    language
        Code of the language.
    texts
        One sentence each; empty where the language has none.
    indices
        Where each sentence stands in the corpus, counted from 0; ascending.
    total
        How many lines the corpus has.
    joined
        How many sentences held a line break, which became a space.
    pivot_texts
        ``pairs`` only: the pivot side, in the same order.
    """

    language: str
    texts: tuple[str, ...]
    indices: tuple[int, ...]
    total: int
    joined: int
    pivot_texts: tuple[str, ...] | None = None


def choose(total: int, row: CorpusRow) -> tuple[int, ...]:
    """Choose which lines of a corpus are used; the configured languages play no part in it.

    Parameters
    ----------
    total
        Number of lines: of the corpus, or of one language's pairs.
    row
        Settings of the corpus: how many sentences, how they are chosen, and the seed.

    Returns
    -------
    tuple of int
        Ascending line numbers, counted from 0. A random choice takes the first n of one shuffle,
        so a larger choice with the same seed holds every smaller one. In a ``pairs`` corpus there
        are fewer where the language has fewer.

    Raises
    ------
    CorpusError
        The corpus is empty, or a parallel corpus has fewer lines than are asked for.
    """
    wanted = row.sentences
    if total == 0:
        raise CorpusError(
            f"corpus '{row.corpus}' is empty", where=row.location, remedy="check its files"
        )
    if wanted > total and row.layout == "parallel":
        raise CorpusError(
            f"corpus '{row.corpus}' has {total} sentences, {wanted} are asked for",
            where=row.location,
            remedy=f"set 'sentences' of '{row.corpus}' to {total} or fewer",
        )
    wanted = min(wanted, total)
    if row.selection == "first":
        return tuple(range(wanted))
    shuffle = np.random.Generator(np.random.PCG64(row.seed)).permutation(total)
    return tuple(sorted(shuffle[:wanted].tolist()))


def read_lines(path: Path) -> list[str]:
    r"""Read a text file as lines.

    Only ``\n`` and ``\r\n`` end a line: characters such as U+2028 stand inside sentences. A byte
    order mark is accepted, and so is a last line without an end.

    Raises
    ------
    CorpusError
        The file is missing or not UTF-8.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CorpusError(
            f"cannot be read: {error.strerror}", where=str(path), remedy="check the corpus' folder"
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"not UTF-8: byte 0x{data[error.start]:02x}",
            where=f"{path}, line {line}",
            remedy="convert the file to UTF-8",
        ) from None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def count_lines(path: Path) -> int:
    """Count the lines that `read_lines` would give, without decoding them."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CorpusError(
            f"cannot be read: {error.strerror}", where=str(path), remedy="check the corpus' folder"
        ) from None
    if data in (b"", b"\xef\xbb\xbf"):
        return 0
    return data.count(b"\n") + (not data.endswith(b"\n"))


def write_form(texts: Sequence[str]) -> str:
    r"""Join sentences as a prepared file holds them: each ended by one ``\n``."""
    return "".join(f"{text}\n" for text in texts)
