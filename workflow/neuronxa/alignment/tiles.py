"""One block of languages against another in one layer: cosines, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neuronxa.alignment import exact, loops
from neuronxa.alignment.products import ON_CPU, Multiply
from neuronxa.alignment.vectors import NEAR_TIE, Block, Vectors


class Both(NamedTuple):
    """A result for every pair of a tile, ``(source, target, ...)``.

    Attributes
    ----------
    forward
        From source to target.
    backward
        From target to source.
    """

    forward: np.ndarray
    backward: np.ndarray


@dataclass(frozen=True)
class Ranks:
    """Ranks of the true translations, decided exactly.

    Attributes
    ----------
    ranks
        1 + number of rivals at least as similar; 0 = the pair lacks the sentence. int32
        ``(direction, source, target, sentence)``, from source to target first.
    ties
        Number of rivals exactly as similar as the translation, in both directions, int64
        ``(source, target)``.
    settled
        Number of comparisons that float32 could not decide, int64 ``(source, target)``.
    """

    ranks: np.ndarray
    ties: np.ndarray
    settled: np.ndarray


@dataclass(frozen=True)
class Cosines:
    """Cosines of all sentences of two blocks of languages.

    Attributes
    ----------
    source, target
        The vectors.
    values
        float32 ``(source, sentence, target, sentence)``.
    """

    source: Vectors
    target: Vectors
    values: np.ndarray

    @classmethod
    def of(cls, source: Vectors, target: Vectors, multiply: Multiply = ON_CPU.multiply) -> Cosines:
        """Multiply and divide by the norms.

        The cosine of sentences i and j is ``x_i . y_j / (|x_i| |y_j|)``, and 0 for a zero vector.
        """
        shape = (*source.side.norms.shape, *target.side.norms.shape)
        values = multiply(source.operand, target.operand).reshape(shape)
        loops.scale(values, source.side, target.side)
        return cls(source, target, values)

    def rank(self) -> Ranks:
        """Rank the translations in both directions: matrix products in float32, close calls exact.

        Returns
        -------
        Ranks
            Equal vectors are equally similar, whatever rounding says; comparisons within
            `NEAR_TIE` are made in float64, and those that float64 cannot settle in whole numbers.
        """
        source, target = self.source.side, self.target.side
        sources, n, targets, _ = self.values.shape
        ranks = np.empty((2, sources, targets, n), dtype=np.int32)
        counts = np.empty((2, sources, targets), dtype=np.int64)
        unsure = np.empty((64, 5), dtype=np.int32)
        while True:
            missing = loops.rank(self.values, source, target, NEAR_TIE, ranks, counts, unsure)
            if missing <= len(unsure):
                break
            unsure = np.empty((missing, 5), dtype=np.int32)
        for direction, s, t, query, rival in unsure[:missing].tolist():
            if direction == 0:
                order = exact.compare(source, s, query, target, t, rival)
            else:
                order = exact.compare(target, t, query, source, s, rival)
            ranks[direction, s, t, query] += order >= 0
            counts[0, s, t] += order == 0
        return Ranks(ranks, counts[0], counts[1])


class Tile:
    """Two blocks of languages that are compared; what several measures need is made once.

    Parameters
    ----------
    source, target
        Blocks of the same sentences and units.
    multiply
        Makes the matrix products.
    """

    def __init__(
        self, source: Block, target: Block, *, multiply: Multiply = ON_CPU.multiply
    ) -> None:
        self.source = source
        self.target = target
        self._multiply = multiply
        self._made: dict[bool, tuple[Cosines, Ranks]] = {}

    def cosines(self, *, centred: bool = False) -> Cosines:
        """Cosines of the vectors, or of the vectors less the mean of their language."""
        return self._of(centred)[0]

    def ranks(self, *, centred: bool = False) -> Ranks:
        """Ranks by these cosines."""
        return self._of(centred)[1]

    def with_pivot(
        self, sources: Sequence[int], targets: Sequence[int], pivot: int
    ) -> dict[int, np.ndarray]:
        """Matrices of cosines of the pivot and other languages, ``(pivot, other sentence)``.

        Parameters
        ----------
        sources, targets
            Positions of the languages of the tile.
        pivot
            Position of the pivot.

        Returns
        -------
        dict
            Position of the other language -> matrix. Equal vectors have equal cosines, and
            sentences that the pair lacks are NaN.
        """
        found: dict[int, np.ndarray] = {}
        cosines = self.cosines()
        first, second = cosines.source.side, cosines.target.side
        for s, t in np.ndindex(len(sources), len(targets)):
            if pivot not in (sources[s], targets[t]):
                continue
            matrix = cosines.values[s, :, t]
            matrix = matrix[_first_equal(first.groups[s])][:, _first_equal(second.groups[t])]
            matrix[~(first.present[s] & second.present[t])] = np.nan
            matrix[:, ~(first.present[s] & second.present[t])] = np.nan
            if sources[s] == pivot:
                found[targets[t]] = matrix
            else:
                found[sources[s]] = np.ascontiguousarray(matrix.T)
        return found

    def _of(self, centred: bool) -> tuple[Cosines, Ranks]:
        if centred not in self._made:
            source, target = self.source.raw, self.target.raw
            if centred:
                assert self.source.centred is not None
                assert self.target.centred is not None
                source, target = self.source.centred, self.target.centred
            cosines = Cosines.of(source, target, self._multiply)
            self._made[centred] = (cosines, cosines.rank())
        return self._made[centred]


def _first_equal(groups: np.ndarray) -> np.ndarray:
    """For each vector the place of the first one that equals it."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.asarray(first[inverse])
