"""How chunks are encoded, and whole ones written by the thread that has them.

Zarr encodes on one event loop: the copies and checksums of all writers wait for one another there,
and a GPU waits for them. The bytes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import google_crc32c
import numpy as np
from numcodecs import Blosc
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from neuronxa.stores.registry import ArraySpec

#: Does one thing with each of many, as `map` does, perhaps several at a time.
Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]

_SHUFFLES = {
    "noshuffle": Blosc.NOSHUFFLE,
    "shuffle": Blosc.SHUFFLE,
    "bitshuffle": Blosc.BITSHUFFLE,
}


def codecs_of(spec: ArraySpec) -> list[BloscCodec | Crc32cCodec]:
    """Codecs of an activation store's array, and its checksum.

    Integers shrink by 7% more with zstd; floats hardly shrink, so theirs is the faster one.
    """
    if np.dtype(spec.dtype).kind == "f":
        return [BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()]
    return [BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), Crc32cCodec()]


def write_chunk(array: Any, index: tuple[int, ...], values: np.ndarray) -> None:
    """Write one chunk of a Zarr array whose codecs are Blosc and a CRC-32C.

    Parameters
    ----------
    array
        The array.
    index
        Index of the chunk along each dimension.
    values
        Its values; at the end of a dimension there may be fewer than the chunk holds.
    """
    if values.shape != array.chunks:
        full = np.full(array.chunks, array.fill_value, dtype=array.dtype)
        full[tuple(slice(size) for size in values.shape)] = values
        values = full
    blosc, _ = array.compressors
    codec = Blosc(
        cname=blosc.cname.value, clevel=blosc.clevel, shuffle=_SHUFFLES[blosc.shuffle.value]
    )
    encoded = codec.encode(np.ascontiguousarray(values))
    checksum = google_crc32c.value(encoded).to_bytes(4, "little")
    buffer = default_buffer_prototype().buffer.from_bytes(b"".join((encoded, checksum)))
    sync((array.store_path / array.metadata.encode_chunk_key(index)).set(buffer))
