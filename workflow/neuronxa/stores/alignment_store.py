"""The alignment store that is being filled, layer by layer.

A layer that the record names is not computed again, and a store of other languages takes over the
pairs of the one before.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from neuronxa.errors import StoreError
from neuronxa.stores.alignment import STORE, AlignmentLayout, Layers, array_of
from neuronxa.stores.journal import FORMAT, RECORD, Journal, digest_of, read_json
from neuronxa.stores.registry import ALIGNMENT_ARRAYS, ArraySpec

EARLIER = "earlier"
_CHUNK_BYTES = 16 * 2**20


class AlignmentStore:
    """An alignment store that is being filled.

    Parameters
    ----------
    folder
        ``results/alignment/<model>/<corpus>/<extraction>``.
    layout
        Sizes.
    identity
        What the content depends on; ``stores`` names the fingerprint of each language, and a store
        that differs in nothing else gives the pairs of the languages that it shares.
    """

    def __init__(
        self, folder: Path, layout: AlignmentLayout, *, identity: Mapping[str, Any]
    ) -> None:
        self.folder = folder
        self.layout = layout
        self._identity = identity

        def journal() -> Journal:
            return Journal(folder, identity=identity, layout=layout.plain())

        self.journal = journal()
        if self.journal.resume() and (folder / STORE / "zarr.json").is_file():
            self._group = zarr.open_group(folder / STORE, mode="r+")
        else:
            _set_aside(folder, identity)
            self.journal.withdraw()
            shutil.rmtree(folder / STORE, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            self._group = _create(folder / STORE, layout, identity)
            self.journal = journal()
            self.journal.start()
        self._earlier = _earlier(folder, identity)

    @property
    def pending(self) -> tuple[tuple[str, int], ...]:
        """(representation, layer) that are not committed."""
        return tuple(
            (name, layer)
            for name, layers in self.layout.layers.items()
            for layer in range(layers)
            if not self.journal.has(f"{name}/{layer}")
        )

    @property
    def kept(self) -> tuple[str, ...]:
        """Languages whose pairs with one another an earlier store holds."""
        if self._earlier is None:
            return ()
        before, now = (_fingerprints(i) for i in (self._earlier.identity, self._identity))
        return tuple(
            code
            for code in self.layout.languages
            if code in self._earlier.layout.languages and before.get(code) == now.get(code)
        )

    def known(self, representation: str, layer: int) -> dict[str, xr.DataArray] | None:
        """What an earlier store holds of a layer, for the languages in `kept`.

        Returns
        -------
        dict or None
            Array name -> values with ``source`` and ``target`` coordinates; None where the layer
            was not committed, or where nothing is kept.
        """
        if (
            self._earlier is None
            or not self.kept
            or f"{representation}/{layer}" not in self._earlier.parts
        ):
            return None
        codes = list(self.kept)
        same_pivot = self._earlier.identity["pivot"] == self._identity["pivot"]
        found = {}
        for name in self.layout.arrays:
            if name == "similarity" and not same_pivot:
                continue
            value = self._earlier.layer(name, representation, layer)
            found[name] = value.sel({d: codes for d in ("source", "target") if d in value.dims})
        return found

    def commit(self, representation: str, layer: int, values: Mapping[str, np.ndarray]) -> None:
        """Write one layer of every array, then name the digests in the record."""
        digests = {}
        for name in self.layout.arrays:
            value = values[name].astype(ALIGNMENT_ARRAYS[name].dtype, copy=False)
            array_of(self._group, representation, name)[layer] = value
            digests[name] = [digest_of(value)]
        self.journal.commit(f"{representation}/{layer}", digests)

    def finish(self, facts: Mapping[str, Any]) -> Path:
        """Record the end and publish."""
        if self.pending:
            raise StoreError(f"{self.pending[0]} is not written", where=str(self.folder))
        if not self.journal.complete:
            self.journal.finish(facts)
        (self.folder / EARLIER / RECORD).unlink(missing_ok=True)
        shutil.rmtree(self.folder / EARLIER, ignore_errors=True)
        return self.journal.publish()


def _fingerprints(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Language -> fingerprint of its activation store."""
    return dict(identity["stores"])


def _comparable(record: Mapping[str, Any] | None, identity: Mapping[str, Any]) -> bool:
    """Whether a record differs from an identity in its languages, or their pivot, at most."""
    if record is None or record.get("format") != FORMAT:
        return False
    free: dict[str, Any] = {"stores": None}
    if identity["corpus_layout"] == "parallel":
        free["pivot"] = None
    return {**record["identity"], **free} == {**identity, **free}


def _set_aside(folder: Path, identity: Mapping[str, Any]) -> None:
    """Move a store of other languages to ``earlier/``, unless one there holds more.

    The record is copied before the store is moved, so that a kill in between loses nothing.
    """
    record = read_json(folder / RECORD)
    aside = folder / EARLIER
    if not _comparable(record, identity) or not (folder / STORE / "zarr.json").is_file():
        return
    assert record is not None
    there = _earlier(folder, identity)
    if there is not None and _pairs_of(there.layout.plain(), there.parts) >= _pairs_of(
        record["layout"], record["parts"]
    ):
        return
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    shutil.copyfile(folder / RECORD, aside / RECORD)
    (folder / STORE).rename(aside / STORE)


def _pairs_of(layout: Mapping[str, Any], parts: Mapping[str, Any]) -> int:
    """How many pairs of languages are committed, over all layers."""
    return len(layout["languages"]) ** 2 * len(parts)


def _earlier(folder: Path, identity: Mapping[str, Any]) -> Layers | None:
    """The store in ``earlier/``, if it is whole and of the same kind."""
    aside = folder / EARLIER
    record = read_json(aside / RECORD)
    if not _comparable(record, identity) or not (aside / STORE / "zarr.json").is_file():
        return None
    assert record is not None
    return Layers(aside, record)


def _create(path: Path, layout: AlignmentLayout, identity: Mapping[str, Any]) -> zarr.Group:
    root = zarr.create_group(path, attributes={"format": FORMAT, **identity})
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
        for dim, names, meaning in (
            ("source", layout.languages, "language code"),
            ("target", layout.languages, "language code"),
            ("measure", layout.measures[representation], "name of the measure"),
        ):
            group.create_array(
                dim,
                data=np.array(names, dtype=np.dtypes.StringDType()),
                dimension_names=(dim,),
                attributes={"description": meaning},
            )
    return root


def _dims(spec: ArraySpec, representation: str) -> tuple[str, ...]:
    """Hidden states have a layer more than neurons: their layers are another dimension."""
    layer = "hidden_layer" if representation.startswith("hidden") else "layer"
    return (layer, *spec.dims[1:])


def _chunks(spec: ArraySpec, shape: tuple[int, ...]) -> tuple[int, ...]:
    """One layer, cut along its first language or measure dimension where it would be large."""
    row = int(np.prod(shape[2:])) * np.dtype(spec.dtype).itemsize
    return (1, max(1, min(shape[1], _CHUNK_BYTES // max(row, 1))), *shape[2:])
