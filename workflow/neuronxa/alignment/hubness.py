"""Retrieval corrected for hubs: sentences that are near to everything.

CSLS (Conneau et al. 2018): ``2 c_ij - r_i - r_j``, where r is the mean cosine of a sentence with
its k nearest sentences of the other language.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neuronxa.alignment.loops import TIE, cosine64
from neuronxa.alignment.vectors import Side

#: Nearest sentences that a sentence's density is the mean of.
NEIGHBOURS = 10

_compiled = njit(nogil=True, cache=True, error_model="numpy")


def csls(cosines: np.ndarray, source: Side, target: Side, near: float) -> np.ndarray:
    """Share of sentences that find their translation by CSLS.

    Parameters
    ----------
    cosines
        float32 ``(source, sentence, target, sentence)``.
    source, target
        The vectors.
    near
        Cosines closer than this are computed again in float64.

    Returns
    -------
    ndarray
        float64 ``(3, source, target)``: from source to target, back, and both; NaN without any
        sentence.
    """
    present = source.present[:, None] & target.present[None]
    forth = np.ascontiguousarray(cosines.swapaxes(1, 2))
    if not present.all():
        forth[~(present[..., None] & present[..., None, :])] = -np.inf
    back = np.ascontiguousarray(forth.swapaxes(2, 3))
    found = np.empty((3, *present.shape[:2]))
    density = np.stack([_densities(forth), _densities(back)])
    _count(forth, back, density, source, target, near, found)
    return found


def _densities(rows: np.ndarray) -> np.ndarray:
    """Mean of the largest values of each row, float64; -inf stands for what is not there."""
    k = min(NEIGHBOURS, rows.shape[-1])
    largest = np.partition(rows, rows.shape[-1] - k, axis=-1)[..., rows.shape[-1] - k :]
    there = np.isfinite(largest)
    sums = np.where(there, largest, 0).sum(axis=-1, dtype=np.float64)
    return np.asarray(sums / np.maximum(there.sum(axis=-1), 1))


@_compiled
def _count(
    forth: Any, back: Any, density: Any, source: Side, target: Side, near: float, found: Any
) -> None:
    """Count the hits of every pair."""
    for s in range(forth.shape[0]):
        for t in range(forth.shape[1]):
            shared = np.flatnonzero(source.present[s] & target.present[t])
            hits = np.zeros(3)
            for i in shared:
                both = True
                for way in range(2):
                    row = forth[s, t, i] if way == 0 else back[s, t, i]
                    order = _order(row, density[1 - way, s, t], i, 2 * near)
                    searched = target.groups[t] if way == 0 else source.groups[s]
                    if order == 0 and _has_equal(searched, shared, i):
                        # the very vector of the translation: a tie, whatever the rest
                        order = 1
                    if order == 0:
                        # rivals that are not close to the best one cannot change the order
                        value = 2 * row - density[1 - way, s, t]
                        close = np.flatnonzero(value >= value[i] - 4 * near)
                        order = _settle(source, s, target, t, shared, way, i, close)
                    hits[way] += order < 0
                    both &= order < 0
                hits[2] += both
            for way in range(3):
                found[way, s, t] = hits[way] / shared.size if shared.size else np.nan


@_compiled
def _has_equal(groups: Any, shared: Any, own: Any) -> bool:
    """Whether another sentence has the very vector of one."""
    for j in shared:  # noqa: SIM110, numba compiles no generators
        if j != own and groups[j] == groups[own]:
            return True
    return False


@_compiled
def _order(row: Any, density: Any, own: Any, near: float) -> int:
    """1 if a rival is closer than the translation, 0 if one is about as close, else -1."""
    matched = 2 * np.float64(row[own]) - density[own]
    best = -np.inf
    for j in range(row.size):
        value = 2 * np.float64(row[j]) - density[j]
        if value > best and j != own:
            best = value
    if best > matched + near:
        return 1
    return 0 if best >= matched - near else -1


@_compiled
def _settle(
    source: Side, s: int, target: Side, t: int, shared: Any, way: int, own: Any, close: Any
) -> int:
    """The same in float64, from the vectors; what cannot be told apart counts as closer."""
    m = shared.size
    row = np.empty(m)
    matched = best = -np.inf
    for j in close:
        # density of the candidate, among the sentences of the language that seeks
        cosine = 0.0
        for place in range(m):
            if way == 0:
                row[place] = cosine64(source, s, shared[place], target, t, j)
            else:
                row[place] = cosine64(source, s, j, target, t, shared[place])
            if shared[place] == own:
                cosine = row[place]
        row.sort()
        value = 2 * cosine - row[max(0, m - NEIGHBOURS) :].mean()
        if j == own:
            matched = value
        elif value > best:
            best = value
    return -1 if best < matched - 2 * TIE else 1
