"""The formats of the blocks of weights, as ggml describes them. A row is a run of blocks."""

from __future__ import annotations

import numpy as np


def halves(blocks, start):
    """The 16-bit float at a place of every block."""
    return np.ascontiguousarray(blocks[..., start : start + 2]).view("<f2").astype(np.float32)


def nibbles(quants):
    """The low halves of all bytes, then the high halves."""
    return np.concatenate([quants & 15, quants >> 4], axis=-1)


def q8_0(blocks):
    """Scale, 32 signed bytes."""
    return halves(blocks, 0) * blocks[..., 2:].view(np.int8)


def q4_1(blocks):
    """Scale, minimum, 32 nibbles."""
    return halves(blocks, 0) * nibbles(blocks[..., 4:]) + halves(blocks, 2)


def q5_0(blocks):
    """Scale, the fifth bits of 32 numbers, their nibbles; 16 stands for zero."""
    fifth = np.unpackbits(blocks[..., 2:6], axis=-1, bitorder="little")
    return halves(blocks, 0) * ((nibbles(blocks[..., 6:]) | fifth << 4).astype(np.int8) - 16)


def q4_k(blocks):
    """Scale of scales, scale of minima, 8 scales and 8 minima of 6 bits, 8 times 32 nibbles."""
    low, middle, high = blocks[..., 4:8], blocks[..., 8:12], blocks[..., 12:16]
    scales = np.concatenate([low & 63, high & 15 | low >> 6 << 4], axis=-1)
    minima = np.concatenate([middle & 63, high >> 4 | middle >> 6 << 4], axis=-1)
    quants = nibbles(blocks[..., 16:].reshape(*blocks.shape[:-1], 4, 32))
    quants = quants.reshape(*blocks.shape[:-1], 8, 32)
    scale, minimum = halves(blocks, 0) * scales, halves(blocks, 2) * minima
    return scale[..., None] * quants - minimum[..., None]


def q6_k(blocks):
    """256 nibbles, their upper 2 bits, 16 signed scales, scale of scales; 32 stands for zero."""
    shape = blocks.shape[:-1]
    low = nibbles(blocks[..., :128].reshape(*shape, 2, 64)).reshape(*shape, 2, 4, 32)
    high = blocks[..., 128:192].reshape(*shape, 2, 1, 32)
    high = high >> np.array([0, 2, 4, 6], dtype=np.uint8)[:, None] & 3
    quants = (low | high << 4).astype(np.int8) - 32
    scale = halves(blocks, 208) * blocks[..., 192:208].view(np.int8)
    return scale[..., None] * quants.reshape(*shape, 16, 16)


#: Type of a tensor -> (bytes of a block, how they are read).
BLOCKS = {
    "Q8_0": (34, q8_0),
    "Q4_1": (20, q4_1),
    "Q5_0": (22, q5_0),
    "Q4_K": (144, q4_k),
    "Q6_K": (210, q6_k),
}


def decode(data, kind):
    """The numbers that rows of a tensor stand for, in float32."""
    if kind == "F32":
        return np.asarray(data)
    size, read = BLOCKS[kind]
    return read(data.reshape(len(data), -1, size)).astype(np.float32).reshape(len(data), -1)
