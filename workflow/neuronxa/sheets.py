"""Tab-separated sheets with checked rows: every fault names the file, the line and the column."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from neuronxa.errors import ConfigError


class Row(BaseModel):
    """A row of a sheet: frozen, no unknown columns."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


AnyRow = TypeVar("AnyRow", bound=Row)


def read_sheet(path: Path, row_type: type[AnyRow], *, key: str) -> dict[str, AnyRow]:
    """Read a sheet into rows by name, in file order.

    Parameters
    ----------
    path
        Tab-separated file, UTF-8 (a byte order mark is accepted), with a header line.
    row_type
        Pydantic model of one row; an empty cell means the default of its field.
    key
        Column that names a row; must be unique.

    Raises
    ------
    ConfigError
        Missing file, unknown or missing column, wrong value, or a name used twice.
    """
    lines = _data_lines(path)
    number, header_text = lines[0]
    header = [cell.strip() for cell in header_text.split("\t")]
    _check_header(path, number, header, row_type)
    rows: dict[str, AnyRow] = {}
    for number, text in lines[1:]:
        where = f"{path}, line {number}"
        cells = next(csv.reader([text], delimiter="\t", quoting=csv.QUOTE_NONE))
        if len(cells) > len(header):
            raise ConfigError(
                f"the row has {len(cells)} cells, the header has {len(header)}",
                where=where,
                remedy="columns are separated by single tabs",
            )
        values = {c: v.strip() for c, v in zip(header, cells, strict=False) if v.strip()}
        try:
            row = row_type.model_validate(values)
        except ValidationError as error:
            raise explain(error, where=where, known=lambda _: list(row_type.model_fields)) from None
        name = getattr(row, key)
        if name in rows:
            raise ConfigError(
                f"{key} '{name}' is already used in an earlier row",
                where=where,
                remedy="give each row a name of its own",
            )
        rows[name] = row
    return rows


def explain(
    error: ValidationError, *, where: str, known: Callable[[list[str]], list[str]]
) -> ConfigError:
    """Turn pydantic's first finding into one message with the key, the value and the way out."""
    found = error.errors()
    first = found[0]

    def key_of(loc: tuple[int | str, ...]) -> list[str]:
        # pydantic names the branches of a union, such as list[str], as if they were keys
        return [str(part) for part in loc if "[" not in str(part)]

    parts = key_of(first["loc"])
    key = ".".join(parts) or "(whole)"
    kind = first["type"]
    if kind == "extra_forbidden":
        return ConfigError(f"unknown key '{key}'", where=where, allowed=known(parts[:-1]))
    if kind == "missing":
        return ConfigError(f"'{key}' is missing", where=where, remedy=f"give '{key}' a value")
    allowed = str(first.get("ctx", {}).get("expected", ""))
    branches = [one["msg"] for one in found if key_of(one["loc"]) == parts]
    message = ", or ".join(dict.fromkeys(branches)).removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        message, allowed = "not of the allowed form", str(first["ctx"]["pattern"])
    return ConfigError(f"'{key}' = {first['input']!r}: {message}", where=where, allowed=allowed)


def _data_lines(path: Path) -> list[tuple[int, str]]:
    """Numbered lines of a sheet without comments and blanks; the first is the header."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            "the sheet does not exist", where=str(path), remedy="correct `sheets` in the config"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"not UTF-8 at byte {error.start}", where=str(path), remedy="save the sheet as UTF-8"
        ) from None
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        raise ConfigError("the sheet is empty", where=str(path), remedy="add a header and rows")
    return lines


def _check_header(path: Path, number: int, header: list[str], row_type: type[Row]) -> None:
    where = f"{path}, line {number}"
    known = list(row_type.model_fields)
    for column in header:
        if column not in known:
            raise ConfigError(f"unknown column '{column}'", where=where, allowed=known)
        if header.count(column) > 1:
            raise ConfigError(f"column '{column}' appears twice", where=where)
    for column, field in row_type.model_fields.items():
        if field.is_required() and column not in header:
            raise ConfigError(
                f"column '{column}' is missing", where=where, remedy=f"add the column '{column}'"
            )
