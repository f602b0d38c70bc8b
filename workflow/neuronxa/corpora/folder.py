"""A folder with one text file per language, parallel by line."""

from __future__ import annotations

import glob
import re
from functools import cached_property
from pathlib import Path

from neuronxa.config.rows import CorpusRow
from neuronxa.corpora.sentences import count_lines, read_lines
from neuronxa.errors import CorpusError, LanguageError
from neuronxa.languages import Languages

PLACE = "{language}"


class FolderReader:
    """Reader of files such as ``{language}.devtest`` (FLORES-200) or ``{language}.txt``.

    Parameters
    ----------
    row
        ``location`` is the folder, ``pattern`` the file name with ``{language}`` in it (a
        subfolder is allowed), ``codes`` the scheme of the codes.
    languages
        The language sheet; files whose code it does not know are left out.
    pivot
        Its file gives the number of lines that every other must have.
    """

    def __init__(self, row: CorpusRow, languages: Languages, pivot: str) -> None:
        self._row = row
        self._languages = languages
        self._pivot = pivot
        self._folder = Path(row.location)

    @property
    def source(self) -> str:
        """Where the text comes from, without local paths."""
        return f"files {self._row.pattern}"

    def available(self) -> tuple[str, ...]:
        """Return the codes of the languages that are there, in the order of the sheet."""
        return tuple(code for code in self._languages if code in self._files)

    def size(self) -> int:
        """Return the number of lines."""
        return self._reference[1]

    def files(self, language: str) -> list[Path]:
        """Return the file of a language."""
        return [self._path(language)]

    def read(self, language: str) -> list[str]:
        """Return all lines of a language; raises CorpusError where they cannot be had."""
        path = self._path(language)
        lines = read_lines(path)
        reference, count = self._reference
        if len(lines) != count:
            raise CorpusError(
                f"the corpus is not parallel: {path.name} has {len(lines)} lines, "
                f"{reference.name} has {count}",
                where=str(self._folder),
                remedy="write an empty line where a sentence is missing, or put back a line that "
                "was lost",
            )
        return lines

    def read_pivot(self, language: str) -> list[str]:
        """Return the pivot's lines that belong to the language's."""
        return self.read(self._pivot)

    @cached_property
    def _reference(self) -> tuple[Path, int]:
        """The file that the others are compared with, and its number of lines."""
        code = self._pivot if self._pivot in self._files else next(iter(self.available()), "")
        path = self._path(code or self._pivot)
        return path, count_lines(path)

    @cached_property
    def _found(self) -> tuple[dict[str, Path], list[str]]:
        """Files by code of the sheet, and codes that the sheet does not know."""
        pattern, folder = self._row.pattern, self._folder
        if pattern.count(PLACE) != 1:
            raise CorpusError(
                f"'pattern' is '{pattern}'",
                where=f"corpus '{self._row.corpus}'",
                remedy=f"write {PLACE} where the code of the language stands, as in {PLACE}.txt",
            )
        if not folder.is_dir():
            raise CorpusError(
                f"the folder of corpus '{self._row.corpus}' does not exist",
                where=str(folder),
                remedy="correct 'location' in the corpora sheet",
            )
        before, after = pattern.split(PLACE)
        name = re.compile(f"{re.escape(before)}([A-Za-z0-9_-]+){re.escape(after)}")
        files: dict[str, Path] = {}
        unknown: list[str] = []
        wildcard = f"{glob.escape(before)}*{glob.escape(after)}"
        for path in sorted(folder.glob(wildcard)):
            found = path.relative_to(folder).as_posix()
            match = name.fullmatch(found)
            if not match or not path.is_file():
                continue
            try:
                code = self._languages.resolve(match[1], self._row.codes).code
            except LanguageError:
                unknown.append(match[1])
                continue
            if code in files:
                raise CorpusError(
                    f"{files[code].name} and {found} are both '{code}'",
                    where=str(folder),
                    remedy="remove one, or give the language sheet a row for each",
                )
            files[code] = path
        return files, unknown

    @property
    def _files(self) -> dict[str, Path]:
        return self._found[0]

    def _path(self, language: str) -> Path:
        files, unknown = self._found
        if language in files:
            return files[language]
        expected = self._row.pattern.replace(
            PLACE, Languages.in_scheme(self._languages[language], self._row.codes)
        )
        left_out = f" ({len(unknown)} files have codes that it does not know: " if unknown else ""
        left_out += f"{', '.join(unknown[:5])})" if unknown else ""
        raise CorpusError(
            f"corpus '{self._row.corpus}' has no file for '{language}', as in {expected}",
            where=str(self._folder),
            allowed=self.available(),
            remedy=f"add the file, or check 'pattern', 'codes' and the language sheet{left_out}",
        )
