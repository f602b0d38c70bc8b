"""Sentence vectors of a block of languages in one layer, with all that comparing them needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xxhash

from neuronxa.errors import StoreError

#: Float32 cosines closer than this to one another are computed again in float64.
NEAR_TIE = 1e-5

#: Gives the operand of a matrix product: the array itself, or its copy on a device.
Upload = Callable[[np.ndarray], Any]


class Side(NamedTuple):
    """What the compiled loops need of one side of a comparison.

    Attributes
    ----------
    values
        float32 ``(language, sentence, unit)``, as stored.
    weights
        What the values are divided by before the centre is taken off, float64
        ``(language, sentence)``: the cosine of raw vectors does not depend on it.
    norms
        Euclidean norms, float64 ``(language, sentence)``; 1 where a vector is zero.
    zero
        Whether a vector has no direction, bool ``(language, sentence)``: its cosines are all 0.
    groups
        Equal numbers mean equal vectors, uint64 ``(language, sentence)``.
    present
        Whether the sentence exists, bool ``(language, sentence)``.
    centre
        What is taken off every vector of a language, float64 ``(language, unit)``; without units
        where nothing is.
    """

    values: np.ndarray
    weights: np.ndarray
    norms: np.ndarray
    zero: np.ndarray
    groups: np.ndarray
    present: np.ndarray
    centre: np.ndarray


@dataclass(frozen=True)
class Vectors:
    """Sentence vectors, raw or less the mean of their language.

    Attributes
    ----------
    side
        Raw values and what belongs to them.
    operand
        ``(language * sentence, unit)`` in float32: the operand of matrix products, in memory or on
        a device.
    within
        Inner products within each language, float32 ``(language, sentence, sentence)``.
    """

    side: Side
    operand: Any
    within: np.ndarray

    @property
    def within_cosines(self) -> np.ndarray:
        """Cosines within each language, float32 ``(language, sentence, sentence)``."""
        inverse = (1 / self.side.norms).astype(np.float32)
        return np.asarray(self.within * inverse[:, :, None] * inverse[:, None, :])


@dataclass(frozen=True)
class Block:
    """All that the measures need of several languages in one layer.

    Attributes
    ----------
    raw
        The vectors as they are.
    centred
        The vectors less the mean of their language.
    standardised
        Each unit over the sentences of its language with mean 0 and length 1, float32
        ``(language, sentence * unit)``; 0 where it does not vary.
    varying
        Which units vary, float32 0 or 1 ``(language, unit)``.
    active
        Which units are active in at least half of a sentence's weighted tokens, as bits, uint8
        ``(language, sentence, ceil(unit / 8))``.
    """

    raw: Vectors
    centred: Vectors | None
    standardised: np.ndarray | None
    varying: np.ndarray | None
    active: np.ndarray | None

    @classmethod
    def of(
        cls,
        values: np.ndarray,
        present: np.ndarray,
        *,
        weights: np.ndarray | None = None,
        centred: bool = False,
        standardised: bool = False,
        upload: Upload = lambda array: array,
    ) -> Block:
        """Measure and prepare vectors.

        Parameters
        ----------
        values
            ``(language, sentence, unit)``, any real dtype whose values float32 holds.
        present
            bool ``(language, sentence)``.
        weights
            Sum of the pooling weights of each sentence, ``(language, sentence)``, for activation
            states, which are stored as numerators; None for other representations. Raw states are
            compared as they are; centred and standardised ones are the shares of the weights,
            since numerators grow with the length of the sentence.
        centred, standardised
            Whether measures are asked for that need them.
        upload
            Where matrix products run.

        Raises
        ------
        StoreError
            A value is not finite.
        """
        active = None
        if weights is not None:
            active = np.stack(
                [
                    np.packbits(one.astype(np.uint64) * 2 >= weight[:, None], axis=-1)
                    for one, weight in zip(values, weights.astype(np.uint64), strict=True)
                ]
            )
        # adding zero turns -0 into 0, so that equal vectors have equal bytes
        values = np.ascontiguousarray(values, dtype=np.float32) + np.float32(0)
        if not np.isfinite(values).all():
            raise StoreError(
                "a stored state is not a finite number",
                remedy="extract again in float32: half precision may have overflowed",
            )
        divisors = np.ones(present.shape) if weights is None else np.maximum(weights, 1.0)
        raw = _vectors(values, values, divisors, present, None, upload)
        block = cls(raw, None, None, None, active)
        if not (centred or standardised):
            return block
        mean = np.empty((len(values), values.shape[-1]))
        moved = np.zeros_like(values)
        for number, there in enumerate(present):
            shares = values[number, there] / divisors[number, there, None]
            mean[number] = shares.sum(axis=0) / max(len(shares), 1)
            moved[number, there] = shares - mean[number]
        form, varying = _standardise(moved) if standardised else (None, None)
        moved_vectors = (
            _vectors(values, moved, divisors, present, mean, upload) if centred else None
        )
        return cls(raw, moved_vectors, form, varying, active)


def _vectors(
    values: np.ndarray,
    moved: np.ndarray,
    weights: np.ndarray,
    present: np.ndarray,
    centre: np.ndarray | None,
    upload: Upload,
) -> Vectors:
    languages, sentences, units = values.shape
    exact = _norms(values, weights, present, centre)
    digests = [xxhash.xxh3_64_intdigest(memoryview(v).cast("B")) for one in values for v in one]
    side = Side(
        values,
        weights,
        np.where(exact == 0, 1.0, exact),
        exact == 0,
        np.array(digests, dtype=np.uint64).reshape(languages, sentences),
        np.ascontiguousarray(present),
        np.zeros((languages, 0)) if centre is None else centre,
    )
    within = np.matmul(moved, moved.swapaxes(1, 2))
    return Vectors(side, upload(moved.reshape(languages * sentences, units)), within)


def _norms(
    values: np.ndarray, weights: np.ndarray, present: np.ndarray, centre: np.ndarray | None
) -> np.ndarray:
    """Euclidean norms in float64, one language at a time to bound the copy."""
    found = np.empty(present.shape)
    for number, one in enumerate(values):
        exact = one.astype(np.float64)
        if centre is not None:
            exact /= weights[number, :, None]
            exact -= centre[number]
            exact[~present[number]] = 0
        np.square(exact, out=exact)
        found[number] = np.sqrt(exact.sum(axis=-1))
    return found


def _standardise(moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each unit over sentences with length 1, flattened, and which units vary."""
    languages, sentences, units = moved.shape
    lengths = np.stack([np.sqrt(np.square(one, dtype=np.float64).sum(axis=0)) for one in moved])
    varying = lengths > np.finfo(np.float32).tiny
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=varying).astype(np.float32)
    flat = (moved * scale[:, None]).reshape(languages, sentences * units)
    return flat, varying.astype(np.float32)
