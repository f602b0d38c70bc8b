"""Comparisons of cosines that float64 cannot settle, decided in whole numbers.

Every float32 is a whole number times a power of two, so the sign of a difference of cosines can be
told without any rounding: ``a/|y| >= b/|z|`` if and only if ``sign(a) a^2 |z|^2`` is at least
``sign(b) b^2 |y|^2``, for the inner products a and b of x with y and z.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neuronxa.alignment.vectors import Side


def compare(query: Side, language: int, sentence: int, others: Side, other: int, rival: int) -> int:
    """Compare a rival with the translation of a sentence, exactly.

    Parameters
    ----------
    query, language, sentence
        The sentence that seeks; its translation has its own number.
    others, other, rival
        The language that is searched, and the sentence in it that competes.

    Returns
    -------
    int
        1, 0 or -1: the rival is closer, exactly as close, or less close.
    """
    x = _whole(query, language, [sentence])[0]
    y, z = _whole(others, other, [rival, sentence])
    left, right = (int(np.dot(x, one)) for one in (y, z))
    left_norm, right_norm = (int(np.dot(one, one)) or 1 for one in (y, z))
    difference = _signed_square(left) * right_norm - _signed_square(right) * left_norm
    return (difference > 0) - (difference < 0)


def _signed_square(value: int) -> int:
    return value * abs(value)


def _whole(side: Side, language: int, sentences: list[int]) -> Any:
    """Vectors times a common positive factor, as arrays of Python's whole numbers."""
    rows = side.values[language, sentences]
    if not side.centre.size:
        return _integers(rows)
    # with whole weights v and their least common multiple m: n m (x / v - mean) is whole
    there = side.present[language]
    matrix = _integers(np.concatenate([rows, side.values[language, there]]))
    weights = side.weights[language]
    divisors = np.concatenate([weights[sentences], weights[there]]).astype(int).tolist()
    common = math.lcm(*divisors)
    matrix = matrix * np.array([[common // one] for one in divisors], dtype=object)
    chosen, everything = matrix[: len(sentences)], matrix[len(sentences) :]
    return len(everything) * chosen - everything.sum(axis=0)


def _integers(values: np.ndarray) -> Any:
    """Float32 values times one power of two that makes all of them whole."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    whole = (mantissa * 2.0**24).astype(np.int64).astype(object)
    shift = np.where(values == 0, 0, exponent - exponent[values != 0].min(initial=0))
    return whole * np.vectorize(lambda bits: 1 << int(bits), otypes=[object])(shift)
