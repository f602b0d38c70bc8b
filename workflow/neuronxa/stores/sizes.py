"""What stores take on the disk, told from their layout before they are filled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuronxa.stores.alignment import AlignmentLayout
from neuronxa.stores.layout import Layout
from neuronxa.stores.registry import ALIGNMENT_ARRAYS, ArraySpec

#: Smallest unit of most file systems: what a file of one byte, or a folder, takes.
BLOCK_BYTES = 4096

#: Share of their bytes that arrays take after compression, by the kind of the dtype. Measured on
#: FLORES-200 in Gemma 3 270M: states 0.34, values 0.83, hidden states 0.94.
COMPRESSED = {"u": 0.4, "f": 0.9}

#: Share of an estimate without which a store cannot be whole, whatever its texts are like.
LEAST = 0.7

_STORE_FILES = 4  # metadata, record, manifest, coordinates
_ARRAY_FILES = 4  # metadata and folders of one array
_DIGEST_BYTES = 50  # of a chunk, in the record and in the manifest
_ROW_BYTES = 16  # of a sentence, in the record and in the manifest


def activation_bytes(layout: Layout, blocks: int | None = None) -> int:
    """Bytes of the activation store of one language, or of some of its blocks.

    Parameters
    ----------
    layout
        Sizes.
    blocks
        Number of blocks; all by default.
    """
    count = layout.blocks if blocks is None else blocks
    total = _STORE_FILES * BLOCK_BYTES + layout.sentences * 2 * _ROW_BYTES
    for name in layout.arrays:
        spec = layout.spec(name)
        layers = layout.size(spec.dims[0]) if spec.layered else 1
        folders = layers * (1 + count) if spec.layered else count
        chunk = stored_bytes(spec, layout.chunks(spec)) + 2 * _DIGEST_BYTES
        total += layers * count * chunk + (folders + _ARRAY_FILES) * BLOCK_BYTES
    return total


def alignment_bytes(layout: AlignmentLayout, *, pending: int | None = None) -> int:
    """Bytes of an alignment store.

    Parameters
    ----------
    layout
        Sizes.
    pending
        Number of layers, over all representations, that are not written yet; all by default.
    """
    total, count = 0, 0
    for representation, layers in layout.layers.items():
        count += layers
        for name in layout.arrays:
            spec = ALIGNMENT_ARRAYS[name]
            shape = layout.shape(spec, representation)[1:]
            # a chunk is a file in a folder of every dimension
            layer = stored_bytes(spec, shape) + len(shape) * BLOCK_BYTES + 2 * _DIGEST_BYTES
            total += layers * layer + _ARRAY_FILES * BLOCK_BYTES
    share = 1.0 if pending is None else pending / max(count, 1)
    return int(share * total) + _STORE_FILES * BLOCK_BYTES


def stored_bytes(spec: ArraySpec, shape: Sequence[int]) -> int:
    """Bytes of one compressed chunk on the disk, in whole blocks."""
    dtype = np.dtype(spec.dtype)
    size = float(np.prod(shape)) * dtype.itemsize * COMPRESSED[dtype.kind]
    return -(-int(size) // BLOCK_BYTES) * BLOCK_BYTES
