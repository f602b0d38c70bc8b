"""The census of a run: a row per neuron, per pair of languages, and per language and layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from threadpoolctl import threadpool_limits

from neuronxa.neurons.agreement import agreement, compared
from neuronxa.neurons.counts import active_counts, shares
from neuronxa.neurons.lape import find_specific, kinds
from neuronxa.neurons.overlap import most_active, overlap_frame
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.activations import Activations


@dataclass(frozen=True)
class Census:
    """What is known of the neurons of one model, corpus and extraction.

    Attributes
    ----------
    neurons
        A row per site, layer and neuron: ``languages``, the number where its share of active tokens
        is above the threshold, and the ``kind`` that follows; ``entropy`` over languages (nats) and
        whether LAPE ``selected`` it; ``activity``, the mean share over languages; ``agreement``,
        ``partial`` and ``kappa`` with the pivot, and over how many languages each is a mean.
    overlap
        A row per site and ordered pair of languages; see `neuronxa.neurons.overlap`.
    languages
        A row per site, language and layer: ``tokens`` that were counted, mean ``activity``, and the
        number of neurons that are ``active`` (above the threshold), ``specific`` (in this language
        alone) and ``selected`` by LAPE for it; a language without counts has 0 tokens and no
        values.
    specific
        The neurons that LAPE selected, by site, language and layer, as plain values.
    """

    neurons: pd.DataFrame
    overlap: pd.DataFrame
    languages: pd.DataFrame
    specific: dict[str, Any]


def take_census(
    stores: Mapping[str, Activations],
    *,
    sites: Sequence[str],
    pivot: str,
    layout: str,
    workers: int = 1,
    progress: Counter = SILENT,
) -> Census:
    """Count, compare and classify every neuron.

    Parameters
    ----------
    stores
        Language -> published activation store. In a ``pairs`` corpus the pivot has none, and takes
        part in the agreement alone.
    sites
        FFN sites that were extracted.
    pivot
        Language that translations are compared with.
    layout
        ``parallel`` or ``pairs``.
    workers
        Number of Dask threads.
    progress
        Counts pairs of languages, one layer of each.
    """
    first = next(iter(stores.values()))
    names = {
        "model": first.identity["model"],
        "corpus": first.identity["corpus"],
        "extraction": first.identity["extraction"]["extraction"],
    }
    parts: dict[str, list[pd.DataFrame]] = {"neurons": [], "overlap": [], "languages": []}
    specific: dict[str, Any] = {}
    progress.start(len(sites) * first.layout.layers * len(compared(stores, pivot=pivot)))
    with threadpool_limits(limits=1):
        for site in sites:
            counts = active_counts(stores, site)
            found = find_specific(counts)
            agreed = agreement(
                stores, site, pivot=pivot, layout=layout, workers=workers, progress=progress
            )
            keys = {**names, "site": site}
            for name, frame in (
                ("neurons", _neurons(found, agreed)),
                ("overlap", overlap_frame(found["above"], most_active(counts))),
                ("languages", _languages(counts, found, list(stores))),
            ):
                parts[name].append(frame.assign(**keys)[[*keys, *frame.columns]])
            # no languages, no threshold; JSON has no NaN
            tau = found.attrs["tau"] if found.sizes["language"] else None
            specific[site] = {"tau": tau, "languages": indices(found)}
    frames = {name: pd.concat(found, ignore_index=True) for name, found in parts.items()}
    return Census(**frames, specific={**names, "sites": specific})


def indices(found: xr.Dataset) -> dict[str, dict[str, list[int]]]:
    """List the selected neurons of each language by layer; layers without any are left out."""
    members: dict[str, dict[str, list[int]]] = {}
    for place, code in enumerate(found["language"].values):
        chosen = found["above"].values[place] & found["selected"].values
        members[str(code)] = {
            str(layer): np.flatnonzero(chosen[layer]).tolist()
            for layer in np.flatnonzero(chosen.any(axis=1))
        }
    return members


def _neurons(found: xr.Dataset, agreed: xr.Dataset) -> pd.DataFrame:
    layer, neuron = (place.ravel() for place in np.indices(found["entropy"].shape))
    return pd.DataFrame(
        {
            "layer": layer.astype(np.int32),
            "neuron": neuron.astype(np.int32),
            "languages": found["above"].values.sum(axis=0, dtype=np.int32).ravel(),
            "kind": kinds(found["above"]).ravel(),
            "entropy": found["entropy"].values.ravel(),
            "selected": found["selected"].values.ravel(),
            "activity": found["activity"].values.ravel(),
            **{str(name): agreed[name].values.ravel() for name in agreed},
        }
    )


def _languages(counts: xr.DataArray, found: xr.Dataset, codes: list[str]) -> pd.DataFrame:
    above = found["above"].values
    alone = above & (above.sum(axis=0) == 1)
    chosen = above & found["selected"].values
    activity = np.zeros(above.shape[:2])
    for layer in range(above.shape[1]):
        activity[:, layer] = shares(counts, layer).mean(axis=1)
    layers = np.arange(above.shape[1], dtype=np.int32)
    counted = pd.DataFrame(
        {
            "tokens": np.repeat(counts["tokens"].values, len(layers)),
            "activity": activity.ravel(),
            "active": above.sum(axis=2).ravel(),
            "specific": alone.sum(axis=2).ravel(),
            "selected": chosen.sum(axis=2).ravel(),
        },
        index=_by_layer(counts["language"].values.tolist(), layers),
    )
    whole = {"active": "Int64", "specific": "Int64", "selected": "Int64"}
    frame = counted.astype(whole).reindex(_by_layer(codes, layers))
    return frame.fillna({"tokens": 0}).astype({"tokens": "int64"}).reset_index()


def _by_layer(codes: list[str], layers: np.ndarray) -> pd.MultiIndex:
    return pd.MultiIndex.from_product([codes, layers], names=["language", "layer"])
