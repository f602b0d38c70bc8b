"""Tables of what a run started from: the models and the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from neuronxa.models.snapshot import ModelCard
from neuronxa.output.labels import Labels
from neuronxa.output.tables.write import Table


def models_table(cards: Sequence[ModelCard], *, labels: Labels | None = None) -> Table:
    """Lay out the models: their shape, where the weights come from, and their licence.

    Parameters
    ----------
    cards
        Cards of the snapshots.
    labels
        Names to show.
    """
    labels = labels or Labels()
    rows = [
        {
            "model": labels.model(card.model),
            "type": card.model_type,
            "layers": card.layers,
            "neurons": card.neurons,
            "hidden size": card.hidden_size,
            "body (M)": round(card.parameters / 1e6),
            "sites": card.sites,
            "weights": card.stored_as,
            "licence": card.licence,
            "provenance": card.provenance,
            "digest": card.digest[:12],
        }
        for card in cards
    ]
    return Table(pd.DataFrame(rows))


def texts_table(corpora: Sequence[Mapping[str, Any]], *, labels: Labels | None = None) -> Table:
    """Lay out the checks of every language of every corpus.

    Parameters
    ----------
    corpora
        Contents of the files ``corpus.json``.
    labels
        Names to show.

    Returns
    -------
    Table
        Missing sentences, duplicates (they make ties), share of letters in other scripts,
        invisible marks, copies of the pivot and sentences of unusual length.
    """
    labels = labels or Labels()
    rows = [
        {
            "corpus": labels.corpus(corpus["corpus"]),
            "language": code,
            "sentences": entry["lines"],
            "missing": entry["checks"]["empty"],
            "duplicates": entry["checks"]["duplicates"],
            "other script": entry["checks"]["other_script"],
            "invisible marks": entry["checks"]["invisible"],
            "copies of the pivot": entry["checks"]["copies"],
            "unusual length": entry["checks"]["length_outliers"],
            "licence": corpus["licence"],
            "note": corpus["note"],
        }
        for corpus in corpora
        for code, entry in corpus["languages"].items()
    ]
    frame = pd.DataFrame(rows)
    optional = ["copies of the pivot", "unusual length"]
    return Table(frame.astype(dict.fromkeys(optional, "Int64")))
