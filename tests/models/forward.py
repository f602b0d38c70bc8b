"""Forward passes of Llama and Gemma 3 written out by hand, in float64, one sentence at a time.

They share nothing with transformers but the names of the weights.
"""

from __future__ import annotations

import numpy as np


def forward(config, weights, ids):
    """Hidden states and FFN sites of one sentence.

    Returns
    -------
    dict
        ``hidden`` (layer + 1, token, hidden_unit); ``gate`` and ``product`` (layer, token, unit).
    """
    gemma = config.model_type == "gemma3_text"
    x = weights["embed_tokens.weight"][ids].astype(np.float64)
    if gemma:
        # the factor is rounded to the precision of the embeddings
        x = x * np.float32(config.hidden_size**0.5)
    hidden, gate, product = [x], [], []
    for layer in range(config.num_hidden_layers):
        w = _prefixed(weights, f"layers.{layer}.")
        a = norm(x, w["input_layernorm.weight"], config, gemma)
        a = attention(a, w, config, layer, gemma)
        if gemma:
            a = norm(a, w["post_attention_layernorm.weight"], config, gemma)
        x = x + a
        before = "pre_feedforward_layernorm" if gemma else "post_attention_layernorm"
        h = norm(x, w[f"{before}.weight"], config, gemma)
        gate.append((gelu_tanh if gemma else silu)(h @ w["mlp.gate_proj.weight"].T))
        product.append(gate[-1] * (h @ w["mlp.up_proj.weight"].T))
        h = product[-1] @ w["mlp.down_proj.weight"].T
        if gemma:
            h = norm(h, w["post_feedforward_layernorm.weight"], config, gemma)
        x = x + h
        hidden.append(x)
    hidden[-1] = norm(x, weights["norm.weight"], config, gemma)
    return {"hidden": np.stack(hidden), "gate": np.stack(gate), "product": np.stack(product)}


def norm(x, weight, config, gemma):
    scaled = x / np.sqrt((x**2).mean(-1, keepdims=True) + config.rms_norm_eps)
    return scaled * (1 + weight if gemma else weight)


def attention(x, w, config, layer, gemma):
    length, dim = len(x), config.head_dim
    q = (x @ w["self_attn.q_proj.weight"].T).reshape(length, -1, dim)
    k = (x @ w["self_attn.k_proj.weight"].T).reshape(length, -1, dim)
    v = (x @ w["self_attn.v_proj.weight"].T).reshape(length, -1, dim)
    parameters, window, scale = config.rope_parameters, None, dim**-0.5
    if gemma:
        q = norm(q, w["self_attn.q_norm.weight"], config, gemma)
        k = norm(k, w["self_attn.k_norm.weight"], config, gemma)
        kind = config.layer_types[layer]
        parameters = parameters[kind]
        window = config.sliding_window if kind == "sliding_attention" else None
        scale = config.query_pre_attn_scalar**-0.5
    q, k = rotate(q, parameters["rope_theta"]), rotate(k, parameters["rope_theta"])
    groups = q.shape[1] // k.shape[1]
    output = np.zeros_like(q)
    for head in range(q.shape[1]):
        for t in range(length):
            start = 0 if window is None else max(0, t - window + 1)
            keys, values = k[start : t + 1, head // groups], v[start : t + 1, head // groups]
            scores = keys @ q[t, head] * scale
            share = np.exp(scores - scores.max())
            output[t, head] = share @ values / share.sum()
    return output.reshape(length, -1) @ w["self_attn.o_proj.weight"].T


def rotate(x, theta):
    length, _, dim = x.shape
    angle = np.arange(length)[:, None] / theta ** (np.arange(0, dim, 2) / dim)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    first, second = x[..., : dim // 2], x[..., dim // 2 :]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def silu(x):
    return x / (1 + np.exp(-x))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def pool(tokens, weights):
    """Plain weighted mean over tokens, (layer, unit)."""
    return weighted_sum(tokens, weights) / sum(weights)


def weighted_sum(tokens, weights):
    """Sum over tokens of weight times state, (layer, unit)."""
    return sum(w * tokens[:, t] for t, w in enumerate(weights))


def weights_of(model):
    """The weights of a base model as float64 arrays, without a prefix."""
    return {
        name.removeprefix("model."): value.detach().double().numpy()
        for name, value in model.state_dict().items()
    }


def _prefixed(weights, prefix):
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
