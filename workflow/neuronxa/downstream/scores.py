"""Per-language scores that a user brings, from a CSV file, in the columns of our own scores."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from neuronxa.config import TaskRow
from neuronxa.downstream.accuracy import SCORE_COLUMNS, tidy
from neuronxa.errors import ConfigError, LanguageError

REQUIRED = ("model", "task", "language", "metric", "value")
OPTIONAL = ("n", "low", "high", "chance", "source", "n_shot", "path", "commit")
RENAMED = {"lang": "language"}  # as in tables that are derived from lm-evaluation-harness
NUMBERS = ("value", "low", "high", "chance", "n")
KEY = ("model", "task", "language", "metric")


def read_scores(path: Path, resolve: Callable[[str], str]) -> pd.DataFrame:
    """Read a tidy table of scores, one row per model, task, language and metric.

    Parameters
    ----------
    path
        CSV file in UTF-8 with a header. Columns ``model, task, language, metric, value`` (``lang``
        is understood), and as wanted ``n, low, high, chance, source, n_shot, path, commit``. The
        last three are accepted and left out; ``path`` becomes the source where there is no other.
    resolve
        Turns the file's language code into the project's; raises LanguageError if unknown.

    Returns
    -------
    pandas.DataFrame
        Columns ``SCORE_COLUMNS``, in the order of the file; what is not given is missing.

    Raises
    ------
    ConfigError
        Missing file, unknown or missing columns, empty cells, values that are no finite numbers,
        two rows for the same model, task, language and metric.
    LanguageError
        A code that ``resolve`` does not know, with its line.
    """
    rows: list[dict[str, object]] = []
    seen: dict[tuple[object, ...], int] = {}
    for line, cells in _lines(path):
        where = f"{path}, line {line}"
        row = _row(cells, where, resolve)
        row["source"] = cells.get("source") or cells.get("path") or path.name
        key = tuple(row[column] for column in KEY)
        if key in seen:
            raise ConfigError(
                f"a second value for {', '.join(map(str, key))}; the first is in line {seen[key]}",
                where=where,
                remedy="keep one row, or tell them apart by task, such as xnli and xnli-5shot",
            )
        seen[key] = line
        rows.append(row)
    return tidy(pd.DataFrame(rows, columns=SCORE_COLUMNS))


def _row(cells: dict[str, str], where: str, resolve: Callable[[str], str]) -> dict[str, object]:
    for column in REQUIRED:
        if not cells[column]:
            raise ConfigError(
                f"'{column}' is empty", where=where, remedy="give it a value or drop the row"
            )
    row: dict[str, object] = {column: cells[column] for column in KEY}
    try:
        row["language"] = resolve(cells["language"])
    except LanguageError as error:
        raise LanguageError(
            error.what,
            where=where,
            allowed=error.allowed,
            remedy=error.remedy or "correct the code or drop the row",
        ) from None
    numbers = {c: _number(cells[c], c, where) for c in NUMBERS if cells.get(c)}
    if "n" in numbers and (numbers["n"] < 1 or numbers["n"] != int(numbers["n"])):
        raise ConfigError(f"'n' = {cells['n']!r} is not a number of items", where=where)
    value = numbers["value"]
    if not numbers.get("low", value) <= value <= numbers.get("high", value):
        raise ConfigError(
            f"'value' = {value} lies outside 'low' and 'high'", where=where, remedy="correct one"
        )
    return {**row, **numbers}


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


def select_scores(scores: pd.DataFrame, row: TaskRow) -> pd.DataFrame:
    """Keep the scores that a row of the tasks sheet stands for, under the row's own name.

    Parameters
    ----------
    scores
        What `read_scores` gives.
    row
        Its ``select`` (or its name) is the task in the file, its ``metric`` the metric.

    Raises
    ------
    ConfigError
        The file has no such task and metric.
    """
    wanted = row.select or row.task
    kept = scores[(scores["task"] == wanted) & (scores["metric"] == row.metric)]
    if kept.empty:
        pairs = scores[["task", "metric"]].drop_duplicates().itertuples(index=False)
        raise ConfigError(
            f"there is no task '{wanted}' with metric '{row.metric}'",
            where=row.location,
            allowed=[f"{task} ({metric})" for task, metric in pairs],
            remedy=f"set 'select' and 'metric' of '{row.task}' in the tasks sheet",
        )
    return kept.assign(task=row.task).reset_index(drop=True)
