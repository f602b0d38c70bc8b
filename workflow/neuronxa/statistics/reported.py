"""Correlations that papers report for a whole kind of tasks: means over models, Pearson's r."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from neuronxa.config.published import MEAN, PublishedRow

#: What the means over tasks average, as names of benchmarks.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "benchmarks": ("belebele", "m-mmlu", "m-arc"),
    "transfer": ("xnli", "bmlama-53"),
}


@dataclass(frozen=True)
class Published:
    """A published correlation.

    Attributes
    ----------
    method
        Name of the method.
    kind
        ``benchmarks`` or ``transfer``.
    value
        Pearson's r, mean over layers, averaged over models and tasks.
    source
        Where it stands.
    """

    method: str
    kind: str
    value: float
    source: str


def reported_correlations(rows: Iterable[PublishedRow]) -> tuple[Published, ...]:
    """Pick what primary sources state of each method and kind of tasks.

    Parameters
    ----------
    rows
        Of the sheet of published numbers. Those count that were read in the paper itself and hold
        for the mean over models, tasks and layers; the first of a method and kind, so that the
        order of the sheet decides where two editions differ.
    """
    found: dict[tuple[str, str], Published] = {}
    for row in rows:
        if (
            row.quantity == "correlation"
            and row.certainty == "read"
            and row.model == MEAN
            and row.metric == "pearson"
            and row.reduction == "mean"
            and row.task in PARTS
        ):
            published = Published(row.method, row.task, row.value, f"{row.paper}, {row.table}")
            found.setdefault((row.method, row.task), published)
    return tuple(found.values())
