"""The alignment store of one model, corpus and extraction: a Zarr group per representation.

Written layer by layer; a layer that the record names is not computed again. Beside
``alignment.zarr`` lie ``record.json`` and ``manifest.json`` (see `neuronxa.stores.journal`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from neuronxa.errors import StoreError
from neuronxa.stores.activations import open_group
from neuronxa.stores.journal import FORMAT, Journal, digest_of, read_manifest
from neuronxa.stores.registry import ALIGNMENT_ARRAYS, ArraySpec

STORE = "alignment.zarr"
_CHUNK_BYTES = 16 * 2**20


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
    """

    languages: tuple[str, ...]
    sentences: int
    layers: Mapping[str, int]
    arrays: tuple[str, ...]

    def shape(self, spec: ArraySpec, representation: str) -> tuple[int, ...]:
        """Shape of an array in the group of a representation."""
        sizes = {"layer": self.layers[representation], "source": len(self.languages)}
        sizes["target"] = len(self.languages)
        return tuple(sizes.get(dim, self.sentences) for dim in spec.dims)


class AlignmentStore:
    """An alignment store that is being filled.

    Parameters
    ----------
    folder
        ``results/alignment/<model>/<corpus>/<extraction>``.
    layout
        Sizes.
    identity
        What the content depends on.
    """

    def __init__(
        self,
        folder: Path,
        layout: AlignmentLayout,
        *,
        identity: Mapping[str, Any],
    ) -> None:
        self.folder = folder
        self.layout = layout
        plain = {**asdict(layout), "languages": list(layout.languages)}
        plain["arrays"] = list(layout.arrays)

        def journal() -> Journal:
            return Journal(folder, identity=identity, layout=plain)

        self.journal = journal()
        if self.journal.resume() and (folder / STORE / "zarr.json").is_file():
            self._group = zarr.open_group(folder / STORE, mode="r+")
            return
        shutil.rmtree(folder / STORE, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._group = _create(folder / STORE, layout, identity)
        self.journal = journal()
        self.journal.start()

    @property
    def pending(self) -> tuple[tuple[str, int], ...]:
        """(representation, layer) that are not committed."""
        return tuple(
            (name, layer)
            for name, layers in self.layout.layers.items()
            for layer in range(layers)
            if not self.journal.has(f"{name}/{layer}")
        )

    def commit(self, representation: str, layer: int, values: Mapping[str, np.ndarray]) -> None:
        """Write one layer of every array, then name the digests in the record."""
        digests = {}
        for name in self.layout.arrays:
            value = values[name].astype(ALIGNMENT_ARRAYS[name].dtype, copy=False)
            _array(self._group, representation, name)[layer] = value
            digests[name] = [digest_of(value)]
        self.journal.commit(f"{representation}/{layer}", digests)

    def finish(self, facts: Mapping[str, Any]) -> Path:
        """Record the end and publish."""
        if self.pending:
            raise StoreError(f"{self.pending[0]} is not written", where=str(self.folder))
        self.journal.finish(facts)
        return self.journal.publish()


class Alignment:
    """A published alignment store, read with every layer checked against its digest.

    Parameters
    ----------
    folder
        Folder with ``manifest.json`` and ``alignment.zarr``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.languages: tuple[str, ...] = tuple(self.manifest["layout"]["languages"])
        self.layers: dict[str, int] = self.manifest["layout"]["layers"]
        self._group = open_group(folder / STORE)

    def array(self, name: str, representation: str) -> xr.DataArray:
        """A whole array of one representation, checked, with languages as coordinates."""
        if name not in self.manifest["layout"]["arrays"]:
            raise StoreError(
                f"'{name}' was not kept",
                where=str(self.folder),
                allowed=self.manifest["layout"]["arrays"],
                remedy="set 'alignment.keep_similarities' and run again",
            )
        spec = ALIGNMENT_ARRAYS[name]
        parts = [self._layer(spec, representation, n) for n in range(self.layers[representation])]
        codes = list(self.languages)
        return xr.DataArray(
            np.stack(parts),
            dims=spec.dims,
            coords={dim: codes for dim in ("source", "target") if dim in spec.dims},
            name=name,
        )

    def verify(self) -> int:
        """Read everything once. Returns the number of layers that were checked."""
        checked = 0
        for representation, layers in self.layers.items():
            for name in self.manifest["layout"]["arrays"]:
                for layer in range(layers):
                    self._layer(ALIGNMENT_ARRAYS[name], representation, layer)
                    checked += 1
        return checked

    def _layer(self, spec: ArraySpec, representation: str, layer: int) -> np.ndarray:
        where = f"{self.folder / STORE}, {representation}/{spec.name}, layer {layer}"
        remedy = f"delete {self.folder} and run the workflow again"
        try:
            value = np.asarray(_array(self._group, representation, spec.name)[layer])
        except (ValueError, RuntimeError, OSError, KeyError) as error:
            raise StoreError(
                f"a chunk cannot be read ({error})", where=where, remedy=remedy
            ) from None
        if digest_of(value) != self.manifest["parts"][f"{representation}/{layer}"][spec.name][0]:
            raise StoreError("a chunk is missing or damaged", where=where, remedy=remedy)
        return value


def _array(group: zarr.Group, representation: str, name: str) -> Any:
    return group[f"{representation}/{name}"]


def _create(path: Path, layout: AlignmentLayout, identity: Mapping[str, Any]) -> zarr.Group:
    root = zarr.create_group(path, attributes={"format": FORMAT, **identity})
    codes = np.array(layout.languages, dtype=np.dtypes.StringDType())
    for representation in layout.layers:
        group = root.create_group(representation)
        for name in layout.arrays:
            spec = ALIGNMENT_ARRAYS[name]
            shape = layout.shape(spec, representation)
            group.create_array(
                name,
                shape=shape,
                chunks=_chunks(spec, shape),
                dtype=spec.dtype,
                fill_value=spec.fill_value,
                compressors=[
                    BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"),
                    Crc32cCodec(),
                ],
                dimension_names=_dims(spec, representation),
                attributes={"description": spec.meaning},
                config={"write_empty_chunks": True},
            )
        for dim in ("source", "target"):
            group.create_array(
                dim,
                data=codes,
                dimension_names=(dim,),
                attributes={"description": "language code"},
            )
    return root


def _dims(spec: ArraySpec, representation: str) -> tuple[str, ...]:
    """Hidden states have a layer more than neurons: their layers are another dimension."""
    layer = "hidden_layer" if representation.startswith("hidden") else "layer"
    return (layer, *spec.dims[1:])


def _chunks(spec: ArraySpec, shape: tuple[int, ...]) -> tuple[int, ...]:
    """One layer, cut along its first language dimension where it would be large."""
    row = int(np.prod(shape[2:])) * np.dtype(spec.dtype).itemsize
    return (1, max(1, min(shape[1], _CHUNK_BYTES // max(row, 1))), *shape[2:])
