"""Tokens to sentences, on the device, inside the hooks.

Weights are integers and sums run in float32, so pooled activation states are exact integers as long
as the sum of a sentence's weights stays below 2^24.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from neuronxa.activations import kernels
from neuronxa.activations.batches import Batch, on_device

_EXACT = 2**24


@dataclass(frozen=True)
class Pooler:
    """Pools the states of one batch.

    Attributes
    ----------
    segments
        Start and end of each sentence among the tokens.
    token_weights
        Integer weight of each token, and whether it is pooled at all, float32 ``(2, token)``.
    bounds
        `segments` on the device, int32 ``(2, sentence)``.
    last
        Position of each sentence's last pooled token, int64 ``(sentence,)``.
    totals
        Sum of the weights of each sentence, float32 ``(sentence, 1)``.
    scratch
        Memory that layers and batches share.
    """

    segments: tuple[tuple[int, int], ...]
    token_weights: torch.Tensor
    bounds: torch.Tensor
    last: torch.Tensor
    totals: torch.Tensor
    scratch: dict[torch.dtype, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(
        cls, batch: Batch, device: str, scratch: dict[torch.dtype, torch.Tensor] | None = None
    ) -> Pooler:
        """The pooler of a batch, on the device of the model."""
        segments = batch.segments
        token_weights = np.zeros((2, batch.size), dtype=np.float32)  # padding weighs nothing
        for (start, end), tokens in zip(segments, batch.tokens, strict=True):
            token_weights[:, start:end] = tokens.weights, tokens.pooled
        totals = np.array([[t.weights.sum()] for t in batch.tokens], dtype=np.float32)
        if totals.max() >= _EXACT:
            raise ValueError("a sentence is too long for exact sums in float32")
        last = [start + t.last for (start, _), t in zip(segments, batch.tokens, strict=True)]
        return cls(
            segments=segments,
            token_weights=on_device(token_weights, device),
            bounds=on_device(np.array(segments, dtype=np.int32).T.copy(), device),
            last=on_device(np.array(last), device),
            totals=on_device(totals, device),
            scratch={} if scratch is None else scratch,
        )

    @cached_property
    def weights(self) -> torch.Tensor:
        """Weight of each token for each sentence, float32 ``(sentence, token)``."""
        weight = self.token_weights[0]
        start, end = self.bounds[:, :, None]
        token = torch.arange(len(weight), device=weight.device)
        return torch.where((token >= start) & (token < end), weight, 0)

    def site(
        self,
        values: torch.Tensor,
        at: torch.Tensor | None = None,
        *,
        sums: torch.Tensor,
        mean: torch.Tensor,
        active: torch.Tensor,
    ) -> None:
        """Pool a layer's neurons into arrays of the caller.

        Every partial sum of states is an integer below 2^24, so they are exact whatever their
        order.

        Parameters
        ----------
        values
            Activations ``(token, unit)``.
        at
            Which tokens these are, int64 ``(token,)``; None = all of the batch in order.
        sums
            Activation states, sums of weight * [a > 0], ``(sentence, unit)``.
        mean
            Activation values, weighted means of abs(a), ``(sentence, unit)``.
        active
            Numbers of tokens with a > 0, ``(unit,)``.
        """
        if at is None and kernels.fits(values):
            kernels.pool_site(
                values, self.token_weights, self.bounds, sums=sums, mean=mean, active=active
            )
            return
        above = torch.gt(values, 0, out=self._scratch(values))
        sums.copy_(self._sums(above, at))
        pooled = self.token_weights[1]
        active.copy_((pooled if at is None else pooled[at]) @ above)
        magnitude = torch.abs(values, out=self._scratch(values, values.dtype))
        mean.copy_(self._sums(magnitude.to(torch.float32), at) / self.totals)

    def hidden(self, values: torch.Tensor, *, mean: torch.Tensor, at_last: torch.Tensor) -> None:
        """Pool hidden states ``(token, unit)`` into arrays ``(sentence, unit)`` of the caller.

        Parameters
        ----------
        values
            Hidden states of all tokens of the batch.
        mean
            Weighted mean of each sentence.
        at_last
            States of each sentence's last pooled token.
        """
        if kernels.fits(values):
            kernels.pool_hidden(
                values, self.token_weights, self.bounds, self.last, mean=mean, at_last=at_last
            )
            return
        mean.copy_(self._sums(values.to(torch.float32), None) / self.totals)
        at_last.copy_(values[self.last])

    def doubtful(
        self, values: torch.Tensor, epsilon: torch.Tensor, at: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Weight of the tokens whose state rounding may turn: abs(a) <= epsilon.

        Returns
        -------
        Tensor
            float32 ``(sentence, unit)``.
        """
        return self._sums((values.abs() <= epsilon).to(torch.float32), at)

    def _sums(self, values: torch.Tensor, at: torch.Tensor | None) -> torch.Tensor:
        """Weighted sum of each sentence, float32 ``(sentence, unit)``.

        On a CPU it is summed sentence by sentence, so that the order of the additions does not
        depend on where a sentence stands; elsewhere one matrix product saves thousands of launches.
        """
        if at is not None or values.device.type != "cpu":
            return (self.weights if at is None else self.weights[:, at]) @ values
        sums = values.new_empty((len(self.segments), values.shape[-1]))
        for number, (start, end) in enumerate(self.segments):
            weight = self.token_weights[0, start:end]
            torch.mv(values[start:end].T, weight, out=sums[number])
        return sums

    def _scratch(self, like: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Memory that every layer uses again: getting fresh pages costs more than the work."""
        kept = self.scratch.get(dtype)
        if kept is None or kept.numel() < like.numel():
            kept = self.scratch[dtype] = torch.empty(like.numel(), dtype=dtype, device=like.device)
        return kept[: like.numel()].view(like.shape)
