"""Families with LayerNorm and an FFN without gate: GPT-2 and its relatives."""

from __future__ import annotations

import numpy as np

from .decoder import Ffn, decode, parallel, pre_norm, ungated
from .parts import (
    alibi,
    angles,
    attention,
    conv1d,
    gelu_tanh,
    head_dim,
    layer_norm,
    linear,
    rotate,
)

GPT2_NORMS = ("ln_1", "ln_2")
NEOX_NORMS = ("input_layernorm", "post_attention_layernorm")
OPT_NORMS = ("self_attn_layer_norm", "final_layer_norm")


def turned(config, q, k, number):
    """q and k rotated by position."""
    angle = angles(config, len(q), number)
    return rotate(q, angle), rotate(k, angle)


def gpt2_attention(config, w, x, number):
    """q, k and v side by side from one matrix; no positions in the attention."""
    fused = conv1d(w, "attn.c_attn", x).reshape(len(x), 3, -1, head_dim(config))
    q, k, v = fused.swapaxes(0, 1)
    return conv1d(w, "attn.c_proj", attention(q, k, v))


def gpt2(config, weights, ids):
    """x = E[ids] + P[position]; matrices are stored as (input, output)."""
    x = weights["wte.weight"][ids] + weights["wpe.weight"][: len(ids)]
    ffn = ungated("mlp.c_fc", "mlp.c_proj", conv1d)
    layer = pre_norm(layer_norm, gpt2_attention, ffn, GPT2_NORMS)
    return decode(config, weights, x, layer, layer_norm, layers="h", final="ln_f")


def by_head_first(config, fused):
    """q, k and v of a fused projection that holds them head by head."""
    return fused.reshape(len(fused), -1, 3, head_dim(config)).transpose(2, 0, 1, 3)


def gpt_neox_attention(config, w, x, number):
    """Rotates the first part of each head only."""
    q, k, v = by_head_first(config, linear(w, "attention.query_key_value", x))
    q, k = turned(config, q, k, number)
    return linear(w, "attention.dense", attention(q, k, v))


def gpt_neox(config, weights, ids):
    """y = x + A(N(x)) + F(N'(x)); without the parallel residual, F reads x + A(N(x))."""
    together = parallel if config.use_parallel_residual else pre_norm
    ffn = ungated("mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
    layer = together(layer_norm, gpt_neox_attention, ffn, NEOX_NORMS)
    x = weights["embed_in.weight"][ids]
    return decode(config, weights, x, layer, layer_norm, final="final_layer_norm")


def bloom_attention(config, w, x, number):
    """softmax(q k / sqrt(d) - slope * distance) v."""
    q, k, v = by_head_first(config, linear(w, "self_attention.query_key_value", x))
    mixed = attention(q, k, v, bias=alibi(config.num_attention_heads, len(x)))
    return linear(w, "self_attention.dense", mixed)


def bloom_ffn(config, w, x):
    """F(x) = W_out gelu_tanh(W_in x), whatever the config says."""
    states = gelu_tanh(linear(w, "mlp.dense_h_to_4h", x))
    return Ffn(linear(w, "mlp.dense_4h_to_h", states), states, states)


def bloom(config, weights, ids):
    """The embeddings are normalised: x = N(E[ids])."""
    x = weights["word_embeddings.weight"][ids]
    x = layer_norm(config, weights, "word_embeddings_layernorm", x)
    layer = pre_norm(layer_norm, bloom_attention, bloom_ffn)
    return decode(config, weights, x, layer, layer_norm, layers="h", final="ln_f")


def opt_attention(config, w, x, number):
    dim = head_dim(config)
    q, k, v = (linear(w, f"self_attn.{n}_proj", x).reshape(len(x), -1, dim) for n in "qkv")
    return linear(w, "self_attn.out_proj", attention(q, k, v))


def opt(config, weights, ids):
    """x = E[ids] + P[position + 2]; ReLU in the FFN."""
    x = weights["decoder.embed_tokens.weight"][ids]
    x = x + weights["decoder.embed_positions.weight"][2 : len(ids) + 2]
    layer = pre_norm(layer_norm, opt_attention, ungated("fc1", "fc2"), OPT_NORMS)
    final = "decoder.final_layer_norm"
    return decode(config, weights, x, layer, layer_norm, layers="decoder.layers", final=final)


def falcon_heads(config, fused):
    """q, k and v: a key head after its query heads (40B), after all (7B), after each (RW)."""
    if config.new_decoder_architecture:
        groups = config.num_kv_heads
    else:
        groups = 1 if config.multi_query else config.num_attention_heads
    fused = fused.reshape(len(fused), groups, -1, head_dim(config))
    q, k, v = np.split(fused, [-2, -1], axis=2)
    return (x.reshape(len(fused), -1, head_dim(config)) for x in (q, k, v))


def falcon_attention(config, w, x, number):
    """Rotary, or with ALiBi inside the scale: softmax((q k - slope * distance) / sqrt(d)) v."""
    q, k, v = falcon_heads(config, linear(w, "self_attention.query_key_value", x))
    if config.alibi:
        bias = alibi(config.num_attention_heads, len(x)) * head_dim(config) ** -0.5
        return linear(w, "self_attention.dense", attention(q, k, v, bias=bias))
    q, k = turned(config, q, k, number)
    return linear(w, "self_attention.dense", attention(q, k, v))


def falcon_layer(config):
    """Parallel with one norm (7B) or two (40B), or one after the other (RW)."""
    ffn = ungated("mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
    if config.new_decoder_architecture and config.num_ln_in_parallel_attn != 1:
        return parallel(layer_norm, falcon_attention, ffn, ("ln_attn", "ln_mlp"))
    if config.new_decoder_architecture or config.parallel_attn:
        return parallel(layer_norm, falcon_attention, ffn, ("input_layernorm",) * 2)
    return pre_norm(layer_norm, falcon_attention, ffn)


def falcon(config, weights, ids):
    x = weights["word_embeddings.weight"][ids]
    layer = falcon_layer(config)
    return decode(config, weights, x, layer, layer_norm, layers="h", final="ln_f")


def phi_attention(config, w, x, number):
    """Rotates the first part of each head only; biases everywhere."""
    dim = head_dim(config)
    q, k, v = (linear(w, f"self_attn.{n}_proj", x).reshape(len(x), -1, dim) for n in "qkv")
    q, k = turned(config, q, k, number)
    return linear(w, "self_attn.dense", attention(q, k, v))


def phi(config, weights, ids):
    """y = x + A(N(x)) + F(N(x)), one norm for both."""
    ffn = ungated("mlp.fc1", "mlp.fc2")
    layer = parallel(layer_norm, phi_attention, ffn, ("input_layernorm",) * 2)
    x = weights["embed_tokens.weight"][ids]
    return decode(config, weights, x, layer, layer_norm, final="final_layernorm")
