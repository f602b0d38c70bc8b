"""The activation store of one language: created, filled block by block, published, read back.

On disk, beside each other in one folder: ``store.zarr`` with the arrays of
`neuronxa.stores.registry` (Zarr v3), ``record.json`` and ``manifest.json`` (see
`neuronxa.stores.journal`). One process writes a store at a time: hold `neuronxa.stores.lock`
around writing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from neuronxa.errors import StoreError
from neuronxa.provenance import remake
from neuronxa.stores.chunks import Each, codecs_of, write_chunk
from neuronxa.stores.journal import (
    FORMAT,
    MANIFEST,
    STORE,
    Digests,
    Journal,
    check_files,
    digest_of,
    read_manifest,
)
from neuronxa.stores.layout import Layout
from neuronxa.stores.registry import ArraySpec, spec_of


class ActivationStore:
    """A store that is being filled.

    Parameters
    ----------
    folder
        Folder of one language.
    layout
        Sizes.
    identity
        What the content depends on: model, corpus, extraction, with their digests. Stored as
        attributes; another identity means another content.
    """

    def __init__(self, folder: Path, layout: Layout, *, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        plain = {**asdict(layout), "arrays": list(layout.arrays)}
        self.journal = Journal(folder, identity=identity, layout=plain)
        if self.journal.resume() and (folder / STORE / "zarr.json").is_file():
            self.layout = Layout.read(self.journal.layout)
            self._group = zarr.open_group(folder / STORE, mode="r+")
            return
        self.layout = layout
        self.journal.withdraw()
        shutil.rmtree(folder / STORE, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._group = _create(folder / STORE, layout, identity)
        self.journal = Journal(folder, identity=identity, layout=plain)
        self.journal.start()

    @property
    def pending(self) -> tuple[int, ...]:
        """Blocks that are not committed."""
        return tuple(b for b in range(self.layout.blocks) if not self.journal.has(str(b)))

    def empty_block(self, block: int) -> dict[str, np.ndarray]:
        """Arrays of one block to be filled: zero, which is what missing sentences stay."""
        specs = [self.layout.spec(name) for name in self.layout.arrays]
        return {
            spec.name: np.zeros(self.layout.shape(spec, block=block), dtype=spec.dtype)
            for spec in specs
        }

    @property
    def complete(self) -> bool:
        """Whether every block is committed and the facts of the extraction are recorded."""
        return self.journal.complete

    def commit(
        self,
        block: int,
        values: Mapping[str, np.ndarray],
        *,
        each: Each = map,
    ) -> None:
        """Write one block of every array, then name its digests in the record.

        Parameters
        ----------
        block
            Index of the block.
        values
            Array name -> values of this block, with the dims and dtype of the registry.
        each
            A `map` that writes the arrays, perhaps several at a time.

        Raises
        ------
        StoreError
            An array is missing, or has another shape or dtype than the registry says.
        """
        parts = []
        for name in self.layout.arrays:
            spec = self.layout.spec(name)
            value = _checked(spec, values, self.layout.shape(spec, block=block))
            layers = range(len(value)) if spec.layered else [None]
            parts += [(spec, layer, value) for layer in layers]

        def write(part: tuple[ArraySpec, int | None, np.ndarray]) -> str:
            spec, layer, value = part
            own = value if layer is None else value[layer : layer + 1]
            write_chunk(arrays[spec.name], _chunk(spec, block, layer), own)
            return digest_of(own)

        arrays = {name: _array(self._group, name) for name in self.layout.arrays}
        digests: Digests = {}
        for (spec, *_), digest in zip(parts, each(write, parts), strict=True):
            digests.setdefault(spec.name, []).append(digest)
        self.journal.commit(str(block), digests)

    def row(self, name: str, row: int) -> np.ndarray:
        """One committed sentence of a representation, ``(layer, unit)``."""
        return np.asarray(_array(self._group, name)[:, row])

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Record that the extraction is over, with what is known of it (versions, measurements)."""
        if self.pending:
            raise StoreError(f"blocks {self.pending} are not written", where=str(self.folder))
        self.journal.finish(facts)

    def publish(self) -> Path:
        """Write the manifest: from now on others may read the store."""
        return self.journal.publish()


