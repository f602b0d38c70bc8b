"""Correlations that papers report, for comparison: means over models, Pearson's r."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


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


#: No value is known for the other methods and kinds that a primary source states.
PUBLISHED: Final = (
    Published("NASCA", "benchmarks", 0.9556, "Huang et al. 2025, abstract"),
    Published("NASCA", "transfer", 0.8514, "Huang et al. 2025, abstract (arXiv)"),
    Published("MEXA", "benchmarks", 0.9300, "Kargaran et al. 2025, Table 6, mean of three tasks"),
)
