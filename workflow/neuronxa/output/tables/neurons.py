"""Tables of neurons: the census by layer, and what each language activates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import pandas as pd

from neuronxa.neurons.summaries import layer_census
from neuronxa.output.labels import single
from neuronxa.output.tables.write import Table

if TYPE_CHECKING:
    from neuronxa.languages import Language

RUN: Final = ("model", "corpus", "extraction")


def neurons_table(neurons: pd.DataFrame) -> Table:
    """Lay out how many neurons of each kind a layer has.

    Parameters
    ----------
    neurons
        Rows of ``neurons.parquet`` of one model, corpus and extraction.

    Returns
    -------
    Table
        A row per site and layer, counted from 0.
    """
    for column in RUN:
        single(neurons, column)
    return Table(
        layer_census(neurons).drop(columns=list(RUN)),
        headers={
            "selected": "LAPE",
            "agreement": "correlation",
            "partial": "without length",
        },
    )


def specific_neurons_table(
    per_language: pd.DataFrame,
    overlap: pd.DataFrame,
    *,
    pivot: str,
    languages: Mapping[str, Language],
) -> Table:
    """Lay out the neurons of each language.

    Parameters
    ----------
    per_language
        Rows of ``languages.parquet`` of one model, corpus and extraction.
    overlap
        Rows of ``overlap.parquet`` of the same run.
    pivot
        Language code.
    languages
        Code to language; gives name, family and class.

    Returns
    -------
    Table
        A row per site and language, in the order of the run: tokens that were counted, active
        neurons, those active in no other language, those that LAPE selected and the layer that has
        most of them, and the overlap of its active neurons with the pivot's, where those are known.
    """
    for column in RUN:
        single(per_language, column)
    with_pivot = overlap.loc[overlap["source"] == pivot].set_index(["site", "target"])["jaccard"]
    rows = []
    for key, part in per_language.groupby(["site", "language"], sort=False):
        site, code = (str(value) for value in key)
        language = languages[code]
        chosen = part.set_index("layer")["selected"]
        rows.append(
            {
                "site": site,
                "language": language.name,
                "code": code,
                "family": language.family,
                "class": language.resource_class,
                "tokens": part["tokens"].iloc[0],
                "active": part["active"].sum(min_count=1),
                "specific": part["specific"].sum(min_count=1),
                "selected": chosen.sum(min_count=1),
                "peak_layer": chosen.idxmax() if chosen.gt(0).any() else None,
                "pivot_overlap": with_pivot.get((site, code), float("nan")),
            }
        )
    frame = pd.DataFrame(rows)
    whole = dict.fromkeys(("active", "specific", "selected", "peak_layer"), "Int64")
    return Table(
        frame.astype({**whole, "pivot_overlap": "float64"}),
        headers={
            "specific": "in no other language",
            "selected": "LAPE",
            "peak_layer": "layer with most",
            "pivot_overlap": "overlap with the pivot",
        },
    )
