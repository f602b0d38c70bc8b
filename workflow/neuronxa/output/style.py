"""The one look of the project's figures, and how a figure becomes files.

Figures are made without pyplot, so nothing is global: a composer opens :func:`styled`, makes its
figure with :func:`new_figure` and returns it; :func:`save_figure` writes it with the same bytes
each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.style import context

from neuronxa.files import atomic_write_bytes

COLUMN_WIDTH: Final = 3.3
"""Width of one column of an ACL paper (inch)."""
PAGE_WIDTH: Final = 6.8
"""Width of both columns and the gap between them (inch)."""
SMALL_TEXT: Final = 6.0
"""Size of language codes and notes inside a panel (pt)."""
INK: Final = "0.1"
FAINT: Final = "0.82"
QUIET: Final = "0.45"

METHOD_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {"NASCA": "#0072B2", "NAVCA": "#009E73", "MEXA": "#D55E00", "MEXA-last": "#CC79A7"}
)
METHOD_MARKERS: Final[Mapping[str, str]] = MappingProxyType(
    {"NASCA": "o", "NAVCA": "D", "MEXA": "s", "MEXA-last": "^"}
)
REPRESENTATION_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {"hidden": "#D55E00", "nas": "#0072B2", "nav": "#009E73"}
)

FigureFormat = Literal["svg", "pdf", "png"]
_STYLE: Final = Path(__file__).with_name("neuronxa.mplstyle")


def styled() -> AbstractContextManager[None]:
    """Apply the project's style inside a ``with`` block, on matplotlib's own defaults."""
    return context(["default", str(_STYLE)])


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure that can be measured and drawn without a display.

    Parameters
    ----------
    width, height
        Size in inch; ``width`` is one of the two column widths.
    """
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def message_figure(text: str, *, title: str) -> Figure:
    """Make a figure that says why there is nothing to draw."""
    with styled():
        figure = new_figure(PAGE_WIDTH, 1.2)
        figure.suptitle(title, x=0.01, ha="left")
        figure.text(0.01, 0.4, text)
    return figure


def axes_size(ax: Axes) -> tuple[float, float]:
    """Return the width and height of axes in inch."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    box = ax.get_position()
    return float(figure.get_figwidth() * box.width), float(figure.get_figheight() * box.height)


def save_figure(
    figure: Figure, stem: Path, *, formats: Sequence[FigureFormat] = ("svg", "pdf")
) -> list[Path]:
    """Write a figure next to ``stem``, whole or not at all, with the same bytes for equal figures.

    Parameters
    ----------
    figure
        The figure.
    stem
        Path without ending; ``.svg``, ``.pdf`` and ``.png`` are added to it.
    formats
        What to write. PNG has 200 dots per inch and is meant for web pages.

    Returns
    -------
    list of Path
        The files, in the order of ``formats``.
    """
    # Dates would make every run's files differ, and matplotlib's version adds nothing to a reader.
    metadata: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": "NeuronXA"},
        "pdf": {"CreationDate": None, "ModDate": None, "Creator": "NeuronXA", "Producer": None},
        "png": {"Software": None},
    }
    paths = []
    with styled():
        for name in formats:
            data = BytesIO()
            figure.savefig(
                data,
                format=name,
                metadata=metadata[name],
                dpi=200 if name == "png" else mpl.rcParams["savefig.dpi"],
            )
            path = stem.with_name(f"{stem.name}.{name}")
            atomic_write_bytes(path, data.getvalue())
            paths.append(path)
    return paths
