"""Alignment scores as a tidy frame: a row per pair, representation, measure and reduction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from neuronxa.stores.alignment import Alignment

MEASURES = ("mu", "top1")
COLUMNS = (
    "model",
    "corpus",
    "extraction",
    "representation",
    "measure",
    "reduction",
    "layer",
    "source",
    "target",
    "value",
    "n",
)


def scores_frame(alignment: Alignment, *, pivot: str) -> pd.DataFrame:
    """Scores of all pairs reduced over layers, and of pairs with the pivot layer by layer.

    Parameters
    ----------
    alignment
        A published alignment store.
    pivot
        Code of the pivot.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. ``reduction`` is ``mean``, ``max`` or ``layer``; ``layer`` is empty for
        the first two; hidden states count layers from 0 = embeddings.
    """
    parts = []
    for representation in alignment.layers:
        n = (alignment.array("rank", representation).isel(layer=0) > 0).sum("sentence")
        for measure in MEASURES:
            values = alignment.array(measure, representation)
            reduced = {"mean": values.mean("layer"), "max": values.max("layer")}
            for reduction, table in reduced.items():
                parts.append(_long(table, n, representation, measure, reduction))
            pivot_pairs = (values.source == pivot) | (values.target == pivot)
            curves = values.where(pivot_pairs)
            for layer in range(values.sizes["layer"]):
                table = curves.isel(layer=layer)
                parts.append(_long(table, n, representation, measure, "layer", layer))
    frame = pd.concat(parts, ignore_index=True)
    identity = alignment.manifest["identity"]
    for column in ("model", "corpus", "extraction"):
        frame[column] = identity[column]
    return frame[list(COLUMNS)]


def _long(
    table: xr.DataArray,
    n: xr.DataArray,
    representation: str,
    measure: str,
    reduction: str,
    layer: int | None = None,
) -> pd.DataFrame:
    """A (source, target) table as rows; pairs without a value are left out."""
    frame = table.to_dataframe(name="value").reset_index()[["source", "target", "value"]]
    frame["n"] = n.values.ravel().astype(np.int64)
    frame = frame.dropna(subset=["value"])
    frame["layer"] = pd.array([layer] * len(frame), dtype="Int64")
    return frame.assign(representation=representation, measure=measure, reduction=reduction)
