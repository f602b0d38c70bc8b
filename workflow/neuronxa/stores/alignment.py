"""An alignment store of one model, corpus and extraction: a Zarr group per representation.

On disk::

    alignment.zarr  the arrays of `neuronxa.stores.registry.ALIGNMENT_ARRAYS`
    record.json     which layers are committed (see `neuronxa.stores.journal`)
    manifest.json   a copy of the finished record
    partial.npz     while a layer is computed: the pairs that are done
    earlier/        while a store of other languages takes its place: the one before, whose pairs
                    are taken over
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from neuronxa.errors import StoreError
from neuronxa.provenance import remake
from neuronxa.stores.activations import open_group
from neuronxa.stores.journal import MANIFEST, check_files, digest_of, read_manifest
from neuronxa.stores.registry import ALIGNMENT_ARRAYS, ArraySpec

STORE = "alignment.zarr"


@dataclass(frozen=True)
class AlignmentLayout:
    """Sizes of an alignment store.

    Attributes
    ----------
    languages
        Codes, along ``source`` and ``target``.
    sentences
        Largest number of sentences of a pair.
    layers
        Representation -> number of layers.
    arrays
        Names of the stored arrays.
    measures
        Representation -> names along ``measure``.
    """

    languages: tuple[str, ...]
    sentences: int
    layers: Mapping[str, int]
    arrays: tuple[str, ...]
    measures: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> AlignmentLayout:
        """The layout that a record holds as plain values."""
        return cls(
            tuple(plain["languages"]),
            plain["sentences"],
            plain["layers"],
            tuple(plain["arrays"]),
            {name: tuple(measures) for name, measures in plain["measures"].items()},
        )

    def plain(self) -> dict[str, Any]:
        """As plain values."""
        return {
            **asdict(self),
            "languages": list(self.languages),
            "arrays": list(self.arrays),
            "measures": {name: list(measures) for name, measures in self.measures.items()},
        }

    def shape(self, spec: ArraySpec, representation: str) -> tuple[int, ...]:
        """Shape of an array in the group of a representation."""
        sizes = {
            "layer": self.layers[representation],
            "measure": len(self.measures[representation]),
            "source": len(self.languages),
            "target": len(self.languages),
        }
        return tuple(sizes.get(dim, self.sentences) for dim in spec.dims)


class Layers:
    """Committed layers of an alignment store, each checked against its digest when it is read.

    Parameters
    ----------
    folder
        Folder of ``alignment.zarr``.
    record
        What is committed.
    """

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self.folder = folder
        self.identity: Mapping[str, Any] = record["identity"]
        self.parts: Mapping[str, Any] = record["parts"]
        self.layout = AlignmentLayout.read(record["layout"])
        self._group = open_group(folder / STORE)

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes along ``source`` and ``target``."""
        return self.layout.languages

    @property
    def layers(self) -> Mapping[str, int]:
        """Representation -> number of layers."""
        return self.layout.layers

    def measures(self, representation: str) -> tuple[str, ...]:
        """Names along ``measure``."""
        return self.layout.measures[representation]

    def layer(self, name: str, representation: str, layer: int) -> xr.DataArray:
        """One layer of an array, with languages and measures as coordinates."""
        if name not in self.layout.arrays:
            raise StoreError(
                f"'{name}' was not kept",
                where=str(self.folder),
                allowed=self.layout.arrays,
                remedy="set 'alignment.keep_similarities' and run again",
            )
        spec = ALIGNMENT_ARRAYS[name]
        return self._labelled(
            self._read(spec, representation, layer), spec.dims[1:], representation, name
        )

    def array(self, name: str, representation: str) -> xr.DataArray:
        """A whole array of one representation; large for ``rank`` and ``similarity``."""
        spec = ALIGNMENT_ARRAYS[name]
        parts = [
            self.layer(name, representation, number).values
            for number in range(self.layers[representation])
        ]
        return self._labelled(np.stack(parts), spec.dims, representation, name)

    def scores(self, measure: str, representation: str) -> xr.DataArray:
        """Values of one measure, ``(layer, source, target)``.

        Raises
        ------
        StoreError
            It was not computed for this representation.
        """
        if measure not in self.measures(representation):
            raise StoreError(
                f"'{measure}' was not computed for {representation}",
                where=str(self.folder),
                allowed=self.measures(representation),
                remedy="name it in 'alignment.measures' and run again",
            )
        return self.array("score", representation).sel(measure=measure)

    def verify(self) -> int:
        """Read everything once. Returns the number of layers that were checked."""
        checked = 0
        for representation, layers in self.layers.items():
            for name in self.layout.arrays:
                for layer in range(layers):
                    self._read(ALIGNMENT_ARRAYS[name], representation, layer)
                    checked += 1
        return checked

    def _labelled(
        self, value: np.ndarray, dims: tuple[str, ...], representation: str, name: str
    ) -> xr.DataArray:
        codes, measures = list(self.languages), list(self.measures(representation))
        known = {"source": codes, "target": codes, "measure": measures}
        return xr.DataArray(
            value, dims=dims, coords={dim: known[dim] for dim in dims if dim in known}, name=name
        )

    def _read(self, spec: ArraySpec, representation: str, layer: int) -> np.ndarray:
        where = f"{self.folder / STORE}, {representation}/{spec.name}, layer {layer}"
        remedy = f"run: {remake(self.folder / MANIFEST, delete=self.folder)}"
        try:
            value = np.asarray(array_of(self._group, representation, spec.name)[layer])
        except Exception as error:  # damaged bytes fail wherever they lead a codec to
            raise StoreError(
                f"a chunk cannot be read ({error})", where=where, remedy=remedy
            ) from None
        if digest_of(value) != self.parts[f"{representation}/{layer}"][spec.name][0]:
            raise StoreError("a chunk is missing or damaged", where=where, remedy=remedy)
        return value


class Alignment(Layers):
    """A published alignment store.

    Parameters
    ----------
    folder
        Folder with ``manifest.json`` and ``alignment.zarr``.
    """

    def __init__(self, folder: Path) -> None:
        self.manifest = read_manifest(folder)
        check_files(folder, self.manifest)
        super().__init__(folder, self.manifest)


def array_of(group: zarr.Group, representation: str, name: str) -> Any:
    """An array of the group of a representation."""
    return group[f"{representation}/{name}"]
