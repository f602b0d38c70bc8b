"""Families whose FFN is a mixture of experts."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, softmax

from .decoder import Ffn, decode, gated, pre_norm
from .gated import (
    attend,
    by_head,
    clipped,
    embedded,
    llama_attention,
    normalised,
    qwen3_attention,
)
from .parts import activation, linear, rms_norm


def routed(logits, number):
    """Softmax over all experts, and which experts are the token's best, (token, expert)."""
    share = softmax(logits, axis=-1)
    best = np.argsort(-share, axis=-1)[:, :number]
    chosen = np.zeros(share.shape, bool)
    np.put_along_axis(chosen, best, True, axis=-1)
    return share, chosen


def experts(config, w, x, *, rescaled):
    """F(x) = sum over chosen e of g_e F_e(x), with the router's softmax as g, or g / sum of g_e.

    The sites are those of all F_e side by side, zero where e is not chosen, without g_e.
    """
    share, chosen = routed(linear(w, "mlp.gate", x), config.num_experts_per_tok)
    share = share * chosen
    if rescaled:
        share = share / share.sum(axis=-1, keepdims=True)
    fused = np.einsum("td,eid->tei", x, w["mlp.experts.gate_up_proj"])
    gate, up = np.split(fused, 2, axis=-1)
    gate = activation(config)(gate) * chosen[..., None]
    product = gate * up
    outputs = np.einsum("tei,edi->ted", product, w["mlp.experts.down_proj"])
    output = np.einsum("te,ted->td", share, outputs)
    return Ffn(output, gate.reshape(len(x), -1), product.reshape(len(x), -1))


def mixtral_ffn(config, w, x):
    """The weights of the chosen experts always sum to one."""
    return experts(config, w, x, rescaled=True)


def mixtral(config, weights, ids):
    layer = pre_norm(rms_norm, llama_attention, mixtral_ffn)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


def sparse_ffn(config, w, x):
    """The weights of the chosen experts sum to one where the config says so."""
    return experts(config, w, x, rescaled=config.norm_topk_prob)


def qwen2_moe_ffn(config, w, x):
    """sum g_e F_e(x) + sigmoid(w x) F_shared(x)."""
    f, shared = sparse_ffn(config, w, x), gated(config, w, x, "mlp.shared_expert")
    share = expit(linear(w, "mlp.shared_expert_gate", x))
    sites = zip(f[1:], shared[1:], strict=True)
    return Ffn(f.output + share * shared.output, *(np.concatenate(pair, axis=-1) for pair in sites))


def qwen2_moe(config, weights, ids):
    """Qwen2 with a shared expert besides the chosen ones."""
    layer = pre_norm(rms_norm, llama_attention, qwen2_moe_ffn)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


def qwen3_moe(config, weights, ids):
    layer = pre_norm(rms_norm, qwen3_attention, sparse_ffn)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


def olmoe_attention(config, w, x, number):
    """q and k normalised over their full width as in OLMo 2, then clipped as in OLMo."""
    q, k, v = by_head(config, *clipped(config, *normalised(config, w, x)))
    return attend(config, w, q, k, v, number)


def olmoe(config, weights, ids):
    """Norms before attention and FFN, unlike OLMo 2."""
    layer = pre_norm(rms_norm, olmoe_attention, sparse_ffn)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)
