"""Tokens to sentences, on the device, inside the hooks.

Weights are integers and sums run in float32, so pooled activation states are exact integers as long
as the sum of a sentence's weights stays below 2^24.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from neuronxa.activations.packing import Pack

_EXACT = 2**24


@dataclass(frozen=True)
class Pooler:
    """Pools the states of one pack.

    Attributes
    ----------
    segments
        Start and end of each sentence in the row.
    weights
        Integer weights of all tokens of the row, float32 ``(token,)``.
    counts
        Two rows per sentence, weights and pooled tokens, float32 ``(2 * sentence, token)``.
    last
        Position in the row of each sentence's last pooled token, int64 ``(sentence,)``.
    totals
        Sum of the weights of each sentence, float32 ``(sentence, 1)``.
    """

    segments: tuple[tuple[int, int], ...]
    weights: torch.Tensor
    counts: torch.Tensor
    last: torch.Tensor
    totals: torch.Tensor

    @classmethod
    def of(cls, pack: Pack, device: str) -> Pooler:
        """The pooler of a pack, on the device of the model."""
        segments = pack.segments
        length = segments[-1][1] + pack.filler
        weights = np.zeros(length, dtype=np.float32)
        counts = np.zeros((2 * len(segments), length), dtype=np.float32)
        for row, ((start, end), tokens) in enumerate(zip(segments, pack.tokens, strict=True)):
            weights[start:end] = tokens.weights
            counts[2 * row, start:end] = tokens.weights
            counts[2 * row + 1, start:end] = tokens.pooled
        totals = np.array([t.weights.sum() for t in pack.tokens], dtype=np.float32)
        if totals.max() >= _EXACT:
            raise ValueError("a sentence is too long for exact sums in float32")
        last = np.array([s + t.last for (s, _), t in zip(segments, pack.tokens, strict=True)])
        return cls(
            segments=segments,
            weights=torch.from_numpy(weights).to(device),
            counts=torch.from_numpy(counts).to(device),
            last=torch.from_numpy(last).to(device),
            totals=torch.from_numpy(totals)[:, None].to(device),
        )

    def states(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Activation states: sums of weight * [a > 0], and numbers of tokens with a > 0.

        Every partial sum is an integer below 2^24, so one matrix product over the whole row is
        exact whatever its order.

        Parameters
        ----------
        values
            Activations ``(token, unit)``.

        Returns
        -------
        tuple of Tensor
            Two of float32 ``(sentence, unit)``.
        """
        sums = self.counts @ (values > 0).to(torch.float32)
        return sums[0::2], sums[1::2]

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Weighted mean of each sentence, float32 ``(sentence, unit)``.

        Summed sentence by sentence: the order of the additions must not depend on where in the
        row a sentence stands.
        """
        sums = torch.stack(
            [self.weights[start:end] @ values[start:end] for start, end in self.segments]
        )
        return sums / self.totals

    def at_last(self, values: torch.Tensor) -> torch.Tensor:
        """States of each sentence's last pooled token, float32 ``(sentence, unit)``."""
        return values[self.last].to(torch.float32)
