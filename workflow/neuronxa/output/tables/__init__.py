"""The tables: builders make a :class:`Table` from scores, :func:`write_table` makes its files."""

from __future__ import annotations

from neuronxa.output.tables.ablation import ablation_table
from neuronxa.output.tables.builders import (
    correlation_table,
    downstream_table,
    language_table,
    retrieval_table,
    scores_table,
)
from neuronxa.output.tables.controls import controls_table
from neuronxa.output.tables.inputs import models_table, texts_table
from neuronxa.output.tables.measures import measures_table
from neuronxa.output.tables.neurons import neurons_table, specific_neurons_table
from neuronxa.output.tables.prediction import fits_table, predictions_table
from neuronxa.output.tables.published import published_table
from neuronxa.output.tables.sources import sources_table
from neuronxa.output.tables.statistics import (
    averages_table,
    claim_table,
    differences_table,
    families_table,
    mantel_table,
    partial_table,
)
from neuronxa.output.tables.write import Table, write_table

__all__ = [
    "Table",
    "ablation_table",
    "averages_table",
    "claim_table",
    "controls_table",
    "correlation_table",
    "differences_table",
    "downstream_table",
    "families_table",
    "fits_table",
    "language_table",
    "mantel_table",
    "measures_table",
    "models_table",
    "neurons_table",
    "partial_table",
    "predictions_table",
    "published_table",
    "retrieval_table",
    "scores_table",
    "sources_table",
    "specific_neurons_table",
    "texts_table",
    "write_table",
]
