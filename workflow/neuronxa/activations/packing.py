"""Attention for packed rows: each sentence attends to itself alone.

Positions restart with each sentence and attention runs sentence by sentence, so there is no
padding, no mask, and a sentence gets the same numbers alone and in any company.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from neuronxa.activations.batches import Batch, Sentence, plan_batches
from neuronxa.activations.tokens import Tokens

ATTENTION = "neuronxa_packed"


@dataclass(frozen=True)
class Segments:
    """Sentences of a packed row, as the attention of every layer needs them.

    Attributes
    ----------
    bounds
        Start and end of each segment; together they cover the row.
    """

    bounds: tuple[tuple[int, int], ...]
    _offsets: dict[torch.device, torch.Tensor] = field(default_factory=dict)
    _cells: dict[torch.device, torch.Tensor] = field(default_factory=dict)

    @property
    def longest(self) -> int:
        """Number of tokens of the longest segment."""
        return max(end - start for start, end in self.bounds)

    def offsets(self, device: torch.device) -> torch.Tensor:
        """Start of each segment and the end of the last, int32 ``(segment + 1,)``."""
        if device not in self._offsets:
            ends = torch.tensor([0, *(end for _, end in self.bounds)], dtype=torch.int32)
            self._offsets[device] = ends.to(device, non_blocking=True)
        return self._offsets[device]

    def cells(self, device: torch.device) -> torch.Tensor:
        """Cell of each token in a grid (segment, longest), int64 ``(token,)``."""
        if device not in self._cells:
            rows = [
                torch.arange(end - start) + row * self.longest
                for row, (start, end) in enumerate(self.bounds)
            ]
            self._cells[device] = torch.cat(rows).to(device, non_blocking=True)
        return self._cells[device]


@dataclass(frozen=True)
class Rule:
    """How a layer attends: its scale, the soft cap of its scores, and the window it looks back."""

    scaling: float | None
    softcap: float | None
    window: int | None


#: Queries ``(1, head, token, dim)``, keys and values ``(1, key head, token, dim)`` -> as queries.
Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Segments, Rule], torch.Tensor]


def packed_attention(
    module: Any,
    query: torch.Tensor,  # (1, head, token, dim)
    key: torch.Tensor,  # (1, key head, token, dim)
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segments: Segments | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention inside each segment, for the attention registry of transformers.

    Honours grouped queries, the scaling, sliding windows and soft caps. Without segments the whole
    row is one.

    Returns
    -------
    tuple
        Output ``(1, token, head, dim)`` and no weights.
    """
    rule = Rule(scaling, softcap, sliding_window)
    if segments is None:
        segments = Segments(((0, query.shape[2]),))
    output = _way(query, rule)(query, key, value, segments, rule)
    return output.transpose(1, 2).contiguous(), None


def _way(query: torch.Tensor, rule: Rule) -> Attend:
    """The kernel of a device and precision."""
    if query.device.type == "cpu":
        return attend_each
    half = query.dtype in (torch.bfloat16, torch.float16)
    return attend_varlen if half and rule.softcap is None else attend_grid


def attend_each(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Segments, rule: Rule
) -> torch.Tensor:
    """Segment after segment: the same arithmetic whatever else is in the row."""
    output = torch.empty_like(query)
    for start, end in segments.bounds:
        q, k, v = (states[:, :, start:end] for states in (query, key, value))
        output[:, :, start:end] = _attend(q, k, v, rule)
    return output


def attend_grid(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Segments, rule: Rule
) -> torch.Tensor:
    """All segments at once, each in a row of its own: few kernels where launching them costs."""
    cells = segments.cells(query.device)
    rows, longest = len(segments.bounds), segments.longest

    def spread(states: torch.Tensor) -> torch.Tensor:
        grid = states.new_zeros((rows * longest, *states.shape[1:2], states.shape[3]))
        grid[cells] = states[0].transpose(0, 1)
        return grid.view(rows, longest, *grid.shape[1:]).transpose(1, 2)

    output = _attend(spread(query), spread(key), spread(value), rule)
    flat = output.transpose(1, 2).reshape(rows * longest, *query.shape[1:2], query.shape[3])
    return flat[cells].transpose(0, 1)[None]


