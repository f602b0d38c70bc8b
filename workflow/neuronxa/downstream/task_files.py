"""The files of a task that a user brings: a folder with one file per language."""

from __future__ import annotations

from pathlib import Path

from neuronxa.config import CorpusRow, TaskRow
from neuronxa.corpora.folder import FolderReader
from neuronxa.errors import ConfigError, CorpusError
from neuronxa.languages import Languages


class TaskFolder:
    """Finds the files of a task by language; reads none of them.

    Parameters
    ----------
    row
        ``location`` is the folder, ``pattern`` the file name with ``{language}`` in it, ``codes``
        the scheme of the codes.
    languages, pivot
        The language sheet and the code of the pivot.
    """

    def __init__(self, row: TaskRow, languages: Languages, pivot: str) -> None:
        self._row = row
        self._pivot = pivot
        # the folders of corpora are laid out the same way
        found = CorpusRow(
            corpus=row.task,
            label=row.label,
            reader="folder",
            location=row.location,
            pattern=row.pattern,
            codes=row.codes,
        )
        self._reader = FolderReader(found, languages, pivot)

    def available(self) -> tuple[str, ...]:
        """Languages that have a file, in the order of the sheet; the pivot among them.

        Raises
        ------
        ConfigError
            The folder does not exist, its names are ambiguous, or the pivot has no file.
        """
        try:
            codes = self._reader.available()
        except CorpusError as error:
            raise _in_words_of_tasks(error) from None
        if not codes:
            raise ConfigError(
                f"there is no file '{self._row.pattern}' of any language",
                where=f"task '{self._row.task}', {self._row.location}",
                remedy="check 'location', 'pattern' and 'codes' in the tasks sheet",
            )
        if self._pivot not in codes:
            raise ConfigError(
                f"the pivot '{self._pivot}' has no file, and the others are compared with it",
                where=f"task '{self._row.task}', {self._row.location}",
                allowed=codes,
                remedy="choose another 'pivot', add its file, or check 'pattern' and 'codes'",
            )
        return codes

    def shared(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the wanted languages that have a file.

        Raises
        ------
        ConfigError
            What `available` refuses, or no language besides the pivot has one.
        """
        codes = self.available()
        kept = tuple(code for code in wanted if code in codes)
        if set(kept) <= {self._pivot}:
            raise ConfigError(
                "none of the languages besides the pivot has a file",
                where=f"task '{self._row.task}', {self._row.location}",
                allowed=codes,
                remedy="add languages that the task has, or leave the task out",
            )
        return kept

    def file(self, language: str) -> Path:
        """The file of a language."""
        try:
            return self._reader.files(language)[0]
        except CorpusError as error:
            raise _in_words_of_tasks(error) from None


def _in_words_of_tasks(error: CorpusError) -> ConfigError:
    def reword(text: str) -> str:
        return text.replace("corpus '", "task '").replace("corpora sheet", "tasks sheet")

    return ConfigError(
        reword(error.what),
        where=reword(error.where),
        allowed=error.allowed,
        remedy=reword(error.remedy),
    )
