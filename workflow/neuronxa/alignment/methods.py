"""The named methods: which representation and which measure each of them stands for.

A method is data, so that a table, a figure and a correlation all read the same row. The score of a
language is the method's measure between the pivot and that language, reduced over layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import pandas as pd

from neuronxa.errors import StatisticsError

Site = Literal["gate", "product"]
#: ``mean`` or ``max`` over layers, or a named group of layers.
Reduction = str

REDUCTIONS: Final[tuple[Reduction, ...]] = ("mean", "max")
COLUMNS: Final = (
    "model",
    "corpus",
    "extraction",
    "method",
    "reduction",
    "language",
    "value",
    "low",
    "high",
    "n",
)


class Method(NamedTuple):
    """What a method measures.

    Attributes
    ----------
    representation
        Name of the representation; ``{site}`` stands for the FFN site of the extraction.
    measure
        Name of the alignment measure.
    """

    representation: str
    measure: str

    def at(self, site: str) -> str:
        """Return the representation's name at ``site`` (hidden states have no site)."""
        return self.representation.format(site=site)


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "NASCA": Method("nas_{site}", "mu"),
        "NAVCA": Method("nav_{site}", "mu"),
        "MEXA": Method("hidden", "mu"),
        "MEXA-last": Method("hidden_last", "mu"),
    }
)


def method_scores(scores: pd.DataFrame, *, pivot: str, site: Site) -> pd.DataFrame:
    """Turn alignment scores of language pairs into one score per language and method.

    Parameters
    ----------
    scores
        Alignment scores, one row per pair, representation, measure and reduction: columns
        of :func:`neuronxa.alignment.scores.scores_frame`.
    pivot
        Language code that every other language is compared with.
    site
        FFN site that NASCA and NAVCA are read at.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, corpus, extraction, method, reduction, language, value, low, high, n``;
        ``reduction`` over layers is ``mean``, ``max`` or a named group of layers. The pivot has a
        row where the scores hold its pair with itself. Methods whose representation was not
        extracted are left out.

    Raises
    ------
    StatisticsError
        If no pair starts at the pivot, or none of the methods' representations is there.
    """
    with_pivot = scores.loc[scores["source"] == pivot]
    if with_pivot.empty:
        raise StatisticsError(
            f"no alignment score starts at the pivot '{pivot}'",
            where="alignment scores",
            allowed=sorted(scores["source"].unique()),
            remedy="set the pivot to a language of the run, or add it to the run's languages",
        )
    names = {method.at(site): name for name, method in METHODS.items()}
    measures = {method.at(site): method.measure for method in METHODS.values()}
    kept = with_pivot.loc[
        (with_pivot["reduction"] != "layer")
        & (with_pivot["measure"] == with_pivot["representation"].map(measures))
    ]
    if kept.empty:
        raise StatisticsError(
            f"none of the representations {', '.join(names)} has a score over layers",
            where="alignment scores",
            allowed=sorted(scores["representation"].unique()),
            remedy="choose a site that the extraction captured",
        )
    tidy = kept.assign(method=kept["representation"].map(names)).rename(
        columns={"target": "language"}
    )
    reductions = dict.fromkeys([*REDUCTIONS, *tidy["reduction"]])
    order = {name: place for place, name in enumerate((*METHODS, *reductions))}
    return (
        tidy.loc[:, list(COLUMNS)]
        .sort_values(
            ["model", "corpus", "extraction", "method", "reduction", "language"],
            key=lambda column: (
                column.map(order) if column.name in ("method", "reduction") else column
            ),
        )
        .reset_index(drop=True)
    )
