"""Who beats a true translation, as bits, and the hits of any subset of the sentences.

Compiled by Numba: a large run asks for them some ten million times.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bits = NDArray[np.uint64]
Positions = NDArray[np.int64]


@njit(nogil=True, cache=True)
def beaten_by(similarity: NDArray[np.float32], rank: Positions) -> Bits:
    """Find the rivals that are at least as similar as the true translation.

    Where the similarities, rounded to float32, disagree with the exact rank, as they do for equal
    sentences, the rank is right: the most similar rivals are taken, as many as it says.

    Parameters
    ----------
    similarity
        Square, true translations on the diagonal; a row is a query.
    rank
        Exact rank of each row's translation, 1 + number of such rivals; 0 = missing.

    Returns
    -------
    ndarray
        A row of bits per query: bit j % 64 of word j // 64 stands for rival j.
    """
    n = rank.size
    words = (n + 63) // 64
    bits = np.zeros((n, words), dtype=np.uint64)
    one = np.uint64(1)
    there = np.zeros(words, dtype=np.uint64)
    for j in range(n):
        if rank[j] > 0:
            there[j // 64] |= one << np.uint64(j % 64)
    for i in range(n):
        if rank[i] == 0:
            continue
        true = similarity[i, i]
        found = 0
        for word in range(words):
            winners = np.uint64(0)
            for j in range(64 * word, min(n, 64 * word + 64)):
                winners |= np.uint64(similarity[i, j] >= true) << np.uint64(j % 64)
            winners &= there[word]
            if word == i // 64:
                winners &= ~(one << np.uint64(i % 64))
            bits[i, word] = winners
            while winners:
                winners &= winners - one
                found += 1
        if found != rank[i] - 1:
            bits[i, :] = np.uint64(0)
            values = np.full(n, -np.inf, dtype=np.float32)
            for j in range(n):
                if j != i and rank[j] > 0:
                    values[j] = similarity[i, j]
            for j in np.argsort(-values)[: rank[i] - 1]:
                bits[i, j // 64] |= one << np.uint64(j % 64)
    return bits


@njit(nogil=True, cache=True)
def true_hits(by_row: Bits, by_column: Bits, members: Positions, counts: Positions) -> None:
    """Add the hits of subsets: in both directions, by row, and by column.

    Parameters
    ----------
    by_row, by_column
        What `beaten_by` gives for the similarities and for their transpose.
    members
        Positions of the sentences of each subset, ``(subset, n)``.
    counts
        Counts ``(subset, 3)`` that the hits are added to.
    """
    words = by_row.shape[1]
    one = np.uint64(1)
    for s in range(members.shape[0]):
        mask = np.zeros(words, dtype=np.uint64)
        for i in members[s]:
            mask[i // 64] |= one << np.uint64(i % 64)
        for i in members[s]:
            row = column = True
            for word in range(words):
                row = row and (by_row[i, word] & mask[word]) == 0
                column = column and (by_column[i, word] & mask[word]) == 0
            counts[s, 0] += row and column
            counts[s, 1] += row
            counts[s, 2] += column


@njit(nogil=True, cache=True)
def shuffled_hits(
    similarity: NDArray[np.float32],
    transposed: NDArray[np.float32],
    members: Positions,
    partners: Positions,
    counts: Positions,
) -> None:
    """Add the hits of subsets whose translations are re-paired: both, by row, by column.

    There are no exact ranks of such pairs: equal similarities are ties where float32 has them so.

    Parameters
    ----------
    similarity
        Square; a row is a sentence of the pivot.
    transposed
        The same with columns as rows, each in one piece of memory.
    members
        Positions of the sentences of each subset, ``(subset, n)``.
    partners
        Place among the members of the column that each member is paired with.
    counts
        Counts ``(subset, 3)`` that the hits are added to.
    """
    for s in range(partners.shape[0]):
        for place in range(partners.shape[1]):
            i, j = members[s, place], members[s, partners[s, place]]
            true = similarity[i, j]
            row = column = True
            for rival in members[s]:
                if rival != j and similarity[i, rival] >= true:
                    row = False
                    break
            for rival in members[s]:
                if rival != i and transposed[j, rival] >= true:
                    column = False
                    break
            counts[s, 0] += row and column
            counts[s, 1] += row
            counts[s, 2] += column
