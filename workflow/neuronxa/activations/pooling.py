"""Tokens to sentences, on the device, inside the hooks.

Weights are integers and sums run in float32, so pooled activation states are exact integers as long
as the sum of a sentence's weights stays below 2^24.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from neuronxa.activations.batches import Batch, on_device

_EXACT = 2**24


@dataclass(frozen=True)
class Pooler:
    """Pools the states of one batch.

    Attributes
    ----------
    segments
        Start and end of each sentence among the tokens.
    weights
        Integer weight of each token for each sentence, and in one more row whether a token is
        pooled at all, float32 ``(sentence + 1, token)``.
    last
        Position of each sentence's last pooled token, int64 ``(sentence,)``.
    totals
        Sum of the weights of each sentence, float32 ``(sentence, 1)``.
    """

    segments: tuple[tuple[int, int], ...]
    weights: torch.Tensor
    last: torch.Tensor
    totals: torch.Tensor

    @classmethod
    def of(cls, batch: Batch, device: str) -> Pooler:
        """The pooler of a batch, on the device of the model."""
        segments, sentences = batch.segments, len(batch.tokens)
        # padding goes to a row of its own, which is dropped
        owner = np.full(batch.size, sentences + 1, dtype=np.int64)
        weight, pooled = np.zeros((2, batch.size), dtype=np.float32)
        for number, ((start, end), tokens) in enumerate(zip(segments, batch.tokens, strict=True)):
            owner[start:end] = number
            weight[start:end], pooled[start:end] = tokens.weights, tokens.pooled
        totals = np.array([[t.weights.sum()] for t in batch.tokens], dtype=np.float32)
        if totals.max() >= _EXACT:
            raise ValueError("a sentence is too long for exact sums in float32")
        last = [start + t.last for (start, _), t in zip(segments, batch.tokens, strict=True)]
        rows = on_device(np.zeros((sentences + 2, batch.size), dtype=np.float32), device)
        rows.scatter_(0, on_device(owner[None], device), on_device(weight[None], device))
        rows[sentences] = on_device(pooled, device)
        return cls(
            segments=segments,
            weights=rows[: sentences + 1],
            last=on_device(np.array(last), device),
            totals=on_device(totals, device),
        )

    def states(
        self, values: torch.Tensor, at: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Activation states: sums of weight * [a > 0], and the number of tokens with a > 0.

        Every partial sum is an integer below 2^24, so one matrix product over the whole batch is
        exact whatever its order.

        Parameters
        ----------
        values
            Activations ``(token, unit)``.
        at
            Which tokens these are, int64 ``(token,)``; None = all of the batch in order.

        Returns
        -------
        tuple of Tensor
            Sums, float32 ``(sentence, unit)``, and numbers of tokens, float32 ``(unit,)``.
        """
        sums = self._weights(at) @ (values > 0).to(torch.float32)
        return sums[:-1], sums[-1]

    def doubtful(
        self, values: torch.Tensor, epsilon: float, at: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Weight of the tokens whose state rounding may turn: abs(a) <= epsilon.

        Returns
        -------
        Tensor
            float32 ``(sentence, unit)``.
        """
        sums: torch.Tensor = self._weights(at) @ (values.abs() <= epsilon).to(torch.float32)
        return sums[:-1]

    def mean(self, values: torch.Tensor, at: torch.Tensor | None = None) -> torch.Tensor:
        """Weighted mean of each sentence, float32 ``(sentence, unit)``.

        On a CPU it is summed sentence by sentence, so that the order of the additions does not
        depend on where a sentence stands; on a GPU one matrix product saves thousands of launches.
        """
        if at is not None or values.device.type != "cpu":
            return (self._weights(at)[:-1] @ values) / self.totals
        sums = [
            self.weights[number, start:end] @ values[start:end]
            for number, (start, end) in enumerate(self.segments)
        ]
        return torch.stack(sums) / self.totals

    def at_last(self, values: torch.Tensor) -> torch.Tensor:
        """States of each sentence's last pooled token, float32 ``(sentence, unit)``."""
        return values[self.last].to(torch.float32)

    def _weights(self, at: torch.Tensor | None) -> torch.Tensor:
        return self.weights if at is None else self.weights[:, at]
