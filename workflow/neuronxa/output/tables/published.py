"""Table of published numbers and ours."""

from __future__ import annotations

import pandas as pd

from neuronxa.output.labels import Labels
from neuronxa.output.tables.write import Table


def published_table(comparison: pd.DataFrame, *, labels: Labels | None = None) -> Table:
    """Lay out published numbers beside ours, quantity by quantity.

    Parameters
    ----------
    comparison
        What :func:`neuronxa.statistics.published.compare_published` returns.
    labels
        Names to show.

    Returns
    -------
    Table
        The rows of one quantity together, in the order of the sheet; citations stay in the sheet.
    """
    labels = labels or Labels()
    order = {name: place for place, name in enumerate(comparison["quantity"].unique())}
    frame = comparison.sort_values("quantity", key=lambda names: names.map(order), kind="stable")
    frame = frame.assign(
        model=frame["model"].map(labels.model),
        our_corpus=frame["our_corpus"].map(labels.corpus),
    )
    return Table(
        frame.drop(columns="source").reset_index(drop=True),
        headers={
            "ours": "ours [interval]",
            "our_models": "our models",
            "our_languages": "our languages",
            "our_corpus": "our corpus",
            "our_extraction": "our extraction",
            "our_reading": "our reading",
        },
        decimals=4,
    )
