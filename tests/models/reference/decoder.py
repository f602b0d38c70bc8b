"""How layers are put together: where the norms stand, and what the passes return.

``norm(config, w, name, x)``, ``attention(config, w, x, number)`` and ``ffn(config, w, x)`` are
those of the family, written N, A and F in the equations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .parts import activation, linear


class Ffn(NamedTuple):
    """What an FFN returns and its two sites."""

    output: Any
    gate: Any
    product: Any


def decode(config, weights, x, layer, norm, *, layers="layers", final="norm"):
    """Run the layers on the embeddings x; the last hidden state is normalised."""
    hidden, sites = [x], []
    for number in range(config.num_hidden_layers):
        x, ffn = layer(config, _under(weights, f"{layers}.{number}."), x, number)
        hidden.append(x)
        sites.append(ffn)
    hidden[-1] = norm(config, weights, final, x)
    return {
        "hidden": np.stack(hidden),
        "gate": np.stack([ffn.gate for ffn in sites]),
        "product": np.stack([ffn.product for ffn in sites]),
    }


def _under(weights, prefix):
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def pre_norm(norm, attention, ffn, names=("input_layernorm", "post_attention_layernorm")):
    """h = x + A(N(x)), y = h + F(N(h))."""

    def layer(config, w, x, number):
        h = x + attention(config, w, norm(config, w, names[0], x), number)
        f = ffn(config, w, norm(config, w, names[1], h))
        return h + f.output, f

    return layer


def post_norm(norm, attention, ffn):
    """h = x + N(A(x)), y = h + N(F(h))."""

    def layer(config, w, x, number):
        h = x + norm(config, w, "post_attention_layernorm", attention(config, w, x, number))
        f = ffn(config, w, h)
        return h + norm(config, w, "post_feedforward_layernorm", f.output), f

    return layer


def sandwich_norm(norm, attention, ffn, names):
    """h = x + N(A(N(x))), y = h + N(F(N(h)))."""

    def layer(config, w, x, number):
        a = attention(config, w, norm(config, w, names[0], x), number)
        h = x + norm(config, w, names[1], a)
        f = ffn(config, w, norm(config, w, names[2], h))
        return h + norm(config, w, names[3], f.output), f

    return layer


def parallel(norm, attention, ffn, names):
    """y = x + A(N(x)) + F(N'(x)); N and N' may be the same norm."""

    def layer(config, w, x, number):
        a = attention(config, w, norm(config, w, names[0], x), number)
        f = ffn(config, w, norm(config, w, names[1], x))
        return x + a + f.output, f

    return layer


def gated(config, w, x, module="mlp"):
    """F(x) = W_down (act(W_gate x) * W_up x)."""
    gate = activation(config)(linear(w, f"{module}.gate_proj", x))
    product = gate * linear(w, f"{module}.up_proj", x)
    return Ffn(linear(w, f"{module}.down_proj", product), gate, product)


def fused_gated(config, w, x):
    """The gated FFN with W_gate above W_up in one matrix."""
    gate, up = np.split(linear(w, "mlp.gate_up_proj", x), 2, axis=-1)
    gate = activation(config)(gate)
    return Ffn(linear(w, "mlp.down_proj", gate * up), gate, gate * up)


def ungated(inner, outer, project=linear):
    """F(x) = W_out act(W_in x)."""

    def ffn(config, w, x):
        states = activation(config)(project(w, inner, x))
        return Ffn(project(w, outer, states), states, states)

    return ffn
