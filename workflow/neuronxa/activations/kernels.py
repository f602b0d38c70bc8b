"""Pooling on a GPU: one kernel reads each state once, where matrix products read it many times.

A program takes one sentence and a strip of units, and adds token after token from the sentence's
start. The order of the additions therefore depends on the sentence alone: not on where it stands in
the batch, and not on its company. Triton comes with the builds of torch for GPUs.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING or find_spec("triton"):
    import triton
    import triton.language as tl
else:
    triton = None

#: Units of one program: 16 bytes of half precision for each of its 128 threads.
_UNITS = 1024


def fits(values: torch.Tensor) -> bool:
    """Whether the kernels can pool these states: on a GPU, a token's units side by side."""
    return triton is not None and values.is_cuda and values.stride(-1) == 1


def pool_site(
    values: torch.Tensor,
    weights: torch.Tensor,
    bounds: torch.Tensor,
    *,
    sums: torch.Tensor,
    mean: torch.Tensor,
    active: torch.Tensor,
) -> None:
    """States, counts and mean magnitudes of one layer's neurons.

    Parameters
    ----------
    values
        Activations ``(token, unit)``.
    weights
        Integer weight of each token, and whether it is pooled, float32 ``(2, token)``.
    bounds
        Start and end of each sentence, int32 ``(2, sentence)``.
    sums
        Where the sums of weight * [a > 0] go, int32 ``(sentence, unit)``.
    mean
        Where the weighted means of abs(a) go, ``(sentence, unit)``.
    active
        Where the numbers of tokens with a > 0 are added, int32 ``(unit,)``.
    """
    units = values.shape[1]
    _pool_site[(bounds.shape[1], triton.cdiv(units, _UNITS))](
        values,
        weights,
        bounds,
        sums,
        mean,
        active,
        units,
        values.shape[0],
        bounds.shape[1],
        values.stride(0),
        sums.stride(0),
        mean.stride(0),
        UNITS=_UNITS,
    )


def pool_hidden(
    values: torch.Tensor,
    weights: torch.Tensor,
    bounds: torch.Tensor,
    last: torch.Tensor,
    *,
    mean: torch.Tensor,
    at_last: torch.Tensor,
) -> None:
    """Weighted means of hidden states, and the states of each sentence's last pooled token.

    Parameters
    ----------
    values, weights, bounds
        As in `pool_site`.
    last
        Position of each sentence's last pooled token, int64 ``(sentence,)``.
    mean, at_last
        Where they go, ``(sentence, unit)``.
    """
    units = values.shape[1]
    _pool_hidden[(bounds.shape[1], triton.cdiv(units, _UNITS))](
        values,
        weights,
        bounds,
        last,
        mean,
        at_last,
        units,
        bounds.shape[1],
        values.stride(0),
        mean.stride(0),
        at_last.stride(0),
        UNITS=_UNITS,
    )


def _jit(function: Any) -> Any:
    """Compiled once, whatever the numbers of tokens and sentences."""
    if triton is None:
        return function
    sizes = ["tokens", "sentences"]
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return triton.jit(function, do_not_specialize=[name for name in sizes if name in names])


@_jit
def _pool_site(  # type: ignore[no-untyped-def]
    values,
    weights,
    bounds,
    sums,
    mean,
    active,
    units,
    tokens,
    sentences,
    row,
    sums_row,
    mean_row,
    UNITS: tl.constexpr,
):
    sentence = tl.program_id(0).to(tl.int64)
    unit = tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    inside = unit < units
    state = tl.zeros((UNITS,), tl.float32)
    magnitude = tl.zeros((UNITS,), tl.float32)
    count = tl.zeros((UNITS,), tl.float32)
    total = 0.0
    start = tl.load(bounds + sentence).to(tl.int64)  # a batch may have over 2^31 states
    end = tl.load(bounds + sentences + sentence).to(tl.int64)
    for token in range(start, end):
        weight = tl.load(weights + token)
        pooled = tl.load(weights + tokens + token)
        at = token * row + unit
        value = tl.load(values + at, mask=inside, other=0.0).to(tl.float32)
        state += tl.where(value > 0, weight, 0.0)
        count += tl.where(value > 0, pooled, 0.0)
        magnitude += weight * tl.abs(value)
        total += weight
    tl.store(sums + sentence * sums_row + unit, state.to(tl.int32), mask=inside)
    tl.store(mean + sentence * mean_row + unit, magnitude / total, mask=inside)
    # whole numbers: the order of the additions does not matter
    tl.atomic_add(active + unit, count.to(tl.int32), mask=inside, sem="relaxed")


@_jit
def _pool_hidden(  # type: ignore[no-untyped-def]
    values,
    weights,
    bounds,
    last,
    mean,
    at_last,
    units,
    sentences,
    row,
    mean_row,
    last_row,
    UNITS: tl.constexpr,
):
    sentence = tl.program_id(0).to(tl.int64)
    unit = tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    inside = unit < units
    summed = tl.zeros((UNITS,), tl.float32)
    total = 0.0
    start = tl.load(bounds + sentence).to(tl.int64)  # a batch may have over 2^31 states
    end = tl.load(bounds + sentences + sentence).to(tl.int64)
    for token in range(start, end):
        weight = tl.load(weights + token)
        at = token * row + unit
        value = tl.load(values + at, mask=inside, other=0.0)
        summed += weight * value.to(tl.float32)
        total += weight
    tl.store(mean + sentence * mean_row + unit, summed / total, mask=inside)
    final = tl.load(values + tl.load(last + sentence) * row + unit, mask=inside, other=0.0)
    tl.store(at_last + sentence * last_row + unit, final.to(tl.float32), mask=inside)
