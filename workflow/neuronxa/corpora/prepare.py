"""From a corpus to the files that a run reads: one text per language, and a description of all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neuronxa.config import CorpusRow
from neuronxa.corpora.checks import Checks, check
from neuronxa.corpora.readers import Reader, open_reader
from neuronxa.corpora.sentences import Sentences, choose, read_lines, write_form
from neuronxa.errors import CorpusError
from neuronxa.files import atomic_write_text, digest
from neuronxa.languages import Languages
from neuronxa.provenance import remake

LINE_BREAKS = re.compile(r"[\r\n]+")


def select(reader: Reader, row: CorpusRow, language: str) -> Sentences:
    """Read a language and keep the chosen sentences.

    Surrounding white space is taken off; a line break inside a sentence becomes a space and is
    counted.

    Raises
    ------
    CorpusError
        The language cannot be read, or the corpus holds fewer sentences than are asked for.
    """
    lines = reader.read(language)
    indices = choose(len(lines), row)
    texts, joined = _tidy([lines[i] for i in indices])
    pivot_texts = None
    if row.layout == "pairs":
        pivot_lines = reader.read_pivot(language)
        pivot_texts, pivot_joined = _tidy([pivot_lines[i] for i in indices])
        joined += pivot_joined
    return Sentences(
        language=language,
        texts=texts,
        indices=indices,
        total=len(lines),
        joined=joined,
        pivot_texts=pivot_texts,
    )


def read_checked(
    reader: Reader,
    row: CorpusRow,
    language: str,
    *,
    languages: Languages,
    pivot_texts: Sequence[str] | None = None,
) -> Sentences:
    """Read the chosen sentences of a language, and refuse what is no text of it.

    Parameters
    ----------
    reader, row, language, languages
        Whose sentences, and of what corpus.
    pivot_texts
        The pivot's sentences, where they are known and the corpus has no side of its own for it.

    Raises
    ------
    CorpusError
        The language cannot be read, or `neuronxa.corpora.checks.check` refuses its text.
    """
    chosen = select(reader, row, language)
    try:
        check(chosen.texts, languages[language], chosen.pivot_texts or pivot_texts)
    except CorpusError as error:
        raise _named(row, error) from None
    return chosen


def prepare_language(
    row: CorpusRow,
    language: str,
    *,
    languages: Languages,
    pivot: str,
    out_path: Path,
    pivot_out_path: Path | None = None,
) -> None:
    r"""Write the chosen sentences of a language, and beside them a record of the choice.

    Parameters
    ----------
    row
        Settings of the corpus.
    language
        Code of the language.
    languages, pivot
        The language sheet and the code of the pivot.
    out_path
        Text file: one sentence a line, UTF-8, ``\n``. Its record is `record_path` of it.
    pivot_out_path
        ``pairs`` only: the pivot's side, line by line the same.

    Raises
    ------
    CorpusError
        The language cannot be read, or `neuronxa.corpora.checks.check` refuses its text. Nothing
        is written then.
    """
    if (row.layout == "pairs") != (pivot_out_path is not None):
        raise CorpusError(
            f"corpus '{row.corpus}' has the layout '{row.layout}'",
            where=str(out_path),
            remedy="a path for the pivot's side goes with the layout 'pairs' and with no other",
        )
    reader = open_reader(row, languages, pivot)
    chosen = read_checked(reader, row, language, languages=languages)
    record = {
        "corpus": row.corpus,
        "language": language,
        "source": reader.source,
        "total_lines": chosen.total,
        "joined_lines": chosen.joined,
        "indices": list(chosen.indices),
        "pivot_file": pivot_out_path.name if pivot_out_path else None,
    }
    if chosen.pivot_texts is not None and pivot_out_path is not None:
        atomic_write_text(pivot_out_path, write_form(chosen.pivot_texts))
    atomic_write_text(record_path(out_path), json.dumps(record) + "\n")
    atomic_write_text(out_path, write_form(chosen.texts))


def record_path(text_path: Path) -> Path:
    """Path of the record that `prepare_language` writes beside a text."""
    return Path(text_path).with_suffix(".json")


def summarise(
    row: CorpusRow, files: Mapping[str, Path], *, languages: Languages, pivot: str
) -> dict[str, Any]:
    """Describe a prepared corpus: the content of ``corpus.json``.

    Parameters
    ----------
    row
        Settings of the corpus.
    files
        Prepared text of each language, as `prepare_language` wrote it. A ``pairs`` corpus has
        none for the pivot.
    languages, pivot
        The language sheet and the code of the pivot.

    Returns
    -------
    dict
        Settings, licence and note; under ``languages`` the file, digest, counts and checks of
        each; ``indices`` of the chosen lines (counted from 0), which a ``pairs`` corpus has for
        each language instead.

    Raises
    ------
    CorpusError
        A text or record is missing, the texts do not belong together, or `check` refuses one.
    """
    records = {code: _read_record(path) for code, path in files.items()}
    _same_choice(row, files, records)
    pivot_texts = read_lines(files[pivot]) if pivot in files else None
    described: dict[str, dict[str, Any]] = {}
    for code, path in files.items():
        record, texts = records[code], read_lines(path)
        if len(texts) != len(record["indices"]):
            raise CorpusError(
                f"the text has {len(texts)} lines, its record names {len(record['indices'])}",
                where=str(path),
                remedy=f"run: {remake(path)}",
            )
        entry: dict[str, Any] = {"file": path.name, "sha256": digest(path), "lines": len(texts)}
        entry |= {key: record[key] for key in ("total_lines", "joined_lines")}
        against = None if code == pivot else pivot_texts
        if record["pivot_file"]:
            pivot_path = path.parent / record["pivot_file"]
            against = read_lines(pivot_path)
            entry |= {"pivot_file": pivot_path.name, "pivot_sha256": digest(pivot_path)}
            entry |= {"indices": record["indices"]}
        try:
            entry["checks"] = _counts(check(texts, languages[code], against))
        except CorpusError as error:
            raise _named(row, error) from None
        described[code] = entry
    first = next(iter(records.values()), {})
    return {
        "corpus": row.corpus,
        "label": row.label,
        "layout": row.layout,
        "pivot": pivot,
        "reader": row.reader,
        "source": first.get("source", ""),
        "licence": row.licence,
        "note": row.note,
        "sentences": row.sentences,
        "selection": row.selection,
        "seed": row.seed,
        "indices": first.get("indices", []) if row.layout == "parallel" else None,
        "languages": described,
    }


def _tidy(texts: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Take off surrounding white space and line breaks, and count sentences with line breaks."""
    stripped = [text.strip() for text in texts]
    joined = sum(LINE_BREAKS.search(text) is not None for text in stripped)
    return tuple(LINE_BREAKS.sub(" ", text) for text in stripped), joined


def _read_record(text_path: Path) -> dict[str, Any]:
    path = record_path(text_path)
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CorpusError(
            "the record of a prepared text is missing or damaged",
            where=str(path),
            remedy=f"run: {remake(Path(text_path))}",
        ) from None
    return record


def _same_choice(
    row: CorpusRow, files: Mapping[str, Path], records: Mapping[str, dict[str, Any]]
) -> None:
    """In a parallel corpus every language must hold the same lines of it."""
    if row.layout == "pairs":
        return
    first = next(iter(records), None)
    for code, record in records.items():
        if first is not None and record["indices"] != records[first]["indices"]:
            raise CorpusError(
                f"{files[code].name} and {files[first].name} hold different lines of the corpus",
                where=str(files[code].parent),
                remedy="delete both and run again",
            )


def _counts(checks: Checks) -> dict[str, Any]:
    counts = asdict(checks)
    del counts["language"], counts["lines"]
    return counts


def _named(row: CorpusRow, error: CorpusError) -> CorpusError:
    """Give the same fault with the name of the corpus before the language."""
    return error.retold(where=f"corpus '{row.corpus}', {error.where}")
