"""What every reader of a corpus can do, and how one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, assert_never

from neuronxa.config.rows import CorpusRow
from neuronxa.languages import Languages


class Reader(Protocol):
    """A corpus as it lies on disk, in a package or on the hub."""

    @property
    def source(self) -> str:
        """Where the text comes from, in words, without local paths."""
        ...

    def available(self) -> tuple[str, ...] | None:
        """Return the codes of the languages it holds, in the order of the language sheet.

        Cheap; None where it cannot be known without the network. A ``pairs`` corpus leaves the
        pivot out.
        """
        ...

    def size(self) -> int | None:
        """Return the number of lines; None where it differs by language or needs the network."""
        ...

    def files(self, language: str) -> list[Path]:
        """Return the user's own files that a language is read from; none for hubs and packages."""
        ...

    def read(self, language: str) -> list[str]:
        """Return all lines of a language, in order; an empty one where a sentence is missing."""
        ...

    def read_pivot(self, language: str) -> list[str]:
        """Return the pivot's lines that belong to `read` of the language.

        The same for every language, except in a ``pairs`` corpus.
        """
        ...


def open_reader(row: CorpusRow, languages: Languages, pivot: str) -> Reader:
    """Open the reader that a row of the corpora sheet asks for; nothing is read yet."""
    if row.reader == "folder":
        from neuronxa.corpora.folder import FolderReader

        return FolderReader(row, languages, pivot)
    if row.reader == "tatoeba":
        from neuronxa.corpora.tatoeba import TatoebaReader

        return TatoebaReader(row, languages, pivot)
    if row.reader == "hub":
        from neuronxa.corpora.hub import HubReader

        return HubReader(row, languages, pivot)
    if row.reader == "interface":
        from neuronxa.corpora.interface import InterfaceReader

        return InterfaceReader(row, languages, pivot)
    assert_never(row.reader)
