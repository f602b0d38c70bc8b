"""The tables: builders make a :class:`Table` from scores, :func:`write_table` makes its files."""

from __future__ import annotations

from neuronxa.output.tables.builders import (
    correlation_table,
    downstream_table,
    language_table,
    retrieval_table,
    scores_table,
)
from neuronxa.output.tables.inputs import models_table, texts_table
from neuronxa.output.tables.write import Table, write_table

__all__ = [
    "Table",
    "correlation_table",
    "downstream_table",
    "language_table",
    "models_table",
    "retrieval_table",
    "scores_table",
    "texts_table",
    "write_table",
]
