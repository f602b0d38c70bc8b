"""Tokens to sentences, on the device, inside the hooks.

Weights are integers and sums run in float32, so pooled activation states are exact integers as long
as the sum of a sentence's weights stays below 2^24.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
    scratch
        Memory that layers and batches share.
    """

    segments: tuple[tuple[int, int], ...]
    weights: torch.Tensor
    last: torch.Tensor
    totals: torch.Tensor
    scratch: dict[torch.dtype, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(
        cls, batch: Batch, device: str, scratch: dict[torch.dtype, torch.Tensor] | None = None
    ) -> Pooler:
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
        rows = torch.zeros((sentences + 2, batch.size), device=device)
        rows.scatter_(0, on_device(owner[None], device), on_device(weight[None], device))
        rows[sentences] = on_device(pooled, device)
        return cls(
            segments=segments,
            weights=rows[: sentences + 1],
            last=on_device(np.array(last), device),
            totals=on_device(totals, device),
            scratch={} if scratch is None else scratch,
        )

    def states(
        self, values: torch.Tensor, at: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Activation states: sums of weight * [a > 0], and the number of tokens with a > 0.

        Every partial sum is an integer below 2^24, so the sums are exact whatever their order.

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
        active = torch.gt(values, 0, out=self._scratch(values))
        return self._sums(active, at), self._weights(at)[-1] @ active

    def doubtful(
        self, values: torch.Tensor, epsilon: float, at: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Weight of the tokens whose state rounding may turn: abs(a) <= epsilon.

        Returns
        -------
        Tensor
            float32 ``(sentence, unit)``.
        """
        return self._sums((values.abs() <= epsilon).to(torch.float32), at)

    def mean(
        self, values: torch.Tensor, at: torch.Tensor | None = None, *, magnitude: bool = False
    ) -> torch.Tensor:
        """Weighted mean of each sentence, float32 ``(sentence, unit)``; or that of abs(a)."""
        if magnitude:
            values = torch.abs(values, out=self._scratch(values, values.dtype))
        return self._sums(values.to(torch.float32), at) / self.totals

    def _sums(self, values: torch.Tensor, at: torch.Tensor | None) -> torch.Tensor:
        """Weighted sum of each sentence, float32 ``(sentence, unit)``.

        On a CPU it is summed sentence by sentence, so that the order of the additions does not
        depend on where a sentence stands; on a GPU one matrix product saves thousands of launches.
        """
        if at is not None or values.device.type != "cpu":
            return self._weights(at)[:-1] @ values
        sums = values.new_empty((len(self.segments), values.shape[-1]))
        for number, (start, end) in enumerate(self.segments):
            torch.mv(values[start:end].T, self.weights[number, start:end], out=sums[number])
        return sums

    def _scratch(self, like: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Memory that every layer uses again: getting fresh pages costs more than the work."""
        kept = self.scratch.get(dtype)
        if kept is None or kept.numel() < like.numel():
            kept = self.scratch[dtype] = torch.empty(like.numel(), dtype=dtype, device=like.device)
        return kept[: like.numel()].view(like.shape)

    def at_last(self, values: torch.Tensor) -> torch.Tensor:
        """States of each sentence's last pooled token, float32 ``(sentence, unit)``."""
        return values[self.last].to(torch.float32)

    def _weights(self, at: torch.Tensor | None) -> torch.Tensor:
        return self.weights if at is None else self.weights[:, at]
