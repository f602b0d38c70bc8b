"""Tab-separated sheets with checked rows: every fault names the file, the line and the column."""

from __future__ import annotations

import re
import reprlib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from neuronxa.errors import ConfigError
from neuronxa.files import read_text


class Row(BaseModel):
    """A row of a sheet: frozen, no unknown columns."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


#: Values in messages: what a user pasted may be long, or refer to itself.
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 100

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
        cells = text.split("\t")
        if len(cells) > len(header):
            raise ConfigError(
                f"the row has {len(cells)} cells, the header has {len(header)}",
                where=where,
                remedy="columns are separated by single tabs",
            )
        if len(cells) == 1 < len(header) and "  " in text.strip():
            raise ConfigError(
                "the row has no tab",
                where=where,
                remedy="columns are separated by single tabs, not by blanks",
            )
        values = {c: v.strip() for c, v in zip(header, cells, strict=False) if v.strip()}
        try:
            row = row_type.model_validate(values)
        except ValidationError as error:
            raise explain(error, where=where, model=row_type) from None
        name = getattr(row, key)
        if name in rows:
            raise ConfigError(
                f"{key} '{name}' is already used in an earlier row",
                where=where,
                remedy="give each row a name of its own",
            )
        rows[name] = row
    return rows


def explain(error: ValidationError, *, where: str, model: type[BaseModel]) -> ConfigError:
    """Turn pydantic's first finding into one message with the key, the value and the way out.

    Parameters
    ----------
    error
        What `model` found.
    where
        File and line.
    model
        The row, or the whole configuration; its fields have descriptions.
    """
    found = error.errors()
    first = found[0]
    parts = _path(first["loc"])
    key = ".".join(parts)
    if first["type"] == "extra_forbidden":
        section = _section(model, parts[:-1])
        allowed = list(section.model_fields) if section else ()
        return ConfigError(f"unknown key '{key}'", where=where, allowed=allowed)
    meaning = _meaning(model, parts)
    if first["type"] == "missing":
        return ConfigError(f"'{key}' is missing", where=where, remedy=f"write {meaning}")
    told = [one["msg"] for one in found if _path(one["loc"]) == parts]
    if first["type"] == "value_error":
        message = told[0].removeprefix("Value error, ")
        what = f"'{key}' = {SHORT.repr(first['input'])}: {message}" if key else message
        return ConfigError(what, where=where, remedy=meaning)
    needed = ", or ".join(dict.fromkeys(map(_needed, told)))
    if first["type"] == "string_pattern_mismatch":
        needed, meaning = meaning, ""
    return ConfigError(
        f"'{key}' = {SHORT.repr(first['input'])} is not valid",
        where=where,
        allowed=needed,
        remedy=meaning and f"it means: {meaning}",
    )


def _path(loc: tuple[int | str, ...]) -> list[str]:
    """Keys that lead to a value; pydantic names branches of a union, as list[str], among them."""
    return [str(part) for part in loc if "[" not in str(part)]


def _needed(message: str) -> str:
    """What pydantic asks for, in the words of someone who writes a config."""
    message = re.sub(r"dictionary or instance of \w+", "section of keys", message)
    message = re.split(r", (?:unable|got)| after validation", message)[0]
    for prefix in ("Input should be ", "List should have "):
        message = message.removeprefix(prefix)
    return message.replace("valid ", "").replace("a integer", "a whole number")


def _section(model: type[BaseModel], path: list[str]) -> type[BaseModel] | None:
    """The model of a section; None where a key has no fields of its own."""
    for part in path:
        field = model.model_fields.get(part)
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return None
        model = kind
    return model


def _meaning(model: type[BaseModel], path: list[str]) -> str:
    """What a key is for; empty where that is not described."""
    names = [part for part in path if not part.isdigit()]
    section = _section(model, names[:-1])
    field = section.model_fields.get(names[-1]) if section and names else None
    return (field.description or "") if field else ""


def _data_lines(path: Path) -> list[tuple[int, str]]:
    """Numbered lines of a sheet without comments and blanks; the first is the header."""
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise ConfigError(
            "the sheet does not exist", where=str(path), remedy="correct `sheets` in the config"
        ) from None
    # only these end a line: others, such as U+2028, may stand inside a cell
    lines = [
        (number, line)
        for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1)
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
