r"""Pairs of premise and hypothesis: reading, checking, drawing and writing.

A file of pairs is tab-separated UTF-8 with a header line; nothing is quoted, so that a quotation
mark is text. Columns may come in any order, others are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuronxa.errors import CorpusError
from neuronxa.files import atomic_write_text

#: The classes in the order of their numbers in XNLI.
LABELS = ("entailment", "neutral", "contradiction")
#: How data sets write that annotators did not agree.
UNLABELLED = ("-", "-1")
#: Columns that a source must have, with the names that are understood.
COLUMNS = {
    "label": ("label",),
    "premise": ("premise", "prem"),
    "hypothesis": ("hypothesis", "hyp"),
}
_KNOWN = {word: number for number, word in enumerate(LABELS)} | {
    str(number): number for number in range(len(LABELS))
}


@dataclass(frozen=True)
class Pair:
    """One pair.

    Attributes
    ----------
    item
        Row of the source, from 0: the same item in every language of a row-parallel set.
    label
        Number of the class in `LABELS`; None without a gold label.
    premise, hypothesis
        Texts on one line: runs of white space are single blanks.
    """

    item: str
    label: int | None
    premise: str
    hypothesis: str

    @property
    def usable(self) -> bool:
        """Whether it has a gold label and two texts."""
        return self.label is not None and bool(self.premise) and bool(self.hypothesis)


def make_pair(row: int, label: object, premise: object, hypothesis: object, *, where: str) -> Pair:
    """Check and normalise one row.

    Raises
    ------
    CorpusError
        The label is unknown.
    """
    word = "-" if label is None else str(label).strip().lower()
    if word not in _KNOWN and word not in UNLABELLED:
        raise CorpusError(
            f"unknown label '{label}'",
            where=where,
            allowed=[*LABELS, "0, 1, 2", *UNLABELLED],
            remedy="correct the label, or write '-' where there is none",
        )
    texts = (" ".join(str(text or "").split()) for text in (premise, hypothesis))
    return Pair(str(row), _KNOWN.get(word), *texts)


def read_pairs(path: Path) -> list[Pair]:
    """Read all rows of a file, those without a gold label included.

    Raises
    ------
    CorpusError
        The file is missing, empty or not UTF-8, a column is missing, or a row has an unknown
        label or another number of cells than the header.
    """
    lines = _lines(path)
    header = lines[0].split("\t")
    places = {
        name: _place(header, names, f"{path}, line 1", name) for name, names in COLUMNS.items()
    }
    pairs = []
    for number, line in enumerate(lines[1:], start=2):
        cells, where = line.split("\t"), f"{path}, line {number}"
        if len(cells) != len(header):
            raise CorpusError(
                f"the row has {len(cells)} cells, the header has {len(header)}",
                where=where,
                remedy="columns are separated by single tabs, and nothing is quoted",
            )
        values = {name: cells[place] for name, place in places.items()}
        pairs.append(make_pair(number - 2, **values, where=where))
    return pairs


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write labelled pairs in the form that `read_prepared` reads, atomically."""
    rows = [
        (pair.item, LABELS[pair.label], pair.premise, pair.hypothesis)
        for pair in pairs
        if pair.label is not None
    ]
    lines = ["\t".join(row) for row in [("item", *COLUMNS), *rows]]
    atomic_write_text(path, "\n".join(lines) + "\n")


def read_prepared(path: Path) -> list[Pair]:
    """Read what `write_pairs` wrote; items keep their names."""
    rows = [line.split("\t") for line in _lines(path)[1:]]
    return [Pair(item, LABELS.index(label), *texts) for item, label, *texts in rows]


def draw(pairs: Sequence[Pair], count: int | None, seed: int) -> list[Pair]:
    """A random draw of labelled pairs, in the order of the source; None takes all.

    The draw depends on the number of rows, the labels and the seed alone, so it takes the same
    rows in every language of a row-parallel set.

    Raises
    ------
    CorpusError
        There are fewer labelled pairs than are asked for.
    """
    labelled = [row for row, pair in enumerate(pairs) if pair.label is not None]
    if count is None:
        return [pairs[row] for row in labelled]
    if count > len(labelled):
        raise CorpusError(
            f"there are {len(labelled)} labelled pairs, {count} are asked for",
            allowed=f"up to {len(labelled)}",
            remedy="lower 'items' in the tasks sheet (training: 'fine_tuning.examples')",
        )
    chosen = np.random.default_rng(seed).permutation(labelled)[:count]
    return [pairs[row] for row in sorted(chosen)]


def check_parallel(pairs: Sequence[Pair], pivot: Sequence[Pair], *, where: str) -> None:
    """Rows must be translations of each other: as many, with the same labels.

    Raises
    ------
    CorpusError
        They are not.
    """
    if len(pairs) != len(pivot):
        raise CorpusError(
            f"the set is not row-parallel: {len(pairs)} rows, the pivot has {len(pivot)}",
            where=where,
            remedy="every language must have the same rows in the same order",
        )
    for row, (own, other) in enumerate(zip(pairs, pivot, strict=True)):
        if own.label != other.label:
            raise CorpusError(
                f"the set is not row-parallel: row {row} (from 0) has another label than the "
                "pivot's",
                where=where,
                remedy="every language must have the same rows in the same order",
            )


def count_shared(pairs: Iterable[Pair], training: Iterable[Pair]) -> int:
    """How many pairs also occur in training, word for word."""
    seen = {(pair.premise, pair.hypothesis) for pair in training}
    return sum((pair.premise, pair.hypothesis) in seen for pair in pairs)


def _lines(path: Path) -> list[str]:
    """Lines of a file with a header and at least one row; line breaks are LF or CR LF alone."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CorpusError(
            f"the file of pairs cannot be read ({error.strerror})",
            where=str(path),
            remedy="correct 'location', 'pattern' or 'training' in the tasks sheet",
        ) from None
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"not UTF-8 at byte {error.start}", where=str(path), remedy="save the file as UTF-8"
        ) from None
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if len(lines) < 2:
        raise CorpusError(
            "the file holds no pairs",
            where=str(path),
            remedy="it needs a header line (label, premise, hypothesis) and a row for each pair",
        )
    return lines


def _place(header: Sequence[str], names: Sequence[str], where: str, column: str) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise CorpusError(
        f"there is no column '{column}'",
        where=where,
        allowed=header,
        remedy=f"name one column {' or '.join(names)}",
    )
