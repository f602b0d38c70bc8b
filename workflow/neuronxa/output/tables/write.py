"""One frame, four files: CSV in full precision, Markdown to read, LaTeX to print, HTML to show."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_numeric_dtype

from neuronxa.errors import StatisticsError
from neuronxa.files import atomic_write_text
from neuronxa.output.tables.latex import escape_latex, latex_table

TableFormat = Literal["csv", "md", "tex", "html"]

_PAGE: Final = (
    "body { font: 14px/1.4 sans-serif; margin: 1.5em; background: #fff; color: #111; }\n"
    "table { border-collapse: collapse; font-variant-numeric: tabular-nums; }\n"
    "th, td { padding: 0.25em 0.7em; text-align: left; white-space: nowrap; }\n"
    "thead th { border-top: 2px solid; border-bottom: 1px solid; }\n"
    "tbody tr:hover { background: #f2f2f2; }\n"
)


@dataclass(frozen=True)
class Table:
    """A frame of plain numbers and what is needed to print it.

    A float column ``x`` that has siblings ``x_low`` and ``x_high`` is printed as one column with
    the interval in brackets; CSV keeps all three.

    Attributes
    ----------
    frame
        The data, one row per row of the table.
    headers
        Column to the header that is printed; others keep their name.
    decimals
        Decimals of every float column.
    best
        Columns whose highest value is printed bold.
    within
        Columns that group the rows in which the highest value is looked for.
    printers
        Column to the function that prints its values, for columns that need their own form.
    """

    frame: pd.DataFrame
    headers: Mapping[str, str] = field(default_factory=dict)
    decimals: int = 3
    best: Sequence[str] = ()
    within: Sequence[str] = ()
    printers: Mapping[str, Callable[[float], str]] = field(default_factory=dict)


def write_table(
    table: Table | pd.DataFrame,
    stem: Path,
    *,
    caption: str,
    label: str,
    formats: Sequence[TableFormat] = ("csv", "md", "tex", "html"),
) -> list[Path]:
    """Write a table next to ``stem`` in every format, each file whole or not at all.

    Parameters
    ----------
    table
        The table; a bare frame is printed with its column names.
    stem
        Path without ending; ``.csv``, ``.md``, ``.tex`` and ``.html`` are added to it.
    caption
        Plain text; escaped as the format needs.
    label
        LaTeX label, such as ``tab:scores``.
    formats
        What to write. The first line of LaTeX says which packages it needs.

    Returns
    -------
    list of Path
        The files, in the order of ``formats``.

    Raises
    ------
    StatisticsError
        If the table has no rows.
    """
    table = Table(table) if isinstance(table, pd.DataFrame) else table
    if table.frame.empty:
        raise StatisticsError(
            f"the table '{label}' has no rows",
            where=str(stem),
            remedy="check that the scores it is made from hold the models and languages of the run",
        )
    makers: dict[TableFormat, Callable[[], str]] = {
        "csv": lambda: table.frame.to_csv(index=False, lineterminator="\n"),
        "md": lambda: _markdown(table, caption),
        "tex": lambda: latex_table(
            *_printed(table, escape_latex, lambda text: rf"\textbf{{{text}}}"),
            caption=caption,
            label=label,
        ),
        "html": lambda: _html(table, caption),
    }
    paths = []
    for name in formats:
        path = stem.with_name(f"{stem.name}.{name}")
        atomic_write_text(path, makers[name]())
        paths.append(path)
    return paths


def p_text(p: float) -> str:
    """Print a p-value; one that is not there is a dash."""
    if math.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def escape_markdown(text: str) -> str:
    """Escape text for a cell of a Markdown table; underscores inside words are harmless there."""
    escaped = re.sub(r"([\\|`*]|<(?=[A-Za-z/!]))", r"\\\1", text)
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", escaped).replace("\n", " ")


def _printed(
    table: Table, escape: Callable[[str], str], bold: Callable[[str], str]
) -> tuple[pd.DataFrame, list[bool]]:
    """Return the cells as text, and which columns are numbers."""
    frame = table.frame
    hidden = {
        f"{name}_{end}"
        for name in frame.columns
        for end in ("low", "high")
        if {f"{name}_low", f"{name}_high"} <= set(frame.columns)
    }
    cells: dict[str, list[str]] = {}
    numeric = []
    for name in (column for column in frame.columns if column not in hidden):
        column = frame[name]
        if name in table.printers:
            texts = [table.printers[name](value) for value in _floats(column)]
            marked = _best(table, name, texts)
        elif is_float_dtype(column):
            texts = [_number(value, table.decimals) for value in _floats(column)]
            marked = _best(table, name, texts)
            if f"{name}_low" in hidden:
                texts = [
                    text + _interval(low, high, table.decimals)
                    for text, low, high in zip(
                        texts,
                        _floats(frame[f"{name}_low"]),
                        _floats(frame[f"{name}_high"]),
                        strict=True,
                    )
                ]
        else:
            texts = [_plain(value) for value in column]
            marked = _best(table, name, texts)
        texts = [escape(text) for text in texts]
        cells[escape(table.headers.get(name, name))] = [
            bold(text) if mark else text for text, mark in zip(texts, marked, strict=True)
        ]
        numeric.append(bool(is_numeric_dtype(column) and not is_bool_dtype(column)))
    return pd.DataFrame(cells, dtype="str"), numeric


def _floats(column: pd.Series) -> list[float]:
    """Return the values with every kind of missing value as NaN."""
    return [float(value) for value in column.to_numpy(dtype=np.float64, na_value=np.nan)]


def _number(value: float, decimals: int) -> str:
    if math.isnan(value):
        return "–"
    text = f"{value:.{decimals}f}"
    # A rounded zero has no sign.
    text = text.lstrip("-") if float(text) == 0 else text
    return text.replace("-", "−")


def _interval(low: float, high: float, decimals: int) -> str:
    if math.isnan(low) or math.isnan(high):
        return ""
    return f" [{_number(low, decimals)}, {_number(high, decimals)}]"


def _plain(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return str(value)


def _best(table: Table, name: str, texts: list[str]) -> list[bool]:
    """Mark what prints like the highest value of its group, unless the whole group does."""
    if name not in table.best:
        return [False] * len(texts)
    frame = pd.DataFrame({"value": table.frame[name].to_numpy(), "text": texts})
    groups: pd.Series | list[pd.Series] = pd.Series(0, index=frame.index)
    if table.within:
        groups = [table.frame[column].reset_index(drop=True) for column in table.within]
    marked = pd.Series(False, index=frame.index)
    for _, part in frame.groupby(groups, sort=False):
        known = part.dropna(subset=["value"])
        if known["text"].nunique() > 1:
            top = known["text"].iloc[int(known["value"].to_numpy().argmax())]
            marked.loc[known.index[known["text"] == top]] = True
    return marked.tolist()


def _markdown(table: Table, caption: str) -> str:
    cells, numeric = _printed(table, escape_markdown, lambda text: f"**{text}**")
    body = cells.to_markdown(
        index=False,
        tablefmt="pipe",
        # Numbers are text by now; tabulate must not format them again.
        disable_numparse=True,
        colalign=["right" if is_number else "left" for is_number in numeric],
    )
    return f"{escape_markdown(caption)}\n\n{body}\n"


def _html(table: Table, caption: str) -> str:
    """A page of its own: no script, no style sheet from elsewhere."""
    cells, numeric = _printed(table, html.escape, lambda text: f"<b>{text}</b>")
    # the cells are escaped already
    body = cells.to_html(index=False, escape=False, border=0)
    columns = "".join(
        f"td:nth-child({n}), th:nth-child({n}) {{ text-align: right; }}\n"
        for n, is_number in enumerate(numeric, start=1)
        if is_number
    )
    title = html.escape(caption)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>\n{_PAGE}{columns}</style>\n</head>\n"
        f"<body>\n<p>{title}</p>\n{body}\n</body>\n</html>\n"
    )
