"""Many sentences in one row, each attending to itself alone.

A pack holds whole sentences one after another. Positions restart with each sentence and attention
runs sentence by sentence, so there is no padding, no mask, and a sentence gets the same numbers
alone and in any company.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from neuronxa.activations.tokens import Tokens

ATTENTION = "neuronxa_packed"

#: Matrix products with fewer rows take other kernels, whose rounding differs: shorter packs are
#: filled up with a sentence of padding that nothing looks at.
MIN_PACK_TOKENS = 32


@dataclass(frozen=True)
class Pack:
    """Sentences of one forward pass.

    Attributes
    ----------
    items
        What the caller needs to find each sentence again, in order.
    tokens
        The sentences.
    filler
        Number of tokens that fill a short pack.
    """

    items: tuple[tuple[int, int], ...]
    tokens: tuple[Tokens, ...]
    filler: int

    @property
    def segments(self) -> tuple[tuple[int, int], ...]:
        """Start and end of each sentence in the row."""
        ends = np.cumsum([len(t.ids) for t in self.tokens])
        return tuple((int(e) - len(t.ids), int(e)) for e, t in zip(ends, self.tokens, strict=True))

    @property
    def attended(self) -> tuple[tuple[int, int], ...]:
        """Segments of the row that attention runs over: the sentences and the filler."""
        segments = self.segments
        end = segments[-1][1]
        return (*segments, (end, end + self.filler)) if self.filler else segments

    def inputs(self, device: str) -> dict[str, torch.Tensor]:
        """Token ids and positions, both int64 ``(1, token)``."""
        pad = np.zeros(self.filler, dtype=np.int64)
        ids = np.concatenate([*(t.ids for t in self.tokens), pad])
        positions = np.concatenate([np.arange(end - start) for start, end in self.attended])
        return {
            "input_ids": torch.from_numpy(ids)[None].to(device),
            "position_ids": torch.from_numpy(positions)[None].to(device),
        }


def plan_packs(
    sentences: Iterable[tuple[tuple[int, int], Tokens]], *, token_budget: int
) -> list[Pack]:
    """Fill packs with sentences in the given order, up to a budget of tokens.

    Parameters
    ----------
    sentences
        (item, tokens) in the order in which they are to be finished.
    token_budget
        Largest number of tokens of a pack; a longer sentence gets a pack of its own.
    """
    packs: list[Pack] = []
    items: list[tuple[int, int]] = []
    tokens: list[Tokens] = []
    filled = 0
    for item, sentence in sentences:
        if items and filled + len(sentence.ids) > token_budget:
            packs.append(_pack(items, tokens, filled))
            items, tokens, filled = [], [], 0
        items.append(item)
        tokens.append(sentence)
        filled += len(sentence.ids)
    if items:
        packs.append(_pack(items, tokens, filled))
    return packs


def _pack(items: Sequence[tuple[int, int]], tokens: Sequence[Tokens], filled: int) -> Pack:
    return Pack(tuple(items), tuple(tokens), max(0, MIN_PACK_TOKENS - filled))


def packed_attention(
    module: Any,
    query: torch.Tensor,  # (1, head, token, dim)
    key: torch.Tensor,  # (1, key head, token, dim)
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segments: tuple[tuple[int, int], ...],
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention inside each segment, for the attention registry of transformers.

    Honours grouped queries, the scaling, sliding windows and soft caps.

    Returns
    -------
    tuple
        Output ``(1, token, head, dim)`` and no weights.
    """
    groups = query.shape[1] // key.shape[1]
    output = torch.empty_like(query)
    for start, end in segments:
        q, k, v = (states[:, :, start:end] for states in (query, key, value))
        if groups > 1:
            k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
        if softcap is not None:
            output[:, :, start:end] = _soft_capped(q, k, v, scaling, softcap, sliding_window)
        elif sliding_window is not None and end - start > sliding_window:
            mask = _banded(end - start, sliding_window, q.device)
            output[:, :, start:end] = scaled_dot_product_attention(
                q, k, v, attn_mask=mask, scale=scaling
            )
        else:
            output[:, :, start:end] = scaled_dot_product_attention(
                q, k, v, is_causal=True, scale=scaling
            )
    return output.transpose(1, 2).contiguous(), None


def register() -> None:
    """Make the packed attention known to transformers under the name `ATTENTION`."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(ATTENTION, packed_attention)
    AttentionMaskInterface.register(ATTENTION, _no_mask)


def _no_mask(*_: Any, **__: Any) -> None:
    """Segments are separated by the attention itself."""


def _banded(length: int, window: int, device: torch.device) -> torch.Tensor:
    """Causal mask in which a token sees itself and the `window - 1` tokens before it."""
    position = torch.arange(length, device=device)
    distance = position[:, None] - position[None, :]
    return (distance >= 0) & (distance < window)


def _soft_capped(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float | None,
    softcap: float,
    sliding_window: int | None,
) -> torch.Tensor:
    """Attention whose scores s become softcap * tanh(s / softcap), as in Gemma 2."""
    length = query.shape[2]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = softcap * torch.tanh(query @ key.transpose(2, 3) * scale / softcap)
    visible = _banded(length, sliding_window or length, query.device)
    scores = scores.masked_fill(~visible, float("-inf"))
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype) @ value
