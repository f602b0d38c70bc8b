"""From any source to the local files that model jobs read: pairs, and a record beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from neuronxa.config import TaskRow
from neuronxa.downstream.nli.pairs import LABELS, Pair, check_parallel, draw, write_pairs
from neuronxa.downstream.nli.sources import read_evaluation, read_training
from neuronxa.errors import CorpusError
from neuronxa.files import atomic_write_text, digest
from neuronxa.languages import Languages


def prepare_evaluation(
    row: TaskRow, language: str, *, languages: Languages, pivot: str, path: Path
) -> None:
    """Write the pairs of a language that are evaluated.

    Parameters
    ----------
    row
        The task; ``items`` and ``seed`` decide the draw.
    language
        Code of the language.
    languages, pivot
        The language sheet and the code of the pivot, whose rows the language must have.
    path
        Tab-separated file; the record is ``.json`` beside it.

    Raises
    ------
    CorpusError
        Anything that the source is refused for, or rows that are not the pivot's.
    """
    pairs, source = read_evaluation(row, language, languages, pivot)
    if language != pivot:
        reference, _ = read_evaluation(row, pivot, languages, pivot)
        check_parallel(pairs, reference, where=f"task '{row.task}', '{language}'")
    _write(path, pairs, draw(pairs, row.items, row.seed), source)


def prepare_training(row: TaskRow, *, languages: Languages, pivot: str, path: Path) -> None:
    """Write all labelled training pairs; parameters and errors as in `prepare_evaluation`."""
    pairs, source = read_training(row, languages, pivot)
    _write(path, pairs, draw(pairs, None, row.seed), source)


def _write(path: Path, pairs: Sequence[Pair], drawn: Sequence[Pair], source: str) -> None:
    kept = [pair for pair in drawn if pair.usable]
    if not kept:
        raise CorpusError(
            "no pair has a gold label and two texts", where=source, remedy="check the columns"
        )
    write_pairs(path, kept)
    record = {
        "source": source,
        "rows": len(pairs),
        "without_label": sum(pair.label is None for pair in pairs),
        "with_empty_text": len(drawn) - len(kept),
        "pairs": len(kept),
        "labels": {
            name: sum(pair.label == number for pair in kept) for number, name in enumerate(LABELS)
        },
        "sha256": digest(path),
    }
    atomic_write_text(path.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
