"""Sentence pairs in the layout of LASER's Tatoeba sets: each language with its own pivot side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from neuronxa.config.rows import CorpusRow
from neuronxa.corpora.sentences import read_lines
from neuronxa.errors import CorpusError, LanguageError
from neuronxa.languages import Languages

FILE = re.compile(r"tatoeba\.([a-z]{3})-([a-z]{3})\.([a-z]{3})")


@dataclass(frozen=True)
class Pair:
    """The two files of one language."""

    own: Path
    pivot: Path


class TatoebaReader:
    """Reader of ``tatoeba.swh-eng.swh`` and ``tatoeba.swh-eng.eng``, and so on.

    Parameters
    ----------
    row
        ``location`` is the folder; codes are ISO 639-3.
    languages
        The language sheet; files whose code it does not know are left out.
    pivot
        Pairs with this language are read, whichever side of the name it stands on.
    """

    def __init__(self, row: CorpusRow, languages: Languages, pivot: str) -> None:
        self._row = row
        self._languages = languages
        self._pivot = pivot
        self._folder = Path(row.location)

    @property
    def source(self) -> str:
        """Where the text comes from, without local paths."""
        return "files tatoeba.<language>-<pivot>"

    def available(self) -> tuple[str, ...]:
        """Return the codes of the languages that are there, in the order of the sheet."""
        return tuple(code for code in self._languages if code in self._pairs)

    def size(self) -> None:
        """Return None: each language has its own number of pairs."""

    def files(self, language: str) -> list[Path]:
        """Return the two files of a language."""
        pair = self._pairs[language]
        return [pair.own, pair.pivot]

    def read(self, language: str) -> list[str]:
        """Return all lines of a language; raises CorpusError where they cannot be had."""
        return self._read(language)[0]

    def read_pivot(self, language: str) -> list[str]:
        """Return the pivot's lines that belong to the language's."""
        return self._read(language)[1]

    def _read(self, language: str) -> tuple[list[str], list[str]]:
        if language == self._pivot:
            raise CorpusError(
                f"'{language}' is the pivot: in corpus '{self._row.corpus}' each language brings "
                "its own pivot side",
                where=str(self._folder),
                remedy="ask for the pivot side of a language",
            )
        if language not in self._pairs:
            raise CorpusError(
                f"corpus '{self._row.corpus}' has no pairs of '{language}' and '{self._pivot}'",
                where=str(self._folder),
                allowed=self.available(),
                remedy="add the two files, or leave the language out",
            )
        pair = self._pairs[language]
        own, pivot = read_lines(pair.own), read_lines(pair.pivot)
        if len(own) != len(pivot):
            raise CorpusError(
                f"the sides differ: {pair.own.name} has {len(own)} lines, "
                f"{pair.pivot.name} has {len(pivot)}",
                where=str(self._folder),
                remedy="fetch both files again",
            )
        return own, pivot

    @cached_property
    def _pairs(self) -> dict[str, Pair]:
        if not self._folder.is_dir():
            raise CorpusError(
                f"the folder of corpus '{self._row.corpus}' does not exist",
                where=str(self._folder),
                remedy="correct 'location' in the corpora sheet",
            )
        names = {
            m.group(1, 2) for path in self._folder.iterdir() if (m := FILE.fullmatch(path.name))
        }
        pairs: dict[str, Pair] = {}
        for left, right in sorted(names):
            sides = {side: self._code(side) for side in (left, right)}
            for own, other in ((left, right), (right, left)):
                code = sides[own]
                if code is None or sides[other] != self._pivot or code == self._pivot:
                    continue
                stem = f"tatoeba.{left}-{right}"
                if code in pairs:
                    raise CorpusError(
                        f"{pairs[code].own.name} and {stem}.{own} are both '{code}'",
                        where=str(self._folder),
                        remedy="remove one, or give the language sheet a row for each",
                    )
                pairs[code] = Pair(
                    own=self._folder / f"{stem}.{own}", pivot=self._folder / f"{stem}.{other}"
                )
        return pairs

    def _code(self, iso639_3: str) -> str | None:
        try:
            return self._languages.resolve(iso639_3, "iso639_3").code
        except LanguageError:
            return None
