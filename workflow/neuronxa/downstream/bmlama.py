"""Cloze questions in many languages: BMLAMA (Qi, Fernández and Bisazza, EMNLP 2023).

A folder holds one tab-separated file per language: a sentence with one ``<mask>``, the right
answer, the candidates separated by ", ", and the subject. The files are parallel by row, and a
candidate is known by its position in the list, as in the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuronxa.corpora.sentences import read_lines
from neuronxa.downstream.facts import gives_away
from neuronxa.errors import CorpusError

MASK = "<mask>"
HEADER = "Prompt"
COLUMNS = ("Prompt", "Ans", "Candidate Ans", "Subject")


@dataclass(frozen=True)
class Cloze:
    """One sentence with its candidates in one language.

    Attributes
    ----------
    item_id
        Number of the row, counted from 1 without the header, the same in every language.
    prompt
        The sentence with its mask.
    candidates
        In the order of the file.
    gold
        Position of the right candidate; None where the answer is not among them.
    answer
        The right answer.
    given_away
        Whether the answer can be read off the subject.
    """

    item_id: str
    prompt: str
    candidates: tuple[str, ...]
    gold: int | None
    answer: str
    given_away: bool

    @property
    def filled(self) -> tuple[str, ...]:
        """The sentence with each candidate in place of the mask."""
        return tuple(self.prompt.replace(MASK, text) for text in self.candidates)


@dataclass(frozen=True)
class Clozes:
    """All that one language is asked in one task; ``questions`` are in the order of the file."""

    questions: tuple[Cloze, ...]

    def counts(self) -> dict[str, int]:
        """What a reader of the scores should know of these questions."""
        asked = self.questions
        return {
            "questions": len(asked),
            "without_gold": sum(one.gold is None for one in asked),
            "single_candidate": sum(len(one.candidates) == 1 for one in asked),
            "duplicate_candidates": sum(
                len(set(one.candidates)) < len(one.candidates) for one in asked
            ),
            "given_away": sum(one.given_away for one in asked),
        }


def read_clozes(path: Path, *, items: int | None = None, seed: int = 0) -> Clozes:
    """Read the drawn rows of one language.

    Parameters
    ----------
    path
        File of the language.
    items
        How many rows are drawn; None: all. The draw depends on their number and the seed alone:
        the first so many of one shuffle, so a larger draw holds every smaller one.
    seed
        Seed of the draw.

    Raises
    ------
    CorpusError
        The file cannot be read, a row is not of the form above, or there are too few rows.
    """
    rows = _rows(path)
    if items is not None and items > len(rows):
        raise CorpusError(
            f"there are {len(rows)} rows, {items} are asked for",
            where=str(path),
            remedy=f"set 'items' of the task to {len(rows)} or fewer",
        )
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(rows))
    chosen = sorted(order[:items].tolist())
    return Clozes(tuple(_cloze(rows[i][1], i + 1, f"{path}, line {rows[i][0]}") for i in chosen))


def check_parallel(clozes: Clozes, path: Path, pivot: Clozes, pivot_path: Path) -> None:
    """Refuse a language whose rows are not those of the pivot.

    Raises
    ------
    CorpusError
        Another number of rows, or of candidates in a row.
    """
    where = f"{path} and {pivot_path}"
    remedy = "the files of a task must be parallel by row and by candidate"
    ours, theirs = (count_rows(one) for one in (path, pivot_path))
    if ours != theirs:
        raise CorpusError(f"they have {ours} and {theirs} rows", where=where, remedy=remedy)
    for one, other in zip(clozes.questions, pivot.questions, strict=True):
        counts = len(one.candidates), len(other.candidates)
        if counts[0] != counts[1]:
            raise CorpusError(
                f"row {one.item_id} has {counts[0]} and {counts[1]} candidates",
                where=where,
                remedy=remedy,
            )


def count_rows(path: Path) -> int:
    """Number of questions in a file."""
    return len(_rows(path))


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Rows with their line numbers, without the header and empty lines."""
    lines = [(n, line) for n, line in enumerate(read_lines(path), start=1) if line.strip()]
    rows = [(number, [_unquoted(cell) for cell in line.split("\t")]) for number, line in lines]
    if rows and rows[0][1][0] == HEADER:
        rows.pop(0)
    if not rows:
        raise CorpusError("the file has no rows", where=str(path), remedy="check the task's folder")
    return rows


def _unquoted(cell: str) -> str:
    """A cell without the quotes that a CSV writer puts round one that holds quotes itself.

    In the published Hebrew files every cell with a gershayim is written so, and taken as it stands
    an answer would not be found in its own list of candidates.
    """
    cell = cell.strip()
    inner = cell[1:-1]
    if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"').strip()
    return cell


def _cloze(cells: Sequence[str], number: int, where: str) -> Cloze:
    if len(cells) != len(COLUMNS):
        raise CorpusError(
            f"the row has {len(cells)} cells",
            where=where,
            allowed=f"{len(COLUMNS)}: {', '.join(COLUMNS)}",
            remedy="separate the cells by single tabs",
        )
    prompt, answer, listed, subject = cells
    if prompt.count(MASK) != 1:
        raise CorpusError(
            f"the sentence has {prompt.count(MASK)} times {MASK}: '{prompt}'",
            where=where,
            remedy=f"write {MASK} once, where the candidates belong",
        )
    candidates = tuple(text.strip() for text in listed.split(", "))
    if not all(candidates):
        raise CorpusError(
            f"a candidate is empty: '{listed}'", where=where, remedy="separate them by ', '"
        )
    return Cloze(
        item_id=str(number),
        prompt=prompt,
        candidates=candidates,
        gold=candidates.index(answer) if answer in candidates else None,
        answer=answer,
        given_away=gives_away(subject, answer) if subject and answer else False,
    )
