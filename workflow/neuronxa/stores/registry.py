"""The registry of stored arrays: name, dimensions, dtype and meaning.

It feeds the creation of stores, their validation, the documents and the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from neuronxa.config import ExtractionRow
from neuronxa.errors import StoreError


@dataclass(frozen=True)
class ArraySpec:
    """One stored array.

    Attributes
    ----------
    name
        Name in the store.
    dims
        Names of its dimensions. Arrays with ``sentence`` are chunked along it in blocks; arrays
        with ``block`` have one entry for each block of sentences.
    dtype
        NumPy dtype on disk.
    meaning
        One sentence for attributes and documents.
    """

    name: str
    dims: tuple[str, ...]
    dtype: str
    meaning: str

    @property
    def layered(self) -> bool:
        """Whether this is a representation: (layer, sentence, unit), read layer by layer."""
        return self.dims[1:2] == ("sentence",)

    @property
    def itemsize(self) -> int:
        """Bytes of one number."""
        return np.dtype(self.dtype).itemsize

    @property
    def fill_value(self) -> float | int:
        """Value of cells that were never written, which no result can have."""
        dtype = np.dtype(self.dtype)
        return float("nan") if dtype.kind == "f" else int(np.iinfo(dtype).max)


_NEURON = ("layer", "sentence", "unit")
_HIDDEN = ("hidden_layer", "sentence", "hidden_unit")

_SITE_ARRAYS: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "nas": (
        _NEURON,
        "uint32",
        "activation state: sum over tokens of weight * [a > 0]; divide by pooling_weight for the "
        "share of the weighted tokens in which the neuron is active",
    ),
    "nav": (
        _NEURON,
        "float32",
        "activation value: weighted mean over tokens of |a|",
    ),
    "active": (
        ("block", "layer", "unit"),
        "uint32",
        "active count: number of pooled tokens with a > 0, summed over the sentences of a block",
    ),
}
_SITES = {"gate": "a = act(W_gate x)", "product": "a = act(W_gate x) * (W_up x)"}

_OTHERS = (
    ArraySpec(
        "hidden",
        _HIDDEN,
        "float32",
        "weighted mean over tokens of the hidden states, from the embeddings to the final norm",
    ),
    ArraySpec("hidden_last", _HIDDEN, "float32", "hidden states of the last pooled token"),
    ArraySpec("tokens", ("sentence",), "uint32", "number of pooled tokens; 0 = missing sentence"),
    ArraySpec(
        "pooling_weight",
        ("sentence",),
        "uint32",
        "sum of a sentence's pooling weights: t(t+1)/2 for `weighted`, t for `mean`, 1 for `last`",
    ),
)

ARRAYS: Mapping[str, ArraySpec] = {
    **{
        f"{kind}_{site}": ArraySpec(f"{kind}_{site}", dims, dtype, f"{meaning}; {equation}")
        for kind, (dims, dtype, meaning) in _SITE_ARRAYS.items()
        for site, equation in _SITES.items()
    },
    **{spec.name: spec for spec in _OTHERS},
}

#: Arrays that languages are compared on, as (layer, sentence, unit).
REPRESENTATIONS = ("nas_gate", "nav_gate", "nas_product", "nav_product", "hidden", "hidden_last")


def arrays_of(extraction: ExtractionRow) -> tuple[ArraySpec, ...]:
    """The arrays that a way to extract stores, in a fixed order and in its precision."""
    names = [f"{kind}_{site}" for site in extraction.sites for kind in _SITE_ARRAYS]
    names += [spec.name for spec in _OTHERS]
    return tuple(stored_as(spec_of(name), extraction.stored) for name in names)


def stored_as(spec: ArraySpec, stored: str) -> ArraySpec:
    """An array with its floats in another precision; integers are exact and stay."""
    return replace(spec, dtype=stored) if np.dtype(spec.dtype).kind == "f" else spec


def representations_of(extraction: ExtractionRow) -> tuple[str, ...]:
    """The representations that a way to extract gives, in the order of `REPRESENTATIONS`."""
    stored = {spec.name for spec in arrays_of(extraction)}
    return tuple(name for name in REPRESENTATIONS if name in stored)


def spec_of(name: str) -> ArraySpec:
    """Look an array up by name.

    Raises
    ------
    StoreError
        No such array.
    """
    if name not in ARRAYS:
        raise StoreError(f"there is no array '{name}'", allowed=ARRAYS)
    return ARRAYS[name]


_PAIR = ("layer", "source", "target")

#: Arrays of each group (one per representation) of an alignment store.
ALIGNMENT_ARRAYS: Mapping[str, ArraySpec] = {
    spec.name: spec
    for spec in (
        ArraySpec(
            "rank",
            (*_PAIR, "sentence"),
            "uint16",
            "rank of the true translation of a source sentence among the target sentences: "
            "1 + number of rivals at least as similar; 0 = a side lacks the sentence",
        ),
        ArraySpec(
            "score",
            ("layer", "measure", "source", "target"),
            "float64",
            "value of each measure; NaN where a pair has no sentence or the measure is not defined",
        ),
        ArraySpec(
            "ties",
            _PAIR,
            "uint32",
            "number of rivals exactly as similar as the true translation, in both directions",
        ),
        ArraySpec(
            "settled",
            _PAIR,
            "uint32",
            "number of comparisons that float32 could not decide and that were made again exactly",
        ),
        ArraySpec(
            "similarity",
            ("layer", "target", "pivot_sentence", "target_sentence"),
            "float32",
            "cosine of each sentence of the pivot and each sentence of the target",
        ),
    )
}
