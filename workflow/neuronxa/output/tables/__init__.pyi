"""The tables: builders make a :class:`Table` from scores, :func:`write_table` makes its files."""

from .ablation import ablation_table
from .builders import (
    correlation_table,
    downstream_table,
    language_table,
    retrieval_table,
    scores_table,
)
from .controls import controls_table
from .inputs import models_table, texts_table
from .measures import measures_table
from .neurons import neurons_table, specific_neurons_table
from .prediction import fits_table, predictions_table
from .published import published_table
from .sources import sources_table
from .statistics import (
    averages_table,
    claim_table,
    differences_table,
    families_table,
    mantel_table,
    partial_table,
)
from .write import Table, write_table

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
