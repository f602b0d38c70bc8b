"""Families with rotary positions and a gated FFN: Llama and its relatives."""

from __future__ import annotations

import numpy as np

from .decoder import decode, fused_gated, gated, post_norm, pre_norm, sandwich_norm
from .parts import (
    angles,
    attention,
    bare_layer_norm,
    gemma_norm,
    head_dim,
    linear,
    rms_norm,
    rotate,
    window,
)


def projected(config, w, x):
    """Queries, keys and values, heads side by side."""
    return [linear(w, f"self_attn.{name}_proj", x) for name in "qkv"]


def by_head(config, *states):
    return [x.reshape(len(x), -1, head_dim(config)) for x in states]


def attend(config, w, q, k, v, number, *, rotary=True, interleaved=False, scale=None, cap=None):
    """W_o attention(R q, R k, v) of (token, head, dim), R the rotation by position."""
    if rotary:
        angle = angles(config, len(q), number)
        q, k = rotate(q, angle, interleaved), rotate(k, angle, interleaved)
    mixed = attention(q, k, v, scale=scale, window=window(config, number), cap=cap)
    return linear(w, "self_attn.o_proj", mixed)


def embedded(weights, ids):
    return weights["embed_tokens.weight"][ids]


def llama_attention(config, w, x, number):
    """Grouped-query rotary attention; some families have biases or a sliding window."""
    return attend(config, w, *by_head(config, *projected(config, w, x)), number)


def llama(config, weights, ids):
    """Llama, Mistral (sliding window), Qwen2 (biases of q, k and v)."""
    layer = pre_norm(rms_norm, llama_attention, gated)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


def qwen3_attention(config, w, x, number):
    """q and k are normalised per head: attention(R N(q), R N(k), v)."""
    q, k, v = by_head(config, *projected(config, w, x))
    q, k = (rms_norm(config, w, f"self_attn.{n}_norm", y) for n, y in (("q", q), ("k", k)))
    return attend(config, w, q, k, v, number)


def qwen3(config, weights, ids):
    layer = pre_norm(rms_norm, qwen3_attention, gated)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


def clipped(config, *states):
    """Projections within [-clip_qkv, clip_qkv], if it is set."""
    limit = config.clip_qkv
    return states if limit is None else [np.clip(x, -limit, limit) for x in states]


def olmo_attention(config, w, x, number):
    return attend(config, w, *by_head(config, *clipped(config, *projected(config, w, x))), number)


def olmo(config, weights, ids):
    """LayerNorm without weights; projections may be clipped."""
    layer = pre_norm(bare_layer_norm, olmo_attention, gated)
    return decode(config, weights, embedded(weights, ids), layer, bare_layer_norm)


def normalised(config, w, x):
    """q and k normalised over their full width, all heads together; v as it is."""
    q, k, v = projected(config, w, x)
    q, k = (rms_norm(config, w, f"self_attn.{n}_norm", y) for n, y in (("q", q), ("k", k)))
    return q, k, v


def olmo2_attention(config, w, x, number):
    return attend(config, w, *by_head(config, *normalised(config, w, x)), number)


def olmo2(config, weights, ids):
    """OLMo 2 and 3: norms after attention and FFN only; OLMo 3 has sliding windows."""
    layer = post_norm(rms_norm, olmo2_attention, gated)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


GEMMA_NORMS = (
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)


def gemma_embedded(config, weights, ids):
    """sqrt(hidden_size) E[ids], the factor rounded to the precision of the embeddings."""
    return embedded(weights, ids) * np.float32(config.hidden_size**0.5)


def gemma(config, weights, ids):
    """Scaled embeddings, norms with 1 + w, tanh GELU as the gate's activation."""
    layer = pre_norm(gemma_norm, llama_attention, gated)
    return decode(config, weights, gemma_embedded(config, weights, ids), layer, gemma_norm)


def gemma2_attention(config, w, x, number):
    """Scores with a soft cap: softmax(c tanh(q k / (c sqrt(scalar)))) v."""
    q, k, v = by_head(config, *projected(config, w, x))
    scale, cap = config.query_pre_attn_scalar**-0.5, config.attn_logit_softcapping
    return attend(config, w, q, k, v, number, scale=scale, cap=cap)


def gemma2(config, weights, ids):
    """Norms before and after; every other layer sees a sliding window only."""
    layer = sandwich_norm(gemma_norm, gemma2_attention, gated, GEMMA_NORMS)
    return decode(config, weights, gemma_embedded(config, weights, ids), layer, gemma_norm)


def gemma3_attention(config, w, x, number):
    """q and k normalised per head; local and global layers have rotations of their own."""
    q, k, v = by_head(config, *projected(config, w, x))
    q, k = (gemma_norm(config, w, f"self_attn.{n}_norm", y) for n, y in (("q", q), ("k", k)))
    return attend(config, w, q, k, v, number, scale=config.query_pre_attn_scalar**-0.5)


def gemma3(config, weights, ids):
    """Gemma 2 with normalised q and k in place of the soft cap."""
    layer = sandwich_norm(gemma_norm, gemma3_attention, gated, GEMMA_NORMS)
    return decode(config, weights, gemma_embedded(config, weights, ids), layer, gemma_norm)


def glm_attention(config, w, x, number):
    """The rotation turns neighbouring coordinates, the first half of each head only."""
    q, k, v = by_head(config, *projected(config, w, x))
    return attend(config, w, q, k, v, number, interleaved=True)


def glm(config, weights, ids):
    layer = pre_norm(rms_norm, glm_attention, fused_gated)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


GLM4_NORMS = (
    "input_layernorm",
    "post_self_attn_layernorm",
    "post_attention_layernorm",
    "post_mlp_layernorm",
)


def glm4(config, weights, ids):
    """GLM with norms after attention and FFN too."""
    layer = sandwich_norm(rms_norm, glm_attention, fused_gated, GLM4_NORMS)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


def phi3_attention(config, w, x, number):
    """W_q, W_k and W_v are one matrix, in this order."""
    fused = linear(w, "self_attn.qkv_proj", x).reshape(len(x), -1, head_dim(config))
    heads, shared = config.num_attention_heads, config.num_key_value_heads
    q, k, v = np.split(fused, [heads, heads + shared], axis=1)
    return attend(config, w, q, k, v, number)


def phi3(config, weights, ids):
    layer = pre_norm(rms_norm, phi3_attention, fused_gated)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


def smollm3_attention(config, w, x, number):
    """Some layers have no positions at all."""
    q, k, v = by_head(config, *projected(config, w, x))
    return attend(config, w, q, k, v, number, rotary=config.no_rope_layers[number])


def smollm3(config, weights, ids):
    layer = pre_norm(rms_norm, smollm3_attention, gated)
    return decode(config, weights, embedded(weights, ids), layer, rms_norm)


def granite_attention(config, w, x, number):
    """m attention(q, k, v), its scores scaled by a number of the config."""
    q, k, v = by_head(config, *projected(config, w, x))
    mixed = attend(config, w, q, k, v, number, scale=config.attention_multiplier)
    return config.residual_multiplier * mixed


def granite_ffn(config, w, x):
    """m F(x); the sites are those of F."""
    f = gated(config, w, x)
    return f._replace(output=config.residual_multiplier * f.output)


def granite(config, weights, ids):
    """Llama with multipliers on the embeddings, the scores and both residual branches."""
    x = config.embedding_multiplier * embedded(weights, ids)
    return decode(config, weights, x, pre_norm(rms_norm, granite_attention, granite_ffn), rms_norm)
