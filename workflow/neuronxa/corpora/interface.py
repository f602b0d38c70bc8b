"""Chromium's interface text inside an installed package, parallel by message number.

Qt itself is never imported: the string packs are found through the package's list of files.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import metadata
from pathlib import Path, PurePosixPath

from neuronxa.config.rows import CorpusRow
from neuronxa.corpora.pak import read_pak
from neuronxa.errors import CorpusError, LanguageError
from neuronxa.languages import Languages

PACKAGE = "pyqt6-webengine-qt6"
FOLDER = "qtwebengine_locales"
ENGLISH = "en-US"
LEFT_OUT = frozenset({"en-GB"})  # the same sentences as en-US

#: Words of an English sentence.
FEWEST_WORDS, MOST_WORDS = 6, 25

DIRECTION_MARKS = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
# Keyboard shortcuts: "(&F)" after the text in scripts without Latin letters, "&File" in the others.
ACCELERATORS = re.compile(r"\s?\(&\w\)|&(?=\w)(?!#?\w+;)")
NOT_PLAIN = re.compile(
    r"\$\d|[{}<>|\n\r\t\\]|&#?\w+;|%[\w(%]|\w+://|\bwww\.|\b[\w-]+\.(?:com|org|net)\b"
)
PRODUCTS = re.compile(
    r"\b(?:Chrom\w*|Google|G(?:mail|Suite|board)|Android|YouTube|Gemini|Lens|Assistant|Play|Drive"
    r"|Windows|Microsoft|Edge|Apple|Mac|macOS|OS X|iOS|iPhone|iPad|Linux|Safari|Firefox|Qt\w*)\b",
    re.IGNORECASE,
)
IDENTIFIER = re.compile(r"[a-z][A-Z]|\w_\w")  # JavaScript, DnsOverHttps: the same in every language
SENTENCE = re.compile(r"[A-Z][^.!?:;…]*(?:[.!?](?!\s)[^.!?:;…]+)*[.!?]")


class InterfaceReader:
    """Reader of the clean, single interface sentences that every locale has translated.

    Parameters
    ----------
    row
        ``location`` is the package, by default ``pyqt6-webengine-qt6``.
    languages
        The language sheet, which maps locales such as ``zh-TW`` to codes.
    pivot
        Code of the pivot.

    Notes
    -----
    A sentence is kept if all locales of the package have translated it, each in its own words
    among the kept ones, so the configured languages do not change which sentences there are.
    """

    def __init__(self, row: CorpusRow, languages: Languages, pivot: str) -> None:
        self._package = row.location or PACKAGE
        self._languages = languages
        self._pivot = pivot

    @property
    def source(self) -> str:
        """Where the text comes from, without local paths."""
        return f"{self._package} {metadata.version(self._package)}"

    def available(self) -> tuple[str, ...]:
        """Return the codes of the languages that are there, in the order of the sheet."""
        locales = self._locales()
        return tuple(code for code in self._languages if code in locales)

    def size(self) -> int:
        """Return the number of lines."""
        return len(common_sentences(self._package)[ENGLISH])

    def files(self, language: str) -> list[Path]:
        """Return nothing: the text is in a package."""
        return []

    def read(self, language: str) -> list[str]:
        """Return all lines of a language; raises CorpusError where they cannot be had."""
        locales = self._locales()
        if language not in locales:
            raise CorpusError(
                f"the interface text has no locale for '{language}'",
                where=self._package,
                allowed=self.available(),
                remedy="leave the language out of this corpus",
            )
        return list(common_sentences(self._package)[locales[language]])

    def read_pivot(self, language: str) -> list[str]:
        """Return the pivot's lines that belong to the language's."""
        return self.read(self._pivot)

    def _locales(self) -> dict[str, str]:
        """Locale of each code; a locale without a row in the language sheet is left out."""
        locales: dict[str, str] = {}
        for locale in pack_files(self._package):
            try:
                locales[self._languages.resolve(locale, "bcp47").code] = locale
            except LanguageError:
                continue
        return locales


@lru_cache(maxsize=4)
def pack_files(package: str) -> dict[str, Path]:
    """Find the string pack of each locale that an installed package holds.

    Raises
    ------
    CorpusError
        The package is not installed or holds no string packs.
    """
    try:
        distribution = metadata.distribution(package)
    except (metadata.PackageNotFoundError, ValueError):
        raise CorpusError(
            f"package '{package}' is not installed",
            where="corpus with reader 'interface'",
            remedy=f"install it (pip install {package}) or correct 'location'",
        ) from None
    files = {
        PurePosixPath(file).stem: Path(str(distribution.locate_file(file)))
        for file in distribution.files or ()
        if file.suffix == ".pak" and file.parent.name == FOLDER
    }
    if ENGLISH not in files or len(files) < 2:
        raise CorpusError(
            f"package '{package}' holds no string packs ({FOLDER}/{ENGLISH}.pak)",
            where="corpus with reader 'interface'",
            remedy=f"use {PACKAGE}",
        )
    return {locale: files[locale] for locale in sorted(files) if locale not in LEFT_OUT}


@lru_cache(maxsize=4)
def common_sentences(package: str) -> dict[str, tuple[str, ...]]:
    """Select the sentences of each locale of a package, in the same order in all of them.

    Returns
    -------
    dict
        Locale to its sentences, ordered by message number.

    Raises
    ------
    CorpusError
        A string pack is damaged, or no sentence is left.
    """
    packs = {locale: read_pak(path) for locale, path in pack_files(package).items()}
    english = packs.pop(ENGLISH)
    kept = {message: tidy(english.text(message)) for message in english.messages}
    kept = _without_repeats({m: text for m, text in kept.items() if is_plain_sentence(text)})
    texts: dict[str, dict[int, str]] = {ENGLISH: kept}
    for locale, pack in packs.items():
        translated = {message: tidy(pack.text(message)) for message in kept}
        kept = {m: text for m, text in kept.items() if _is_translation(translated[m], text)}
        texts[locale] = _without_repeats({m: translated[m] for m in kept})
        kept = {m: text for m, text in kept.items() if m in texts[locale]}
    if not kept:
        raise CorpusError(
            "no sentence is translated in every locale",
            where=package,
            remedy="install the package again, in the version that the environment pins",
        )
    return {locale: tuple(of[m] for m in kept) for locale, of in sorted(texts.items())}


def tidy(text: str | None) -> str:
    """Take directional marks, keyboard shortcuts and surrounding white space off a message."""
    return ACCELERATORS.sub("", DIRECTION_MARKS.sub("", text or "")).strip()


def is_plain_sentence(text: str) -> bool:
    """Whether an English message is one full sentence without markup, brands or placeholders."""
    return (
        FEWEST_WORDS <= len(text.split()) <= MOST_WORDS
        and SENTENCE.fullmatch(text) is not None
        and not NOT_PLAIN.search(text)
        and not PRODUCTS.search(text)
        and not IDENTIFIER.search(text)
    )


def _without_repeats(texts: dict[int, str]) -> dict[int, str]:
    """Keep the first of the messages that share a text: two equal sentences could only tie."""
    first: dict[str, int] = {}
    for message, text in texts.items():
        first.setdefault(text.casefold(), message)
    return {message: texts[message] for message in sorted(first.values())}


def _is_translation(text: str, english: str) -> bool:
    return bool(text) and text.casefold() != english.casefold() and not NOT_PLAIN.search(text)
