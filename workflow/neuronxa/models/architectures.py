"""Which module holds which FFN tensor, per model family: a table, nothing else.

Per layer the feed-forward network of a gated model computes::

    down( act(W_gate x) * (W_up x) )
          `---gate---'
          `-------product--------'

an ungated one ``down( act(W_in x) )``, where ``gate`` and ``product`` are the same tensor, and a
mixture of experts one such network per expert, for the tokens that are routed to it. ``gate`` is
the *output* of the module named in ``activation``; ``product`` is the *input* of the one named in
``down``. To add a family, add a row. A family without a row is looked into
(`neuronxa.models.inspection`) and announced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from neuronxa.errors import ModelError


@dataclass(frozen=True)
class Experts:
    """Where a mixture of experts keeps its experts.

    Attributes
    ----------
    module
        Path in a layer of the routed experts (one module with stacked weights).
    count, width
        Keys of the configuration: number of experts, neurons of each.
    shared_width
        Key of the configuration with the neurons of the shared expert; empty = there is none.
        Its modules are the ``activation`` and ``down`` of the architecture.
    """

    module: str
    count: str
    width: str
    shared_width: str = ""


@dataclass(frozen=True)
class Architecture:
    """Where one family keeps its layers and the tensors of its feed-forward network.

    Attributes
    ----------
    layers
        Path of the list of decoder layers in the base model (the one without LM head).
    activation
        Path in a layer of the module whose output is ``gate``.
    down
        Path in a layer of the module whose input is ``product``.
    gated
        Whether ``product`` = ``gate`` * (W_up x); else both are the same tensor.
    width
        Key of the configuration that holds the number of neurons per layer; empty or null there
        means four times the hidden size.
    batching
        ``packed``: attention goes through the attention registry, so that sentences share a row;
        ``padded``: it does not, each sentence has a row of its own.
    experts
        For a mixture of experts; ``activation`` and ``down`` are then those of a shared expert.
    """

    layers: str
    activation: str
    down: str
    gated: bool = True
    width: str = "intermediate_size"
    batching: Literal["packed", "padded"] = "packed"
    experts: Experts | None = None

    @property
    def sites(self) -> str:
        """Both sites in words, for cards and messages."""
        if self.experts is not None:
            gate = f"act of each expert in {self.experts.module}"
            return f"gate = {gate}; product = gate * up of the same expert; 0 where not routed"
        product = f"input of {self.down}"
        return f"gate = output of {self.activation}; product = {product}"


_LLAMA = Architecture("layers", "mlp.act_fn", "mlp.down_proj")
_FUSED = Architecture("layers", "mlp.activation_fn", "mlp.down_proj")


def _ungated(layers: str, activation: str, down: str, **more: Any) -> Architecture:
    return Architecture(layers, activation, down, gated=False, **more)


def _mixture(count: str, width: str, shared_width: str = "") -> Architecture:
    shared = ("mlp.shared_expert.act_fn", "mlp.shared_expert.down_proj")
    experts = Experts("mlp.experts", count, width, shared_width)
    return Architecture("layers", *(shared if shared_width else ("", "")), experts=experts)


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
    "gpt2": _ungated("h", "mlp.act", "mlp.c_proj", width="n_inner"),
    "gpt_neox": _ungated("layers", "mlp.act", "mlp.dense_4h_to_h"),
    "opt": _ungated("decoder.layers", "activation_fn", "fc2", width="ffn_dim"),
    "bloom": _ungated("h", "mlp.gelu_impl", "mlp.dense_4h_to_h", width="", batching="padded"),
    "falcon": _ungated(
        "h", "mlp.act", "mlp.dense_4h_to_h", width="ffn_hidden_size", batching="padded"
    ),
    "mixtral": _mixture("num_local_experts", "intermediate_size"),
    "qwen2_moe": _mixture(
        "num_experts", "moe_intermediate_size", "shared_expert_intermediate_size"
    ),
    "qwen3_moe": _mixture("num_experts", "moe_intermediate_size"),
    "olmoe": _mixture("num_experts", "intermediate_size"),
}


def known_architecture(config: Any) -> Architecture | None:
    """The row of a transformers configuration, or None where the family has none.

    Parameters
    ----------
    config
        A ``transformers.PreTrainedConfig``.

    Raises
    ------
    ModelError
        A model that cannot be measured as it is: a multimodal wrapper, an encoder-decoder, a
        variant of a known family whose layers differ.
    """
    kind = config.model_type
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(
            f"'{kind}' is an encoder-decoder; the method is defined for decoders alone",
            allowed="decoder language models",
        )
    if kind not in ARCHITECTURES and hasattr(config, "text_config"):
        raise ModelError(
            f"'{kind}' is a multimodal wrapper",
            remedy="name its language model in the column 'part' of the models sheet, often "
            f"'language_model' (here of type '{config.text_config.model_type}')",
        )
    _refuse_uneven(config)
    return ARCHITECTURES.get(kind)


def neurons_per_layer(config: Any, architecture: Architecture) -> int:
    """Number of FFN neurons in each layer of a model; of all experts in a mixture."""
    experts = architecture.experts
    if experts is not None:
        routed = int(getattr(config, experts.count)) * int(getattr(config, experts.width))
        shared = getattr(config, experts.shared_width) if experts.shared_width else 0
        return routed + int(shared)
    width = getattr(config, architecture.width, None) if architecture.width else None
    return int(4 * config.hidden_size if width is None else width)


def _refuse_uneven(config: Any) -> None:
    """Layers must be alike: a store has one number of neurons and one hidden size."""
    kind = config.model_type
    embedded = getattr(config, "word_embed_proj_dim", config.hidden_size)
    if embedded != config.hidden_size:
        raise ModelError(
            f"this '{kind}' has embeddings of {embedded} units and layers of {config.hidden_size}",
            remedy="choose a model whose hidden states have one size",
        )
    dense = getattr(config, "mlp_only_layers", None)
    if dense or getattr(config, "decoder_sparse_step", 1) != 1:
        raise ModelError(
            f"this '{kind}' mixes dense layers with layers of experts",
            remedy="choose a model whose layers are alike",
        )
    width = getattr(config, "intermediate_size", None)
    if isinstance(width, list | tuple) and len(set(width)) > 1:
        raise ModelError(
            f"the layers of this '{kind}' have different numbers of neurons",
            remedy="choose a model whose layers are alike",
        )