def attend_varlen(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Segments, rule: Rule
) -> torch.Tensor:
    """Flash attention over segments of different lengths (half precision on a GPU).

    One split of the keys: how they are split would depend on the longest sentence of the row, and
    with it the rounding.
    """
    from torch.nn.attention.varlen import varlen_attn

    left = -1 if rule.window is None else rule.window - 1
    q, k, v = (states[0].transpose(0, 1) for states in (query, key, value))
    output: Any = varlen_attn(
        q,
        k,
        v,
        segments.offsets(q.device),
        segments.offsets(q.device),
        segments.longest,
        segments.longest,
        scale=rule.scaling,
        window_size=(left, 0),
        enable_gqa=query.shape[1] != key.shape[1],
        num_splits=1,
    )
    attended: torch.Tensor = output.transpose(0, 1)[None]
    return attended


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rule: Rule
) -> torch.Tensor:
    """Causal attention of whole rows, ``(row, head, token, dim)``."""
    length, grouped = query.shape[2], query.shape[1] != key.shape[1]
    if rule.softcap is not None:
        return _soft_capped(query, key, value, rule)
    windowed = rule.window is not None and length > rule.window
    return scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=_banded(length, rule.window, query.device) if windowed else None,
        is_causal=not windowed,
        scale=rule.scaling,
        enable_gqa=grouped,
    )


def _banded(length: int, window: int | None, device: torch.device) -> torch.Tensor:
    """Causal mask; with a window a token sees itself and the `window - 1` tokens before it."""
    position = torch.arange(length, device=device)
    distance = position[:, None] - position[None, :]
    return (distance >= 0) & (distance < (window or length))


def _soft_capped(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rule: Rule
) -> torch.Tensor:
    """Attention whose scores s become softcap * tanh(s / softcap), as in Gemma 2."""
    assert rule.softcap is not None
    length = query.shape[2]
    groups = query.shape[1] // key.shape[1]
    key, value = (states.repeat_interleave(groups, dim=1) for states in (key, value))
    scale = query.shape[-1] ** -0.5 if rule.scaling is None else rule.scaling
    scores = rule.softcap * torch.tanh(query @ key.transpose(2, 3) * scale / rule.softcap)
    visible = _banded(length, rule.window, query.device)
    scores = scores.masked_fill(~visible, float("-inf"))
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype) @ value


def register() -> None:
    """Make the packed attention known to transformers under the name `ATTENTION`."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(ATTENTION, packed_attention)
    AttentionMaskInterface.register(ATTENTION, _no_mask)


def _no_mask(*_: Any, **__: Any) -> None:
    """Segments are separated by the attention itself."""


def forward(model: Any, batch: Batch, *, device: str, packed: bool) -> Any:
    """One forward pass of a base model.

    No mask in either case: packed rows attend by segment, and in padded rows the padding stands on
    the right, where causal attention never looks.

    Returns
    -------
    Any
        The output of transformers, with ``last_hidden_state``.
    """
    inputs: dict[str, Any] = batch.inputs(device)
    if packed:
        inputs["segments"] = Segments(batch.attended)
    else:
        del inputs["position_ids"]  # counted from the left by the model itself
    return model(**inputs, use_cache=False, return_dict=True)


def packing_holds(model: Any, *, device: str) -> bool:
    """Whether two sentences in one row get the numbers that each gets alone.

    They do not where layers mix tokens by other means than attention: convolutions, linear
    attention, recurrences.
    """
    vocabulary = model.config.vocab_size
    sentences: list[Sentence] = []
    for row, length in enumerate((40, 56)):
        ids = (torch.arange(length) * 7 + 5 * row + 3).numpy() % vocabulary
        sentences.append((row, Tokens.whole(ids)))

    def last(chosen: list[Sentence]) -> torch.Tensor:
        (batch,) = plan_batches(chosen, token_budget=4096, batching="packed")
        with torch.inference_mode():
            output = forward(model, batch, device=device, packed=True)
        start, end = batch.segments[-1]
        states: torch.Tensor = output.last_hidden_state[0, start:end].float()
        return states

    together, alone = last(sentences), last(sentences[1:])
    allowed = 1e-3 if model.dtype == torch.float32 else 0.1
    return bool((together - alone).abs().max() <= allowed * alone.abs().max())
