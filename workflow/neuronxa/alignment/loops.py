"""Compiled loops over the cosines of two blocks of languages.

NumPy would make a dozen passes over each matrix of cosines; here each is read once or twice while
it is in the cache. A comparison that float32 cannot settle is made again in float64 on the spot,
and one that float64 cannot settle is handed back (`neuronxa.alignment.exact`).

``cosines`` is float32 ``(source, sentence, target, sentence)`` everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neuronxa.alignment.vectors import Side

#: Cosines that differ by less in float64 are as good as equal there.
TIE = 1e-12

#: A spread of cosines below this is rounding of float32.
NO_SPREAD = 1e-6

_compiled = njit(nogil=True, cache=True, error_model="numpy")


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _dot(x: Any, y: Any, x_weight: Any, y_weight: Any, x_centre: Any, y_centre: Any) -> Any:
    """Inner product in float64; over the weights and less the centres where there are any."""
    total = 0.0
    if x_centre.size == 0:
        for u in range(x.size):
            total += np.float64(x[u]) * np.float64(y[u])
    else:
        for u in range(x.size):
            total += (x[u] / x_weight - x_centre[u]) * (y[u] / y_weight - y_centre[u])
    return total


@_compiled
def cosine64(source: Side, s: int, i: int, target: Side, t: int, j: int) -> Any:
    """Cosine of one sentence with another in float64."""
    product = _dot(
        source.values[s, i],
        target.values[t, j],
        source.weights[s, i],
        target.weights[t, j],
        source.centre[s],
        target.centre[t],
    )
    return product / (source.norms[s, i] * target.norms[t, j])


@_compiled
def scale(cosines: Any, source: Side, target: Side) -> None:
    """Divide inner products by both norms, in place."""
    for s in range(cosines.shape[0]):
        for i in range(cosines.shape[1]):
            own = np.float32(1 / source.norms[s, i])
            for t in range(cosines.shape[2]):
                for j in range(cosines.shape[3]):
                    cosines[s, i, t, j] *= own * np.float32(1 / target.norms[t, j])


@_compiled
def rank(
    cosines: Any, source: Side, target: Side, near: float, found: Any, counts: Any, unsure: Any
) -> int:
    """Rank the true translations in both directions.

    Parameters
    ----------
    found
        int32 ``(2, source, target, sentence)``, filled: ranks from source to target and back.
    counts
        int64 ``(2, source, target)``, filled: rivals exactly as similar as the translation, and
        comparisons that float32 could not settle.
    unsure
        int32 ``(capacity, 5)``, filled: direction, source, target, query, rival of comparisons that
        float64 cannot settle, which are not counted in the ranks.

    Returns
    -------
    int
        Number of the last; where it is above the capacity, call again with room for all.
    """
    missing = 0
    n = cosines.shape[1]
    both = np.empty(n, np.bool_)
    exact = np.empty(n)
    for s in range(cosines.shape[0]):
        for t in range(cosines.shape[2]):
            ties, settled = 0, 0
            for i in range(n):
                both[i] = source.present[s, i] and target.present[t, i]
                exact[i] = np.nan
                found[0, s, t, i] = found[1, s, t, i] = 1 if both[i] else 0
            for i in range(n):
                if not both[i]:
                    continue
                for j in range(n):
                    if j == i or not both[j]:
                        continue
                    for direction in range(2):
                        # i seeks its translation and j is the rival; or j seeks and i is
                        query = i if direction == 0 else j
                        gap = cosines[s, i, t, j] - cosines[s, query, t, query]
                        if gap < -near:
                            continue
                        if gap > near:
                            found[direction, s, t, query] += 1
                            continue
                        if direction == 0:
                            equal = target.groups[t, i] == target.groups[t, j]
                            equal |= source.zero[s, i]
                        else:
                            equal = source.groups[s, i] == source.groups[s, j]
                            equal |= target.zero[t, j]
                        if equal:
                            found[direction, s, t, query] += 1
                            ties += 1
                            continue
                        settled += 1
                        if np.isnan(exact[query]):
                            exact[query] = cosine64(source, s, query, target, t, query)
                        closer = cosine64(source, s, i, target, t, j) - exact[query]
                        if closer > TIE:
                            found[direction, s, t, query] += 1
                        elif closer >= -TIE:
                            if missing < unsure.shape[0]:
                                unsure[missing, 0] = direction
                                unsure[missing, 1] = s
                                unsure[missing, 2] = t
                                unsure[missing, 3] = query
                                unsure[missing, 4] = j if direction == 0 else i
                            missing += 1
            counts[0, s, t] = ties
            counts[1, s, t] = settled
    return missing


@_compiled
def spread(cosines: Any, source: Side, target: Side, found: Any) -> None:
    """Matched cosines against all others.

    Parameters
    ----------
    found
        float64 ``(4, source, target)``, filled: mean matched cosine, that less the mean of the
        others, and d-prime from source to target and back; NaN where not defined.
    """
    n = cosines.shape[1]
    both = np.empty(n, np.bool_)
    sums = np.empty((4, n))
    for s in range(cosines.shape[0]):
        for t in range(cosines.shape[2]):
            count = 0
            matched = others = 0.0
            for i in range(n):
                both[i] = source.present[s, i] and target.present[t, i]
                if both[i]:
                    count += 1
                    matched += cosines[s, i, t, i]
            sums[:] = 0
            for i in range(n):
                if not both[i]:
                    continue
                for j in range(n):
                    if j == i or not both[j]:
                        continue
                    value = np.float64(cosines[s, i, t, j])
                    others += value
                    # about the matched cosine, so that squares do not cancel
                    forth = value - cosines[s, i, t, i]
                    back = value - cosines[s, j, t, j]
                    sums[0, i] += forth
                    sums[1, i] += forth * forth
                    sums[2, j] += back
                    sums[3, j] += back * back
            for which in range(4):
                found[which, s, t] = np.nan
            if count > 0:
                found[0, s, t] = matched / count
            if count < 2:
                continue
            rivals = count - 1
            found[1, s, t] = matched / count - others / (count * rivals)
            for way in range(2):
                total, defined = 0.0, 0
                for i in range(n):
                    mean = sums[2 * way, i] / rivals
                    deviation = np.sqrt(max(0.0, sums[2 * way + 1, i] / rivals - mean * mean))
                    if both[i] and deviation > NO_SPREAD:
                        total -= mean / deviation
                        defined += 1
                if defined > 0:
                    found[2 + way, s, t] = total / defined


@_compiled
def strong(
    cosines: Any, source: Side, target: Side, within: Any, ranks: Any, near: float, found: Any
) -> None:
    """Share of sentences closer to their translation than to any sentence of either language.

    Parameters
    ----------
    within
        Cosines within the languages of the source and of the target, each float32
        ``(language, sentence, sentence)``.
    ranks
        What :func:`rank` found.
    found
        float64 ``(source, target)``, filled.
    """
    n = cosines.shape[1]
    for s in range(cosines.shape[0]):
        for t in range(cosines.shape[2]):
            hits = count = 0
            for i in range(n):
                if ranks[0, s, t, i] == 0:
                    continue
                count += 1
                if ranks[0, s, t, i] > 1 or ranks[1, s, t, i] > 1:
                    continue
                matched = cosines[s, i, t, i]
                hit = True
                for j in range(n):
                    if j == i or ranks[0, s, t, j] == 0:
                        continue
                    for side in range(2):
                        own = within[0][s, i, j] if side == 0 else within[1][t, i, j]
                        if own < matched - near:
                            continue
                        if own <= matched + near:
                            if side == 0:
                                rival = cosine64(source, s, i, source, s, j)
                            else:
                                rival = cosine64(target, t, i, target, t, j)
                            if rival < cosine64(source, s, i, target, t, i) - TIE:
                                continue
                        hit = False
                    if not hit:
                        break
                hits += hit
            found[s, t] = hits / count if count > 0 else np.nan
