"""The census by layer, as tables and figures show it."""

from __future__ import annotations

import pandas as pd

from neuronxa.neurons.agreement import NAMES
from neuronxa.neurons.lape import KINDS

_KEYS = ["model", "corpus", "extraction", "site", "layer"]


def layer_census(neurons: pd.DataFrame) -> pd.DataFrame:
    """Count the neurons of each kind in every layer.

    Parameters
    ----------
    neurons
        Rows of ``neurons.parquet``, of any runs.

    Returns
    -------
    DataFrame
        A row per model, corpus, extraction, site and layer: the number of ``neurons``, of each of
        `KINDS`, of those that LAPE ``selected``, and the means of ``agreement``, ``partial`` and
        ``kappa`` over the neurons where they are defined.
    """
    groups = neurons.groupby(_KEYS, sort=False)
    kinds = neurons.groupby([*_KEYS, "kind"], sort=False).size().unstack(fill_value=0)
    table = pd.concat(
        [
            groups.size().rename("neurons"),
            kinds.reindex(columns=list(KINDS), fill_value=0),
            groups["selected"].sum(),
            groups[list(NAMES)].mean(),
        ],
        axis=1,
    )
    return table.reset_index()