class Activations:
    """A published store, read with every chunk checked against its digest.

    Parameters
    ----------
    folder
        Folder of one language; its ``manifest.json`` is the handle.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        check_files(folder, self.manifest)
        self.layout = Layout.read(self.manifest["layout"])
        self._group = open_group(folder / STORE)

    @property
    def identity(self) -> dict[str, Any]:
        """What the content depends on."""
        return dict(self.manifest["identity"])

    @property
    def representations(self) -> tuple[str, ...]:
        """Stored arrays that languages can be compared on."""
        return tuple(name for name in self.layout.arrays if spec_of(name).layered)

    def layers(self, representation: str) -> int:
        """Number of layers of a representation: one more for hidden states."""
        return self.layout.size(spec_of(representation).dims[0])

    def layer(self, representation: str, layer: int) -> xr.DataArray:
        """One layer of a representation, checked.

        Returns
        -------
        DataArray
            Dims ``(sentence, unit)``, with the coordinate ``side`` (0 = the language, 1 = its own
            pivot side in a ``pairs`` corpus).
        """
        spec = spec_of(representation)
        if not spec.layered:
            raise StoreError(f"'{representation}' is not a representation")
        parts = [self._read(spec, block, layer) for block in range(self.layout.blocks)]
        return xr.DataArray(
            np.concatenate(parts),
            dims=("sentence", "unit"),
            coords={"side": ("sentence", self.array("side"))},
            name=representation,
        )

    def array(self, name: str) -> np.ndarray:
        """A whole small array (``tokens``, ``pooling_weight``, ``active_*``), or a coordinate."""
        if name == "side":
            return np.asarray(self.identity["sides"], dtype="int8")
        if name == "sentence":
            return np.asarray(self.identity["rows"], dtype="int64")
        spec = spec_of(name)
        parts = [self._read(spec, block, None) for block in range(self.layout.blocks)]
        return np.concatenate(parts)

    def verify(self) -> int:
        """Read everything once. Returns the number of chunks that were checked."""
        checked = 0
        for name in self.layout.arrays:
            spec = spec_of(name)
            for block in range(self.layout.blocks):
                for layer in range(self.layers(name)) if spec.layered else [None]:
                    self._read(spec, block, layer)
                    checked += 1
        return checked

    def _read(self, spec: ArraySpec, block: int, layer: int | None) -> np.ndarray:
        """One chunk, compared with the digest that the manifest names."""
        key = f"{self.folder / STORE}, array '{spec.name}', layer {layer}, block {block}"
        try:
            value = np.asarray(
                _array(self._group, spec.name)[_region(spec, self.layout, block, layer)]
            )
        except Exception as error:  # damaged bytes fail wherever they lead a codec to
            raise StoreError(
                f"a chunk cannot be read ({error})", where=key, remedy=self._repair
            ) from None
        if layer is not None:
            value = value[0]
        expected = self.manifest["parts"][str(block)][spec.name][layer or 0]
        if digest_of(value) != expected:
            raise StoreError(
                "a chunk is missing or damaged: its digest is not the one that was committed",
                where=key,
                remedy=self._repair,
            )
        return value

    @property
    def _repair(self) -> str:
        return f"run: {remake(self.folder / MANIFEST, delete=self.folder)}"


def refuse_mixed(stores: Mapping[str, Activations]) -> None:
    """Refuse stores that were not made alike: their numbers cannot be compared.

    Raises
    ------
    StoreError
        Two languages are of other models, corpora, extractions or versions of the extraction.
    """
    alike = ("extraction_version", "model", "model_digest", "corpus", "extraction")
    first, *others = stores.items()
    for code, store in others:
        for key in alike:
            ours, theirs = first[1].identity.get(key), store.identity.get(key)
            if ours != theirs:
                raise StoreError(
                    f"'{first[0]}' and '{code}' are not made alike: '{key}' is {ours} and {theirs}",
                    where=str(store.folder),
                    remedy="run the workflow again; it makes the older one anew",
                )


def open_group(path: Path) -> zarr.Group:
    """Open a Zarr group for reading.

    Raises
    ------
    StoreError
        It is missing or damaged.
    """
    try:
        return zarr.open_group(path, mode="r")
    except Exception as error:  # damaged metadata fail wherever they lead zarr to
        raise StoreError(
            f"the store cannot be opened ({type(error).__name__})",
            where=str(path),
            remedy=f"run: {remake(path.parent / MANIFEST, delete=path.parent)}",
        ) from None


def _array(group: zarr.Group, name: str) -> Any:
    return group[name]


def _region(
    spec: ArraySpec, layout: Layout, block: int, layer: int | None = None
) -> tuple[slice, ...]:
    chosen = {"sentence": layout.rows(block), "block": slice(block, block + 1)}
    if layer is not None:
        chosen[spec.dims[0]] = slice(layer, layer + 1)
    return tuple(chosen.get(dim, slice(None)) for dim in spec.dims)


def _chunk(spec: ArraySpec, block: int, layer: int | None) -> tuple[int, ...]:
    """Index of the chunk that holds a block, or a layer of it."""
    first = block if layer is None else layer
    own = {"sentence": block, "block": block}
    return tuple(own.get(dim, 0 if number else first) for number, dim in enumerate(spec.dims))


def _checked(
    spec: ArraySpec, values: Mapping[str, np.ndarray], shape: tuple[int, ...]
) -> np.ndarray:
    if spec.name not in values:
        raise StoreError(f"array '{spec.name}' was not extracted")
    value = values[spec.name]
    if value.shape != shape or value.dtype != np.dtype(spec.dtype):
        raise StoreError(
            f"array '{spec.name}' is {value.dtype} {value.shape}, not {spec.dtype} {shape}"
        )
    return value


def _create(path: Path, layout: Layout, identity: Mapping[str, Any]) -> zarr.Group:
    """An empty store whose arrays carry their dims and meaning for xarray."""
    group = zarr.create_group(path, attributes={"format": FORMAT, **identity})
    for name in layout.arrays:
        spec = layout.spec(name)
        group.create_array(
            name,
            shape=layout.shape(spec),
            chunks=layout.chunks(spec),
            dtype=spec.dtype,
            fill_value=spec.fill_value,
            compressors=codecs_of(spec),
            dimension_names=spec.dims,
            attributes={"description": spec.meaning},
            # the test for empty chunks costs more than compressing them
            config={"write_empty_chunks": True},
        )
    rows = np.asarray(identity["rows"], dtype="int64")
    sides = np.asarray(identity["sides"], dtype="int8")
    for name, value, meaning in (
        ("sentence", rows, "line of the source text, from 0"),
        ("side", sides, "0 = the language, 1 = its own pivot side (corpora of pairs)"),
    ):
        group.create_array(
            name,
            data=value,
            chunks=value.shape,
            dimension_names=("sentence",),
            attributes={"description": meaning},
        )
    return group
