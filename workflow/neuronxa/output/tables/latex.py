"""A table as LaTeX: in the width that it needs, at the largest size that fits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

#: From so many rows on a table breaks over pages.
LONG_TABLE: Final = 45
#: The same where it stands sideways, on a page that is less high.
LONG_SIDEWAYS: Final = 30
#: Width of a column and of the text, and its height, in points: those of the ACL style.
COLUMN: Final = 219.0
TEXT: Final = 455.0
HEIGHT: Final = 702.0
#: Width of letters of Times, in sizes of the font, about; of all others 0.47.
_WIDTHS: Final[Mapping[str, float]] = {
    **dict.fromkeys("fijlrt.,:;|!()[]'- ", 0.31),
    **dict.fromkeys("0123456789", 0.5),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ−–→=<>+", 0.66),
    **dict.fromkeys("mwMW%", 0.8),
}
_LATEX: Final[Mapping[str, str]] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # What pdfTeX with its usual fonts does not know.
    "→": r"$\rightarrow$",
    "⇔": r"$\Leftrightarrow$",
    "−": r"$-$",
    "–": "--",
    "μ": r"$\mu$",
    "ρ": r"$\rho$",
    "α": r"$\alpha$",
    "·": r"$\cdot$",
    "±": r"$\pm$",
    "²": "$^2$",
    "′": "$'$",
}


@dataclass(frozen=True)
class _Size:
    """A size of letters, in points, and the space on either side of a cell."""

    command: str
    points: float
    space: float


_SMALL: Final = _Size(r"\small", 10, 6)
_FOOTNOTE: Final = _Size(r"\footnotesize", 9, 4)
_SCRIPT: Final = _Size(r"\scriptsize", 8, 3)
_TINY: Final = _Size(r"\tiny", 6, 2)


@dataclass(frozen=True)
class _Place:
    """Where a table can stand: its environment, what that needs, its width and sizes of letters."""

    environment: str
    package: str
    width: float
    sizes: tuple[_Size, ...]


#: The first one that a table fits into takes it.
_FLOATS: Final = (
    _Place("table", "", COLUMN, (_SMALL, _FOOTNOTE)),
    _Place("table*", "", TEXT, (_SMALL, _FOOTNOTE, _SCRIPT)),
    _Place("sidewaystable*", "rotating", HEIGHT, (_FOOTNOTE, _SCRIPT, _TINY)),
)
_LONG: Final = (
    _Place("", "longtable", TEXT, (_SMALL, _FOOTNOTE, _SCRIPT)),
    _Place("landscape", "longtable,pdflscape", HEIGHT, (_FOOTNOTE, _SCRIPT, _TINY)),
)


def escape_latex(text: str) -> str:
    """Escape text for LaTeX, symbols of this project's labels included."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def latex_table(cells: pd.DataFrame, numeric: Sequence[bool], *, caption: str, label: str) -> str:
    """A float with booktabs' rules, or a table that breaks over pages.

    Parameters
    ----------
    cells
        Escaped text, one column per column of the table.
    numeric
        Which columns are numbers, and stand to the right.
    caption, label
        Plain text; a label such as ``tab:scores``. The caption also gets what is the same in all
        rows, whose columns are left out.
    """
    cells, numeric, same = _without_constants(cells, numeric)
    long = len(cells) >= LONG_TABLE
    place, size = _fitting(cells, _LONG if long else _FLOATS)
    if not long and place.width == HEIGHT and len(cells) > LONG_SIDEWAYS:
        long = True
        place, size = _fitting(cells, _LONG)
    sideways = place.width == HEIGHT
    body = cells.style.hide(axis="index").to_latex(
        column_format="".join("r" if is_number else "l" for is_number in numeric),
        hrules=True,
        caption=escape_latex(caption) + same,
        label=label,
        environment="longtable" if long else place.environment,
        position=None if long or sideways else "t",
        position_float=None if long else "centering",
    )
    packages = ",".join(filter(None, ("booktabs", place.package)))
    needs = [rf"% Needs \usepackage{{{packages}}}"]
    if long:
        needs.append(r"% Where the text has two columns: \onecolumn before it, \twocolumn behind")
    if _width(cells, size) > place.width:
        needs.append("% Wider than a page of the ACL style: leave columns out")
    sized = f"{size.command}\n\\setlength{{\\tabcolsep}}{{{size.space:g}pt}}\n"
    if not long:
        gap = "\\setlength{\\belowcaptionskip}{4pt}\n"  # the caption stands above
        body = body.replace("\\centering\n", f"\\centering\n{sized}{gap}", 1)
    else:
        begin, end = (
            (f"\\{word}{{{place.environment}}}" if place.environment else f"\\{word}group")
            for word in ("begin", "end")
        )
        body = f"{begin}\n{sized}{body}{end}\n"
    return "\n".join([*needs, body])


def _fitting(cells: pd.DataFrame, places: Sequence[_Place]) -> tuple[_Place, _Size]:
    """The first place and largest size in which a table fits; the last ones where none does."""
    for place in places:
        for size in place.sizes:
            if _width(cells, size) <= place.width:
                return place, size
    return places[-1], places[-1].sizes[-1]


def _without_constants(
    cells: pd.DataFrame, numeric: Sequence[bool]
) -> tuple[pd.DataFrame, list[bool], str]:
    """The columns of words that differ by row; and the others in words."""
    words = [name for name, number in zip(cells.columns, numeric, strict=True) if not number]
    same = [name for name in words if len(cells) > 1 and cells[name].nunique() == 1]
    if len(same) >= len(cells.columns) - 1:
        same = []
    kept = [name not in same for name in cells.columns]
    told = [f"{name} {cells[name].iloc[0]}" for name in same if cells[name].iloc[0] != "--"]
    return (
        cells.loc[:, kept],
        [number for number, keep in zip(numeric, kept, strict=True) if keep],
        f" In all rows: {', '.join(told)}." if told else "",
    )


def _width(cells: pd.DataFrame, size: _Size) -> float:
    """Width of a table in points, about."""
    text = sum(max(map(_text_width, [str(name), *column])) for name, column in cells.items())
    return text * size.points + 2 * size.space * len(cells.columns)


def _text_width(text: str) -> float:
    """Width of an escaped text as printed, in sizes of the font."""
    plain = re.sub(r"\\textbf\{(.*)\}", r"\1", text)
    for letter, escaped in _LATEX.items():
        plain = plain.replace(escaped, letter)
    return sum(_WIDTHS.get(letter, 0.47) for letter in plain)
