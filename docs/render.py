"""Render the tables of the documents from what they describe.

A block between ``<!-- rendered: NAME -->`` and ``<!-- end -->`` belongs to this file; the rest of a
page is written by hand.

Usage::

    python docs/render.py          # write the blocks
    python docs/render.py --check  # fail if one is out of step
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from neuronxa.config.published import PublishedRow
from neuronxa.config.rows import CorpusRow, ExtractionRow, ModelRow, TaskRow
from neuronxa.config.settings import ConfigFile
from neuronxa.languages import LanguageRow
from neuronxa.stores.registry import ALIGNMENT_ARRAYS, ARRAYS, ArraySpec

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"(<!-- rendered: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
Schema = Mapping[str, Any]
NONE = " or none"
#: Types of JSON, in the words of someone who writes a config.
KINDS = {
    "integer": "whole number",
    "number": "number",
    "boolean": "`true`, `false`",
    "object": "names, each with a list of numbers",
    "array of strings": "list of names",
    "array of numbers": "list of numbers",
}


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *(list(map(_cell, row)) for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cell(text: str) -> str:
    """Text that no renderer takes for another cell or for a tag."""
    coded = re.sub(r"`[^`]*`|[\w:]*<\w+>", lambda m: f"`{m[0].strip('`')}`", text)
    return coded.replace("|", r"\|")


def keys() -> str:
    """Every key of the config, from its schema."""
    schema = ConfigFile.model_json_schema()
    return table(["key", "value", "default", "meaning"], _fields(schema, schema["$defs"], ""))


def _fields(schema: Schema, parts: Mapping[str, Schema], prefix: str) -> Iterable[list[str]]:
    for name, field in schema["properties"].items():
        if "$ref" in field:
            part = parts[field["$ref"].rpartition("/")[2]]
            yield from _fields(part, parts, f"{prefix}{name}.")
        else:
            required = name in schema.get("required", ())
            default = "required" if required else f"`{_written(field['default'])}`"
            value = _value(field).replace(NONE, " or `null`")
            yield [f"`{prefix}{name}`", value, default, field["description"]]


def columns(row: type[BaseModel]) -> Callable[[], str]:
    """Every column of a sheet."""

    def rendered() -> str:
        schema = row.model_json_schema()
        needed = schema.get("required", ())
        return table(
            ["column", "value", "default", "meaning"],
            (
                [
                    f"`{name}`",
                    _value(field).replace(NONE, " or empty"),
                    "required" if name in needed else _empty_or_code(field.get("default")),
                    field["description"],
                ]
                for name, field in schema["properties"].items()
            ),
        )

    return rendered


def _written(value: Any) -> str:
    """A value as one writes it in the config."""
    return value if isinstance(value, str) else json.dumps(value)


def _empty_or_code(value: Any) -> str:
    """The default of a cell: an empty one means it."""
    return "" if value in ("", None) else f"`{_written(value)}`"


def _value(field: Schema) -> str:
    """What may be written, in words."""
    if "anyOf" in field:
        kinds = [one for one in field["anyOf"] if one.get("type") != "null"]
        words = " or ".join(map(_value, kinds))
        return words + NONE if len(kinds) < len(field["anyOf"]) else words
    if words := field.get("enum", [field["const"]] if "const" in field else []):
        return ", ".join(f"`{one}`" for one in words)
    kind = field["type"]
    if kind == "array":
        kind += f" of {field['items']['type']}s"
    return KINDS.get(kind, field.get("format", "text")) + _range(field)


def _range(field: Schema) -> str:
    bounds = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    told = [words.format(f"{field[key]:g}") for key, words in bounds.items() if key in field]
    return f" {' '.join(told)}" if told else ""


def arrays(specs: Mapping[str, ArraySpec]) -> Callable[[], str]:
    """Every stored array, from the registry."""
    return lambda: table(
        ["array", "dims", "dtype", "meaning"],
        ([f"`{one.name}`", ", ".join(one.dims), one.dtype, one.meaning] for one in specs.values()),
    )


BLOCKS: Mapping[str, Callable[[], str]] = {
    "keys": keys,
    "models": columns(ModelRow),
    "languages": columns(LanguageRow),
    "corpora": columns(CorpusRow),
    "extractions": columns(ExtractionRow),
    "tasks": columns(TaskRow),
    "published": columns(PublishedRow),
    "activations": arrays(ARRAYS),
    "alignment": arrays(ALIGNMENT_ARRAYS),
}


def pages() -> dict[Path, str]:
    """Page -> its text with every block as it should be."""
    found = {}
    for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]:
        text = path.read_text("utf-8")
        if BLOCK.search(text):
            found[path] = BLOCK.sub(lambda m: m[1] + BLOCKS[m[2]]() + m[3], text)
    return found


def main() -> int:
    """Write the pages, or say which are out of step."""
    stale = {path: text for path, text in pages().items() if path.read_text("utf-8") != text}
    for path, text in stale.items():
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is out of step with the code: run `make docs`")
        else:
            path.write_text(text, encoding="utf-8")
    return bool(stale) if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
