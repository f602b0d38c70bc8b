"""The sizes of an activation store: what follows from a model, a text and a way to extract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuronxa.config import ExtractionRow
from neuronxa.stores.registry import ArraySpec, arrays_of, spec_of, stored_as


@dataclass(frozen=True)
class Layout:
    """Sizes of a store.

    Attributes
    ----------
    sentences
        Number of rows; in a ``pairs`` corpus both sides, the language first.
    block_sentences
        Rows of one block.
    layers, neurons, hidden_size
        Sizes of the model.
    arrays
        Names of the stored arrays, from the registry.
    stored
        Precision of the arrays of floats.
    """

    sentences: int
    block_sentences: int
    layers: int
    neurons: int
    hidden_size: int
    arrays: tuple[str, ...]
    stored: str = "float32"

    @classmethod
    def of(cls, extraction: ExtractionRow, **sizes: int) -> Layout:
        """The layout that a way to extract asks for; `sizes` are the attributes that count."""
        names = tuple(spec.name for spec in arrays_of(extraction))
        return cls(**sizes, arrays=names, stored=extraction.stored)

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Layout:
        """The layout that a record holds as plain values."""
        return cls(**{**plain, "arrays": tuple(plain["arrays"])})

    def spec(self, name: str) -> ArraySpec:
        """An array of the registry, in the precision of the store."""
        return stored_as(spec_of(name), self.stored)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.sentences // self.block_sentences)

    def rows(self, block: int) -> slice:
        """Rows of a block."""
        start = block * self.block_sentences
        return slice(start, min(start + self.block_sentences, self.sentences))

    def size(self, dim: str, *, block: int | None = None) -> int:
        """Length of a dimension, of the whole array or of its part in one block."""
        if dim == "sentence" and block is not None:
            rows = self.rows(block)
            return int(rows.stop - rows.start)
        sizes = {
            "sentence": self.sentences,
            "block": self.blocks if block is None else 1,
            "layer": self.layers,
            "unit": self.neurons,
            "hidden_layer": self.layers + 1,
            "hidden_unit": self.hidden_size,
        }
        return int(sizes[dim])

    def shape(self, spec: ArraySpec, *, block: int | None = None) -> tuple[int, ...]:
        """Shape of an array, or of its part that belongs to one block."""
        return tuple(self.size(dim, block=block) for dim in spec.dims)

    def chunks(self, spec: ArraySpec) -> tuple[int, ...]:
        """One layer x one block x all units: what the reduction reads at once."""
        sizes = dict(zip(spec.dims, self.shape(spec), strict=True))
        sizes["sentence"] = min(self.block_sentences, self.sentences)
        sizes["block"] = 1
        if spec.layered:
            sizes[spec.dims[0]] = 1
        return tuple(sizes[dim] for dim in spec.dims)
