"""The pieces of decoders: projections, norms, positions, attention, activation functions.

States are float64, the token first. ``w`` holds the weights of one layer by their names in it.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf, expit, softmax


def setting(config, *names, default=None):
    """The first of these settings that the config has."""
    found = (getattr(config, name, None) for name in names)
    return next((value for value in found if value is not None), default)


def head_dim(config):
    return setting(config, "head_dim") or config.hidden_size // config.num_attention_heads


# Projections


def linear(w, name, x):
    """W x + b, where the family has a bias."""
    y = x @ w[f"{name}.weight"].T
    return y + w[f"{name}.bias"] if f"{name}.bias" in w else y


def conv1d(w, name, x):
    """W x + b with W stored as (input, output)."""
    return x @ w[f"{name}.weight"] + w[f"{name}.bias"]


# Norms


def rms_norm(config, w, name, x):
    """w x / rms(x)."""
    return w[f"{name}.weight"] * _over_rms(x, config.rms_norm_eps)


def gemma_norm(config, w, name, x):
    """(1 + w) x / rms(x)."""
    return (1 + w[f"{name}.weight"]) * _over_rms(x, config.rms_norm_eps)


def layer_norm(config, w, name, x):
    """w (x - mean(x)) / sd(x) + b."""
    eps = setting(config, "layer_norm_eps", "layer_norm_epsilon", default=1e-5)
    return w[f"{name}.weight"] * _standardised(x, eps) + w[f"{name}.bias"]


def bare_layer_norm(config, w, name, x):
    """(x - mean(x)) / sd(x), without weights."""
    return _standardised(x, 1e-5)


def _over_rms(x, eps):
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps)


def _standardised(x, eps):
    centred = x - x.mean(axis=-1, keepdims=True)
    return _over_rms(centred, eps)


# Positions


def angles(config, length, number):
    """Rotary angles of a layer, (token, pair): position times frequency."""
    parameters = config.rope_parameters
    if "rope_theta" not in parameters:
        parameters = parameters[config.layer_types[number]]
    dim = int(head_dim(config) * parameters.get("partial_rotary_factor", 1))
    frequency = parameters["rope_theta"] ** (-np.arange(0, dim, 2) / dim)
    return np.outer(np.arange(length), _SCALINGS[parameters["rope_type"]](frequency, parameters))


def _linear_scaling(frequency, parameters):
    return frequency / parameters["factor"]


def _llama3_scaling(frequency, parameters):
    """Long waves are stretched by the factor, short ones kept, with a ramp in between."""
    low, high = parameters["low_freq_factor"], parameters["high_freq_factor"]
    waves = parameters["original_max_position_embeddings"] * frequency / (2 * np.pi)
    kept = np.clip((waves - low) / (high - low), 0, 1)
    return kept * frequency + (1 - kept) * frequency / parameters["factor"]


_SCALINGS = {
    "default": lambda frequency, _: frequency,
    "linear": _linear_scaling,
    "llama3": _llama3_scaling,
}


def rotate(x, angle, interleaved=False):
    """Turn each pair of coordinates as one complex number; coordinates after the last pair stay.

    Pair i is (i, i + pairs), or (2i, 2i + 1) if interleaved. x is (token, head, dim).
    """
    pairs = angle.shape[1]
    if interleaved:
        real, imaginary = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    else:
        real, imaginary = slice(0, pairs), slice(pairs, 2 * pairs)
    turned = (x[..., real] + 1j * x[..., imaginary]) * np.exp(1j * angle)[:, None]
    y = x.copy()
    y[..., real], y[..., imaginary] = turned.real, turned.imag
    return y


def alibi(heads, length):
    """Minus slope times distance, (head, query, key).

    Slopes are the powers of 2^(-8 / n) for n heads. If n is no power of two, those of the next
    smaller one come first, then every other one of the next larger one.
    """
    below = 2 ** int(np.log2(heads))
    slopes = np.concatenate([_slopes(below), _slopes(2 * below)[::2]])[:heads]
    return -slopes[:, None, None] * _distance(length)


def _slopes(heads):
    return 2.0 ** (-8 / heads * np.arange(1, heads + 1))


def _distance(length):
    return np.subtract.outer(np.arange(length), np.arange(length))


# Attention


def attention(q, k, v, *, scale=None, window=None, cap=None, bias=0.0):
    """Causal softmax(scale q k + bias) v of (token, head, dim), heads side by side in the result.

    Key heads are shared by as many query heads as there are for each. A cap bounds the scores
    by cap * tanh(score / cap); a window lets a token see itself and the window - 1 before it.
    """
    length, heads, dim = q.shape
    q, k, v = (np.repeat(x, heads // x.shape[1], axis=1).swapaxes(0, 1) for x in (q, k, v))
    scores = q @ k.swapaxes(1, 2) * (dim**-0.5 if scale is None else scale)
    if cap is not None:
        scores = cap * np.tanh(scores / cap)
    distance = _distance(length)
    seen = (distance >= 0) & (distance < (window or length))
    share = softmax(np.where(seen, scores + bias, -np.inf), axis=-1)
    return (share @ v).swapaxes(0, 1).reshape(length, heads * dim)


def window(config, number):
    """Sliding window of a layer, if it has one: all have, or those that ``layer_types`` names."""
    kinds = setting(config, "layer_types")
    if kinds is not None and kinds[number] != "sliding_attention":
        return None
    return setting(config, "sliding_window")


# Activation functions


def activation(config):
    name = setting(config, "hidden_act", "hidden_activation", "activation_function", "activation")
    return _ACTIVATIONS[name]


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


_ACTIVATIONS = {
    "silu": lambda x: x * expit(x),
    "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "relu": lambda x: np.maximum(x, 0),
}
