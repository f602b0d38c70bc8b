"""How sure a score over layers is: sentences drawn again, at a pool that stays as it is.

The hits of each sentence are resampled, not the pool of its rivals: a sentence that is drawn twice
into a pool ties with itself, and every tie is a miss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from neuronxa.errors import StatisticsError

Vector = NDArray[np.float64]
Interval = tuple[float, float]

DRAWS: Final = 1000
"""Draws of one interval; the bounds of a 95% interval then rest on 25 draws at each end."""


def resampled(
    values: Vector,
    groups: Mapping[str, Sequence[int]] | None = None,
    *,
    confidence: float,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Interval]:
    """Compute bootstrap percentile intervals of scores over layers.

    With sentences drawn with replacement, the score of a layer is the weighted mean of its column;
    its mean and its maximum over layers are taken in every draw, and the interval lies between the
    quantiles ``(1 - confidence) / 2`` and ``(1 + confidence) / 2`` of the draws (Efron 1979,
    *Annals of Statistics* 7, 1-26). One draw gives all layers the same sentences, so what layers
    share is in the interval. The maximum of a draw picks its own layer, which makes its interval
    lie high, as the maximum itself does.

    Parameters
    ----------
    values
        Value of each sentence in each layer, shape (sentence, layer): 0 or 1 for hits, any number
        for other measures. Sentences with a NaN in any layer are left out.
    groups
        Name of a group to the indices of its layers; their mean gets an interval too.
    confidence
        Coverage of the intervals.
    draws
        Number of draws.
    seed
        Seed of the draws, which are the same for all arrays with the same number of sentences.

    Returns
    -------
    dict
        Low and high bound of ``mean`` and ``max`` over layers and of every group. NaN below two
        sentences. Where all sentences agree both bounds are the value: the bootstrap cannot know
        of hits that were not seen, Wilson's interval can.

    Raises
    ------
    StatisticsError
        A group has no layer, or the name ``mean`` or ``max``.
    """
    groups = groups or {}
    for name, layers in groups.items():
        if name in ("mean", "max") or len(layers) == 0:
            raise StatisticsError(
                f"the group of layers '{name}' has no layer or no name of its own",
                remedy="name at least one layer, and call the group neither 'mean' nor 'max'",
            )
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values).any(axis=1)]
    names = ["mean", "max", *groups]
    n = len(values)
    if n < 2:
        return dict.fromkeys(names, (np.nan, np.nan))
    means = _weights(n, draws, seed) @ values  # (draw, layer)
    scores = [means.mean(axis=1), means.max(axis=1)]
    scores += [means[:, list(layers)].mean(axis=1) for layers in groups.values()]
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.stack(scores), [tail, 1 - tail], axis=1)
    return dict(zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True))


@lru_cache(maxsize=16)
def _weights(n: int, draws: int, seed: int) -> Vector:
    """How often each sentence is drawn, as a share of n, float64 ``(draw, sentence)``."""
    rng = np.random.default_rng([seed, n])
    weights = rng.multinomial(n, np.full(n, 1 / n), size=draws) / n
    weights.setflags(write=False)
    return weights
