"""A table of scores: one row per model, task, language and metric, as a CSV file."""

from __future__ import annotations

import csv
import logging
import math
from collections import Counter
from pathlib import Path

from neuronxa.config import TaskRow
from neuronxa.downstream.scores.found import Found, refuse_falling, stamp_in
from neuronxa.downstream.scores.select import Selection
from neuronxa.errors import ConfigError

logger = logging.getLogger(__name__)

REQUIRED = ("model", "task", "language", "metric", "value")
OPTIONAL = ("n", "low", "high", "chance", "source", "n_shot", "path", "commit")
RENAMED = {"lang": "language"}  # as in tables that are derived from lm-evaluation-harness
FRACTIONS = ("low", "high", "chance")
COUNTS = {"n": 1, "n_shot": 0}
"""Whole numbers and the least that they can be."""


def read_table(path: Path, row: TaskRow, selection: Selection) -> list[Found]:
    """Read the scores of one task and metric from a table.

    Parameters
    ----------
    path
        CSV file in UTF-8 with a header: the columns `REQUIRED` (``lang`` is understood) and any of
        `OPTIONAL`. The source is ``source``, or else ``path`` with ``commit``, or else the name of
        the file; the time of a result is read from its ``path``.
    row
        The task; its ``metric`` is read.
    selection
        Which task of the file, and which of its rows.

    Raises
    ------
    ConfigError
        Missing file, unknown or missing columns, a row with too many or too few cells; no row of
        the task and metric; a metric that falls; and in the wanted rows empty cells, values that
        are no finite numbers, or a value outside its interval.
    """
    lines = _lines(path)
    pairs = Counter((cells["task"], cells["metric"]) for _, cells in lines)
    listed = [f"{task} ({metric})" for task, metric in pairs]
    refuse_falling(row.metric, f"{path}, task '{selection.task}'", listed)
    wanted = [
        (f"{path}, line {number}", cells)
        for number, cells in lines
        if (cells["task"], cells["metric"]) == (selection.task, row.metric)
    ]
    if not wanted:
        raise ConfigError(
            f"there is no task '{selection.task}' with metric '{row.metric}'",
            where=str(path),
            allowed=listed,
            remedy=f"set 'select' and 'metric' of '{row.task}' in the tasks sheet",
        )
    found = [_found(cells, where, path) for where, cells in wanted]
    patterned = [cells.get("path") or cells.get("source") or path.name for _, cells in wanted]
    kept = [
        one
        for one, source in zip(found, patterned, strict=True)
        if selection.keeps(shots=one.shots, source=source)
    ]
    if not kept:
        shots = sorted({one.shots for one in found if one.shots is not None})
        raise ConfigError(
            f"no row of '{selection.task}' fits {selection.told}",
            where=str(path),
            allowed=[*(f"n_shot={k}" for k in shots), *(f"path={p}" for p in patterned[:5])],
            remedy=f"correct 'select' of '{row.task}' in the tasks sheet",
        )
    if len(kept) < len(found):
        logger.info("left out: %d rows that do not fit %s", len(found) - len(kept), selection.told)
    return kept


def _found(cells: dict[str, str], where: str, path: Path) -> Found:
    for column in REQUIRED:
        if not cells[column]:
            raise ConfigError(
                f"'{column}' is empty", where=where, remedy="give it a value or drop the row"
            )
    value = _number(cells["value"], "value", where)
    fractions = {c: _number(cells[c], c, where) for c in FRACTIONS if cells.get(c)}
    counts = {c: _count(cells[c], c, where) for c in COUNTS if cells.get(c)}
    if not fractions.get("low", value) <= value <= fractions.get("high", value):
        raise ConfigError(
            f"'value' = {value} lies outside 'low' and 'high'", where=where, remedy="correct one"
        )
    commit = f", commit {cells['commit'][:10]}" if cells.get("commit") else ""
    published = f"{cells['path']}{commit}" if cells.get("path") else ""
    return Found(
        where=where,
        model=cells["model"],
        language=cells["language"],
        value=value,
        source=cells.get("source") or published or path.name,
        n=counts.get("n"),
        shots=counts.get("n_shot"),
        stamp=stamp_in(cells.get("path", "")),
        **fractions,
    )


def _number(text: str, column: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(
            f"'{column}' = {text!r} is not a finite number",
            where=where,
            remedy="write a number such as 0.53, or drop the row where there is no result",
        )
    return number


def _count(text: str, column: str, where: str) -> int:
    number = _number(text, column, where)
    if number < COUNTS[column] or not number.is_integer():
        raise ConfigError(
            f"'{column}' = {text!r} is not a number of items",
            where=where,
            remedy=f"write a whole number from {COUNTS[column]} on, or leave it empty",
        )
    return int(number)


def _lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows of the file by column name, with their line numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            "the table of scores does not exist", where=str(path), remedy="correct 'location'"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"not UTF-8 at byte {error.start}", where=str(path), remedy="save the file as UTF-8"
        ) from None
    reader = csv.reader(text.splitlines())
    header = [RENAMED.get(cell.strip(), cell.strip()) for cell in next(reader, [])]
    _check_header(header, path)
    lines = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise ConfigError(
                f"the row has {len(cells)} cells, the header has {len(header)}",
                where=f"{path}, line {reader.line_num}",
                remedy="quote cells that contain commas",
            )
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        lines.append((reader.line_num, row))
    if not lines:
        raise ConfigError("the table of scores is empty", where=str(path), remedy="add rows")
    return lines


def _check_header(header: list[str], path: Path) -> None:
    where = f"{path}, line 1"
    for column in header:
        if column not in REQUIRED + OPTIONAL:
            raise ConfigError(
                f"unknown column '{column}'", where=where, allowed=REQUIRED + OPTIONAL
            )
        if header.count(column) > 1:
            raise ConfigError(f"column '{column}' appears twice", where=where)
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise ConfigError(
            f"missing column {', '.join(missing)}", where=where, allowed=REQUIRED + OPTIONAL
        )
