"""Forward passes of decoder families written out by hand, in float64, one sentence at a time.

They share nothing with transformers but the names of the weights and of the settings.
"""

from __future__ import annotations

import numpy as np

from .families import FAMILIES

__all__ = ["FAMILIES", "forward", "pool", "weighted_sum", "weights_of"]


def forward(config, weights, ids):
    """Hidden states and FFN sites of one sentence.

    Returns
    -------
    dict
        ``hidden`` (layer + 1, token, hidden_unit): what enters the first layer, then what each
        layer returns, the last after the final norm; ``gate`` and ``product`` (layer, token, unit):
        what the activation function returns and what the down projection reads. They are the same
        in an FFN without gate. With experts, unit ``e * width + i`` is neuron ``i`` of expert
        ``e``, zero for the tokens that are not routed to it; a shared expert comes last.
    """
    return FAMILIES[config.model_type](config, weights, np.asarray(ids))


def pool(tokens, weights):
    """Plain weighted mean over tokens, (layer, unit)."""
    return weighted_sum(tokens, weights) / sum(weights)


def weighted_sum(tokens, weights):
    """Sum over tokens of weight times state, (layer, unit)."""
    return sum(w * tokens[:, t] for t, w in enumerate(weights))


def weights_of(model):
    """The weights of the base model as float64 arrays, by their names in it."""
    return {
        name: value.detach().double().numpy()
        for name, value in model.base_model.state_dict().items()
    }
