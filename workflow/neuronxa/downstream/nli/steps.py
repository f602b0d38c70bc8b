"""What each step of training sees: decided beforehand, from the seed and the lengths alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Batches whose pairs are sorted by length together: little padding, and still a random order.
SORTED_TOGETHER = 50


def plan_steps(
    lengths: Sequence[int], *, epochs: int, batch_size: int, seed: int
) -> list[list[int]]:
    """Pairs of every step of every epoch, as indices.

    In each epoch the pairs are shuffled, sorted by length within groups of `SORTED_TOGETHER`
    batches, cut into batches, and the batches are shuffled. A resumed run skips steps; nothing
    depends on where it stopped.

    Parameters
    ----------
    lengths
        Number of tokens of each pair.
    epochs, batch_size, seed
        Passes over the pairs, pairs of one step, and seed of the order.
    """
    rng = np.random.default_rng(seed)
    steps: list[list[int]] = []
    for _ in range(epochs):
        order = rng.permutation(len(lengths))
        span = SORTED_TOGETHER * batch_size
        groups = [order[start : start + span] for start in range(0, len(order), span)]
        batches = []
        for group in groups:
            by_length = group[np.argsort([-lengths[i] for i in group], kind="stable")]
            batches += [
                by_length[start : start + batch_size].tolist()
                for start in range(0, len(by_length), batch_size)
            ]
        steps += [batches[i] for i in rng.permutation(len(batches))]
    return steps
