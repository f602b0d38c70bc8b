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
        ``ours is`` names our corpus, extraction and task or reading.
    """
    labels = labels or Labels()
    order = {name: place for place, name in enumerate(comparison["quantity"].unique())}
    ordered = comparison.sort_values("quantity", key=lambda names: names.map(order), kind="stable")
    our_corpus = ordered["our_corpus"].map(labels.corpus)
    frame = pd.DataFrame(
        {
            "quantity": ordered["quantity"],
            "paper": _joined(ordered["paper"], ordered["table"]),
            "model": ordered["model"].map(labels.model),
            "corpus": ordered["corpus"].map(labels.corpus),
            "languages": ordered["languages"],
            "method": _joined(ordered["method"], ordered["pooling"], ordered["reduction"]),
            "task": ordered["task"].map(labels.task),
            "metric": ordered["metric"],
            "certainty": ordered["certainty"],
            "published": ordered["published"],
            "ours": ordered["ours"],
            "ours_low": ordered["ours_low"],
            "ours_high": ordered["ours_high"],
            "our_models": ordered["our_models"],
            "our_languages": ordered["our_languages"],
            "ours_is": _joined(our_corpus, ordered["our_extraction"], ordered["our_reading"]),
            "differs": ordered["differs"],
            "note": ordered["note"],
        }
    )
    return Table(
        frame.reset_index(drop=True),
        headers={
            "ours": "ours [interval]",
            "our_models": "our models",
            "our_languages": "our languages",
            "ours_is": "ours is",
        },
        decimals=4,
    )


def _joined(*columns: pd.Series) -> list[str]:
    """Cells of several columns in one, without the empty ones."""
    return [", ".join(filter(None, cells)) for cells in zip(*columns, strict=True)]
