"""Cosine similarity between sentences of two sets of languages in one layer, and its ranks.

Ranks are decided exactly: matrix products run in float32, and every comparison that float32 cannot
settle is made again in float64. Identical vectors are recognised first, so their ties are ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xxhash

#: Float32 cosines of real vectors are wrong by some 1e-6; closer calls are settled in float64.
NEAR_TIE = 1e-5


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
    row_gap = similarity - diagonal[..., :, None]
    column_gap = similarity - diagonal[..., None, :]
    row_wins, column_wins = row_gap >= 0, column_gap >= 0
    settled = 0
    for gap, wins, forward in ((row_gap, row_wins, True), (column_gap, column_wins, False)):
        for s, t, i, j in np.argwhere((np.abs(gap) < NEAR_TIE) & rival):
            wins[s, t, i, j] = _at_least_as_similar(source, target, s, t, i, j, forward=forward)
            settled += 1
    forward_rank = 1 + (row_wins & rival).sum(axis=3)
    backward_rank = 1 + (column_wins & rival).sum(axis=2)
    return Ranks(
        forward=np.where(present, forward_rank, 0).astype(np.int32),
        backward=np.where(present, backward_rank, 0).astype(np.int32),
        similarity=similarity,
        settled=settled,
    )


def _cosines(source: Vectors, target: Vectors) -> np.ndarray:
    """All cosines in one matrix product, ``(source, target, sentence, sentence)``."""
    languages, n, units = source.values.shape
    flat = source.values.reshape(-1, units) @ target.values.reshape(-1, units).T
    flat /= source.norms.reshape(-1, 1).astype(np.float32)
    flat /= target.norms.reshape(1, -1).astype(np.float32)
    cosines: np.ndarray = flat.reshape(languages, n, -1, n).swapaxes(1, 2)
    return cosines


def _at_least_as_similar(
    source: Vectors, target: Vectors, s: int, t: int, i: int, j: int, *, forward: bool
) -> bool:
    """Whether the rival's cosine is at least that of the true translation, in float64.

    Forward, the rival of target sentence i is target sentence j, seen from source sentence i;
    backward, the rival of source sentence j is source sentence i, seen from target sentence j.
    """
    rivals, query = (target, source.values[s, i]) if forward else (source, target.values[t, j])
    language = t if forward else s
    true, rival = (i, j) if forward else (j, i)
    if rivals.groups[language, true] == rivals.groups[language, rival]:
        return True
    query = query.astype(np.float64)
    cosines = [
        query @ rivals.values[language, k].astype(np.float64) / rivals.norms[language, k]
        for k in (rival, true)
    ]
    return bool(cosines[0] >= cosines[1])
