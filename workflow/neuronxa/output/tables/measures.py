"""Table of the measures: what each of them says of a model, beside its chance level."""

from __future__ import annotations

import pandas as pd

from neuronxa.alignment.measures import MEASURES
from neuronxa.alignment.methods import Reduction, Site
from neuronxa.alignment.scores import TIES
from neuronxa.output.labels import REPRESENTATIONS, single
from neuronxa.output.tables.write import Table


def measures_table(
    scores: pd.DataFrame, *, pivot: str, site: Site, reduction: Reduction = "mean"
) -> Table:
    """Lay out every measure of one run, averaged over languages, a column per representation.

    Parameters
    ----------
    scores
        Alignment scores of one model, corpus and extraction.
    pivot
        Language code, left out of the means.
    site
        FFN site of NAS and NAV.
    reduction
        ``mean`` or ``max`` over layers, or a named group of layers.

    Returns
    -------
    Table
        A row per measure, in the order of the registry, and one for ties. Directed measures are
        averaged over both directions. ``chance`` is for the smallest number of sentences.
    """
    for column in ("model", "corpus", "extraction"):
        single(scores, column)
    columns = {"hidden": "hidden", "hidden_last": "hidden_last"}
    columns |= {f"{kind}_{site}": kind for kind in ("nas", "nav")}
    kept = scores.loc[
        (scores["reduction"] == reduction)
        & scores["representation"].isin(columns)
        & ((scores["source"] == pivot) ^ (scores["target"] == pivot))
    ]
    means = kept.groupby(["measure", "representation"])["value"].mean().unstack()
    chance = kept.loc[kept["n"] == kept["n"].min()].groupby("measure")["chance"].first()
    names = [name for name in (*MEASURES, TIES) if name in means.index]
    found = {
        shown: means[name].reindex(names).to_numpy()
        for name, shown in columns.items()
        if name in means
    }
    frame = pd.DataFrame(
        {
            "measure": [MEASURES[n].title if n in MEASURES else "ties per sentence" for n in names],
            **found,
            "chance": chance.reindex(names).to_numpy(),
            "definition": [
                MEASURES[n].formula if n in MEASURES else "mean number of j != i with c_ij = c_ii"
                for n in names
            ],
        }
    )
    return Table(frame, headers={**REPRESENTATIONS, "hidden_last": "last token"})
