"""What is wrong with the text of a language: counts for the report, and faults that stop a run."""

from __future__ import annotations

import math
import statistics
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache

import pandas as pd
from fontTools.unicodedata import script as script_of  # type: ignore[import-untyped]

from neuronxa.errors import CorpusError
from neuronxa.languages import Language

#: Scripts of single characters for the codes of ISO 15924 that stand for several, or for a style.
PARTS = {
    "Jpan": frozenset({"Hani", "Hira", "Kana"}),
    "Hans": frozenset({"Hani"}),
    "Hant": frozenset({"Hani"}),
    "Kore": frozenset({"Hang", "Hani"}),
    "Hang": frozenset({"Hang", "Hani"}),
}
NO_SCRIPT = frozenset({"Zyyy", "Zinh", "Zzzz"})  # common, inherited, unknown
JOINERS = "\u200c\u200d"  # part of the spelling in many scripts
#: Scripts that part words with the zero-width space.
SPACED = frozenset({"Khmr", "Laoo", "Mymr", "Thai", "Tibt"})

#: Shares from which a text cannot be what the language sheet says it is.
MOST_OTHER_SCRIPT = 0.5
MOST_COPIES = 0.5
#: A sentence this many times longer or shorter, against the pivot's, than is usual in its language.
LENGTH_FACTOR = 3.0


@dataclass(frozen=True)
class Checks:
    """Counts over the chosen sentences of one language.

    Attributes
    ----------
    language
        Code of the language.
    lines, empty
        Number of sentences, and of those that are missing.
    duplicates
        Sentences whose text another sentence has too: they make ties.
    other_script
        Share of the letters that are in another script than the language sheet says.
    other_script_lines
        Sentences most of whose letters are in another script.
    main_other_script
        The most frequent of the other scripts; empty where there is none.
    invisible
        Characters that are not seen: format characters (byte order marks too; not joiners, nor
        the zero-width space where it parts words), controls, line and paragraph separators.
    copies
        Sentences that equal the pivot's; None for the pivot itself, or without pivot texts.
    length_outliers
        Sentences whose length against the pivot's is more than `LENGTH_FACTOR` times above or
        below the median of the language; None as above.
    """

    language: str
    lines: int
    empty: int
    duplicates: int
    other_script: float
    other_script_lines: int
    main_other_script: str
    invisible: int
    copies: int | None
    length_outliers: int | None


def check(
    texts: Sequence[str], language: Language, pivot_texts: Sequence[str] | None = None
) -> Checks:
    """Count what is unusual in the sentences of a language.

    Parameters
    ----------
    texts
        The chosen sentences; empty where missing.
    language
        Row of the language sheet; its script is what is expected.
    pivot_texts
        The same sentences in the pivot; None for the pivot itself.

    Raises
    ------
    CorpusError
        NUL characters, no text at all, most letters in another script, mostly copies of the
        pivot, or another number of sentences than the pivot.
    """
    present = [text for text in texts if text]
    if not present:
        raise CorpusError(
            "every chosen sentence is empty",
            where=language.code,
            remedy="leave the language out of this corpus",
        )
    for number, text in enumerate(texts, start=1):
        if "\0" in text:
            raise CorpusError(
                f"sentence {number} holds a NUL character",
                where=language.code,
                remedy="the file is damaged or not UTF-8 text: fetch or convert it again",
            )
    letters, foreign, foreign_lines = _scripts(present, language)
    other = foreign.total() / letters if letters else 0.0
    main = foreign.most_common(1)[0][0] if foreign else ""
    if other > MOST_OTHER_SCRIPT:
        raise CorpusError(
            f"{other:.0%} of the letters are not {language.script}, most are {main}",
            where=language.code,
            remedy="the file belongs to another language, or the script in its code is wrong",
        )
    copies, outliers = (
        (None, None) if pivot_texts is None else _against_pivot(texts, pivot_texts, language)
    )
    repeated = Counter(present)
    return Checks(
        language=language.code,
        lines=len(texts),
        empty=len(texts) - len(present),
        duplicates=sum(repeated[text] > 1 for text in present),
        other_script=other,
        other_script_lines=foreign_lines,
        main_other_script=main,
        invisible=sum(_is_invisible(c, language.script) for text in present for c in text),
        copies=copies,
        length_outliers=outliers,
    )


def checks_frame(checks: Iterable[Checks]) -> pd.DataFrame:
    """Tidy table of the checks, one row per language; missing counts are ``<NA>``."""
    columns = [field.name for field in fields(Checks)]
    frame = pd.DataFrame([asdict(one) for one in checks], columns=columns)
    return frame.astype({"copies": "Int64", "length_outliers": "Int64"})


def _scripts(texts: Sequence[str], language: Language) -> tuple[int, Counter[str], int]:
    """Count letters, those in other scripts by script, and sentences mostly in other scripts."""
    expected = PARTS.get(language.script, frozenset({language.script}))
    letters, lines = 0, 0
    foreign: Counter[str] = Counter()
    for text in texts:
        scripts = Counter(map(_letter_script, text))
        here = Counter({s: k for s, k in scripts.items() if s is not None})
        others = Counter({s: k for s, k in here.items() if s not in expected})
        letters += here.total()
        foreign += others
        lines += 2 * others.total() > here.total()
    return letters, foreign, lines


@lru_cache(maxsize=2**14)
def _letter_script(character: str) -> str | None:
    """Script of a letter; None for other characters and letters of no one script."""
    if not unicodedata.category(character).startswith("L"):
        return None
    script: str = script_of(character)
    return None if script in NO_SCRIPT else script


def _against_pivot(
    texts: Sequence[str], pivot_texts: Sequence[str], language: Language
) -> tuple[int, int]:
    """Count copies of the pivot, and sentences of unusual length against it."""
    if len(texts) != len(pivot_texts):
        raise CorpusError(
            f"{len(texts)} sentences, the pivot has {len(pivot_texts)}",
            where=language.code,
            remedy="prepare the corpus again",
        )
    pairs = [(own, pivot) for own, pivot in zip(texts, pivot_texts, strict=True) if own and pivot]
    if not pairs:
        return 0, 0
    copies = sum(own == pivot for own, pivot in pairs)
    if copies > MOST_COPIES * len(pairs):
        raise CorpusError(
            f"{copies} of {len(pairs)} sentences are the pivot's own",
            where=language.code,
            remedy="the text was not translated: remove the language or its file",
        )
    ratios = [math.log(len(own) / len(pivot)) for own, pivot in pairs]
    middle = statistics.median(ratios)
    outliers = sum(abs(ratio - middle) > math.log(LENGTH_FACTOR) for ratio in ratios)
    return copies, outliers


def _is_invisible(character: str, script: str) -> bool:
    if character in JOINERS or (character == "\u200b" and script in SPACED):
        return False
    return unicodedata.category(character) in ("Cf", "Cc", "Zl", "Zp")
