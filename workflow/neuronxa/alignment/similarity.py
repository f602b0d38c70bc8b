"""Cosine similarity between sentences of two sets of languages in one layer, and its ranks.

Ranks are decided exactly: matrix products run in float32, and every comparison that float32 cannot
settle is made again in float64. Identical vectors are recognised first, so their ties are ties.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xxhash

#: Float32 cosines of real vectors are wrong by some 1e-6; closer calls are settled in float64.
NEAR_TIE = 1e-5

#: Entries that are settled together: bounds the memory of their float64 copies.
_SETTLED_AT_ONCE = 512


@dataclass(frozen=True)
class Vectors:
    """Sentence vectors of several languages in one layer.

    Attributes
    ----------
    values
        float32 ``(language, sentence, unit)``.
    norms
        Euclidean norms, float64 ``(language, sentence)``; 1 where a vector is zero.
    groups
        Number of the first language x sentence with identical bytes, int64
        ``(language, sentence)``, so that equal numbers mean equal vectors within a set.
    present
        Whether the sentence exists in the language, bool ``(language, sentence)``.
    """

    values: np.ndarray
    norms: np.ndarray
    groups: np.ndarray
    present: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, present: np.ndarray) -> Vectors:
        """Measure norms and find identical vectors.

        Parameters
        ----------
        values
            ``(language, sentence, unit)``, any numeric dtype.
        present
            bool ``(language, sentence)``.
        """
        exact = np.sqrt(np.einsum("lsu,lsu->ls", values, values, dtype=np.float64))
        values = np.ascontiguousarray(values, dtype=np.float32)
        digests = [
            xxhash.xxh3_64_intdigest(memoryview(v).cast("B")) for lang in values for v in lang
        ]
        groups = np.array(digests, dtype=np.uint64).reshape(present.shape)
        return cls(values, np.where(exact == 0, 1.0, exact), groups, present)


@dataclass(frozen=True)
class Ranks:
    """Ranks of the true translations between two sets of languages.

    Attributes
    ----------
    forward
        Rank of each source sentence's translation among the sentences of the target language:
        1 + number of rivals at least as similar; 0 = the pair lacks the sentence. int32
        ``(source, target, sentence)``.
    backward
        The same from target to source, ``(source, target, sentence)``.
    similarity
        Cosines, float32 ``(source, target, source sentence, target sentence)``.
    settled
        Number of comparisons that float32 could not decide.
    """

    forward: np.ndarray
    backward: np.ndarray
    similarity: np.ndarray
    settled: int


def rank_translations(source: Vectors, target: Vectors) -> Ranks:
    """Rank the true translations between all pairs of two sets of languages.

    The cosine of sentences i and j is ``x_i . y_j / (|x_i| |y_j|)``; sentence i of one language is
    the translation of sentence i of the other.

    Parameters
    ----------
    source, target
        Vectors of the same sentences and units.
    """
    similarity = _cosines(source, target)
    diagonal = np.einsum("stii->sti", similarity)  # (source, target, sentence)
    present = source.present[:, None] & target.present[None]
    # rivals of a row are other sentences that the pair has
    n = similarity.shape[-1]
    rival = present[:, :, None, :] & present[:, :, :, None] & ~np.eye(n, dtype=bool)
    # equal vectors are equally similar, whatever rounding says
    equal_target = target.groups[:, :, None] == target.groups[:, None, :]  # (target, i, j)
    equal_source = source.groups[:, :, None] == source.groups[:, None, :]
    row_wins, row_settled = _at_least(
        similarity - diagonal[..., :, None], rival, equal_target[None], _forward(source, target)
    )
    column_wins, column_settled = _at_least(
        similarity - diagonal[..., None, :], rival, equal_source[:, None], _backward(source, target)
    )
    forward_rank = 1 + row_wins.sum(axis=3)
    backward_rank = 1 + column_wins.sum(axis=2)
    return Ranks(
        forward=np.where(present, forward_rank, 0).astype(np.int32),
        backward=np.where(present, backward_rank, 0).astype(np.int32),
        similarity=similarity,
        settled=row_settled + column_settled,
    )


def _cosines(source: Vectors, target: Vectors) -> np.ndarray:
    """All cosines in one matrix product, ``(source, target, sentence, sentence)``."""
    languages, n, units = source.values.shape
    flat = source.values.reshape(-1, units) @ target.values.reshape(-1, units).T
    flat /= source.norms.reshape(-1, 1).astype(np.float32)
    flat /= target.norms.reshape(1, -1).astype(np.float32)
    cosines: np.ndarray = flat.reshape(languages, n, -1, n).swapaxes(1, 2)
    return cosines


Entries = tuple[np.ndarray, ...]
Compare = Callable[[Entries], np.ndarray]


def _at_least(
    gap: np.ndarray, rival: np.ndarray, equal: np.ndarray, compare: Compare
) -> tuple[np.ndarray, int]:
    """Whether each rival is at least as similar as the true translation, decided exactly.

    Parameters
    ----------
    gap
        Cosine of the rival less that of the true translation, ``(source, target, i, j)``.
    rival
        Which entries are rivals, bool of the same shape.
    equal
        Which rivals have the very vector of the true translation, broadcast to that shape.
    compare
        Settles entries in float64.

    Returns
    -------
    tuple
        bool ``(source, target, i, j)``, and how many entries were settled in float64.
    """
    wins = ((gap >= 0) | equal) & rival
    near = np.nonzero((np.abs(gap) < NEAR_TIE) & rival & ~equal)
    for start in range(0, len(near[0]), _SETTLED_AT_ONCE):
        entries = tuple(index[start : start + _SETTLED_AT_ONCE] for index in near)
        wins[entries] = compare(entries)
    return wins, len(near[0])


def _forward(source: Vectors, target: Vectors) -> Compare:
    """Whether, for source sentence i, target sentence j is at least as similar as i."""

    def compare(entries: Entries) -> np.ndarray:
        s, t, i, j = entries
        return _closer(source.values[s, i], target, (t, j), (t, i))

    return compare


def _backward(source: Vectors, target: Vectors) -> Compare:
    """Whether, for target sentence j, source sentence i is at least as similar as j."""

    def compare(entries: Entries) -> np.ndarray:
        s, t, i, j = entries
        return _closer(target.values[t, j], source, (s, i), (s, j))

    return compare


def _closer(
    query: np.ndarray,
    others: Vectors,
    rival: tuple[np.ndarray, np.ndarray],
    true: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Whether the rivals' cosines with the queries are at least those of the true ones."""
    query = query.astype(np.float64)
    rival_cosine, true_cosine = (
        np.einsum("eu,eu->e", query, others.values[which].astype(np.float64)) / others.norms[which]
        for which in (rival, true)
    )
    return np.asarray(rival_cosine >= true_cosine)
