"""Mixtures of experts, computed so that the states of every expert can be seen.

transformers keeps the experts of a layer in two stacked weights and runs them as one call, with no
module per expert to hook. It has a registry of implementations, though, and this one hands over
what it computes. A neuron is a neuron of one expert; for a token that is not routed to its expert
it is inactive, with value 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

EXPERTS = "neuronxa_routed"

#: Attribute of an experts module that is called with what its forward pass computed.
REPORT = "neuronxa_report"


@dataclass(frozen=True)
class Routed:
    """The FFN states of one layer, expert after expert.

    Attributes
    ----------
    gate, product
        act(W_gate x) and act(W_gate x) * (W_up x) of the expert, ``(routed token, unit)``.
    token
        Which token each row is, int64 ``(routed token,)``.
    sizes
        Number of rows of each expert.
    """

    gate: torch.Tensor
    product: torch.Tensor
    token: torch.Tensor
    sizes: list[int]

    def experts(self) -> Iterator[tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Number, tokens, gate and product of each expert that a token came to."""
        start = 0
        for number, size in enumerate(self.sizes):
            rows = slice(start, start + size)
            start += size
            if size:
                yield number, self.token[rows], self.gate[rows], self.product[rows]


def routed_experts(
    module: Any,
    hidden_states: torch.Tensor,  # (token, hidden_unit)
    top_k_index: torch.Tensor,  # (token, k)
    top_k_weights: torch.Tensor,  # (token, k)
) -> torch.Tensor:
    """The output of a layer's experts, ``(token, hidden_unit)``.

    sum over the k experts e of a token of weight_e * down_e( act(gate_e x) * (up_e x) )
    """
    tokens, k = top_k_index.shape
    expert = top_k_index.reshape(-1)
    order = torch.argsort(expert, stable=True)
    sizes = torch.bincount(expert, minlength=module.num_experts).tolist()
    token = order // k
    gate, up = _each(hidden_states[token], module.gate_up_proj, sizes).chunk(2, dim=-1)
    gate = module.act_fn(gate)
    product = gate * up
    report: Callable[[Routed], None] | None = getattr(module, REPORT, None)
    if report is not None:
        report(Routed(gate, product, token, sizes))
    outputs = _each(product, module.down_proj, sizes) * top_k_weights.reshape(-1)[order, None]
    by_token = torch.empty_like(outputs)
    by_token[order] = outputs
    result: torch.Tensor = by_token.view(tokens, k, -1).sum(dim=1)
    return result.to(hidden_states.dtype)


def _each(rows: torch.Tensor, weights: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    """The rows of each expert through its own weight ``(output, input)``."""
    parts = [
        part @ weight.T for part, weight in zip(torch.split(rows, sizes), weights, strict=True)
    ]
    return torch.cat(parts)


def register() -> None:
    """Make the implementation known to transformers under the name `EXPERTS`."""
    from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

    ALL_EXPERTS_FUNCTIONS.register(EXPERTS, routed_experts)
