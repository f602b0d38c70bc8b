"""The text of a store, and the identity that follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuronxa.config import ExtractionRow
from neuronxa.models.snapshot import ModelCard

#: Raised whenever the same input would give other numbers: old stores are then made anew.
EXTRACTION_VERSION = 2


@dataclass(frozen=True)
class Text:
    """The sentences of one language's store.

    Attributes
    ----------
    language
        Code.
    sentences
        Texts in the order of the rows; an empty one is missing in this language.
    sides
        0 = the language, 1 = its own pivot side; one per sentence.
    """

    language: str
    sentences: tuple[str, ...]
    sides: tuple[int, ...]

    @classmethod
    def read(cls, language: str, path: Path, pivot_path: Path | None = None) -> Text:
        """Read a language's file, and its pivot side in a ``pairs`` corpus."""
        own = path.read_text(encoding="utf-8").split("\n")[:-1]
        other = pivot_path.read_text(encoding="utf-8").split("\n")[:-1] if pivot_path else []
        return cls(language, (*own, *other), (*[0] * len(own), *[1] * len(other)))

    @property
    def digest(self) -> str:
        """SHA-256 of the sentences and their sides."""
        content = json.dumps([self.sentences, self.sides], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class TextFolder(Mapping[str, Text]):
    """The texts of a corpus, read when they are asked for.

    Attributes
    ----------
    folder
        Holds ``<language>.txt``, and in a corpus of pairs ``<language>.pivot.txt`` beside it.
    languages
        Codes.
    layout
        ``parallel`` or ``pairs``.
    """

    folder: Path
    languages: tuple[str, ...]
    layout: str

    def __getitem__(self, language: str) -> Text:
        if language not in self.languages:
            raise KeyError(language)
        pivot = self.folder / f"{language}.pivot.txt" if self.layout == "pairs" else None
        return Text.read(language, self.folder / f"{language}.txt", pivot)

    def __iter__(self) -> Iterator[str]:
        return iter(self.languages)

    def __len__(self) -> int:
        return len(self.languages)


def identity_of(
    text: Text, *, card: ModelCard, corpus: str, extraction: ExtractionRow
) -> dict[str, Any]:
    """Everything that the numbers of a store depend on, as plain values.

    Parameters
    ----------
    text
        Sentences.
    card
        Card of the model's snapshot.
    corpus
        Name of the corpus.
    extraction
        How to extract; its label changes no number.
    """
    return {
        "extraction_version": EXTRACTION_VERSION,
        "model": card.model,
        "model_digest": card.digest,
        "model_part": card.part,
        "corpus": corpus,
        "language": text.language,
        "text_digest": text.digest,
        "extraction": extraction.model_dump(exclude={"label"}),
        "rows": [index for side in (0, 1) for index in range(text.sides.count(side))],
        "sides": list(text.sides),
    }
