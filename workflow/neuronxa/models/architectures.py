"""Which module holds which FFN tensor, per model family: a table, nothing else.

Per layer the feed-forward network of a gated model computes::

    down_proj( act(W_gate x) * (W_up x) )
               `---gate---'
               `-------product--------'

and of an ungated one ``W_out act(W_in x)``, where ``gate`` and ``product`` are the same tensor.
``gate`` is the *output* of the module named in ``activation``; ``product`` is the *input* of the
module named in ``down``. To add a family, add a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuronxa.errors import ModelError


@dataclass(frozen=True)
class Architecture:
    """Where one family keeps its layers and the tensors of its feed-forward network.

    Attributes
    ----------
    layers
        Path of the list of decoder layers in the base model (the one without LM head).
    norm
        Path of the final norm in the base model.
    activation
        Path in a layer of the module whose output is ``gate``.
    down
        Path in a layer of the module whose input is ``product``.
    width
        Key of the configuration that holds the number of neurons per layer.
    packed
        Whether attention goes through the attention registry, so that sentences can share a row.
    """

    layers: str
    norm: str
    activation: str
    down: str
    width: str = "intermediate_size"
    packed: bool = True


_LLAMA = Architecture("layers", "norm", "mlp.act_fn", "mlp.down_proj")
_FUSED = Architecture("layers", "norm", "mlp.activation_fn", "mlp.down_proj")

#: ``model_type`` of the transformers configuration -> architecture.
ARCHITECTURES: Mapping[str, Architecture] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "olmo": _LLAMA,
    "olmo2": _LLAMA,
    "gemma": _LLAMA,
    "gemma2": _LLAMA,
    "gemma3_text": _LLAMA,
    "glm": _FUSED,
    "glm4": _FUSED,
    "phi3": _FUSED,
    "gpt2": Architecture("h", "ln_f", "mlp.act", "mlp.c_proj", width="n_inner"),
    "gpt_neox": Architecture("layers", "final_layer_norm", "mlp.act", "mlp.dense_4h_to_h"),
}


def architecture_of(config: Any) -> Architecture:
    """The architecture of a transformers configuration.

    Parameters
    ----------
    config
        A ``transformers.PreTrainedConfig``.

    Raises
    ------
    ModelError
        The family is not in the table, or the model is a multimodal wrapper.
    """
    kind = config.model_type
    if kind in ARCHITECTURES:
        return ARCHITECTURES[kind]
    if hasattr(config, "text_config"):
        raise ModelError(
            f"'{kind}' is a multimodal wrapper",
            remedy=f"name its language model, of type '{config.text_config.model_type}'",
        )
    raise ModelError(
        f"the FFN sites of model type '{kind}' are not known",
        allowed=ARCHITECTURES,
        remedy="add a row to neuronxa/models/architectures.py",
    )


def neurons_per_layer(config: Any) -> int:
    """Number of FFN neurons in each layer of a model."""
    width = getattr(config, architecture_of(config).width, None)
    if width is None:  # GPT-2 leaves n_inner empty for four times the hidden size
        width = 4 * config.hidden_size
    return int(width)
