"""The FFN sites of a model that no row describes: found in its modules, proven on its numbers.

A regular architecture has one list of layers, and in each layer one projection back to the hidden
size outside attention, with one activation module beside it. What is found is then checked on the
loaded model (`prove_sites`): an equation that does not hold on real numbers is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from neuronxa.errors import ModelError
from neuronxa.models.architectures import Architecture, known_architecture

logger = logging.getLogger(__name__)

#: Relative difference that rounding may make between a tensor and its equation.
_ROUNDING = {"float32": 1e-4, "bfloat16": 5e-2, "float16": 1e-2}


def architecture_of(config: Any) -> Architecture:
    """The architecture of a configuration: its row of the table, or what its modules tell.

    Parameters
    ----------
    config
        A ``transformers.PreTrainedConfig`` of a language model.

    Raises
    ------
    ModelError
        The model cannot be measured, with the reason.
    """
    known = known_architecture(config)
    return known if known is not None else _inspected(config)


def _inspected(config: Any) -> Architecture:
    """Look into the modules of an unknown family, without its weights."""
    import torch
    from transformers import AutoModel

    try:
        with torch.device("meta"):
            model = AutoModel.from_config(config)
    except Exception as error:  # whatever transformers makes of a configuration it does not know
        raise _unknown(config, f"transformers cannot build it ({error})") from None
    layers = _list_of_layers(model, config)
    stack = model.get_submodule(layers)
    found = {(*_find_ffn(layer, config),) for layer in stack}
    if len(found) != 1:
        raise _unknown(config, "its layers are not alike")
    activation, down, gated, width = found.pop()
    architecture = Architecture(
        layers,
        activation,
        down,
        gated=gated,
        width=_key_of_width(config, width),
        # whether packing is right shows on numbers (`neuronxa.activations.packing.packing_holds`)
        batching="packed" if type(model)._supports_attention_backend else "padded",
    )
    logger.warning(
        "model type '%s' is not in the table of architectures; found by inspection: %s, %s",
        config.model_type,
        layers,
        architecture.sites,
    )
    return architecture


def _list_of_layers(model: Any, config: Any) -> str:
    from torch.nn import ModuleList

    lists = [
        name
        for name, module in model.named_modules()
        if isinstance(module, ModuleList) and len(module) == config.num_hidden_layers
    ]
    if len(lists) != 1:
        raise _unknown(config, f"{len(lists)} lists of {config.num_hidden_layers} layers, not one")
    return str(lists[0])


def _find_ffn(layer: Any, config: Any) -> tuple[str, str, bool, int]:
    """Paths of activation and down projection, whether it is gated, and the number of neurons."""
    hidden = config.hidden_size
    inside = [
        (name, module)
        for name, module in layer.named_modules()
        if not _in_attention(layer, name) and _is_projection(module)
    ]
    downs = [(name, m) for name, m in inside if _sizes(m)[1] == hidden and _sizes(m)[0] != hidden]
    if len(downs) != 1:
        raise _unknown(config, f"{len(downs)} projections back to the hidden size, not one")
    down, module = downs[0]
    width = _sizes(module)[0]
    parent = down.rpartition(".")[0]
    beside = layer.get_submodule(parent) if parent else layer
    activations = [name for name, child in beside.named_children() if _is_activation(child)]
    if len(activations) != 1:
        raise _unknown(config, f"{len(activations)} activation modules beside '{down}', not one")
    ups = [_sizes(m)[1] for name, m in inside if name != down and _sizes(m)[0] == hidden]
    inner = {id(p) for _, m in inside for p in m.parameters()}
    if parent and any(id(p) not in inner for p in beside.parameters()):
        raise _unknown(config, f"'{parent}' does more than an FFN")
    gated = sorted(ups) in ([width, width], [2 * width])
    if not gated and ups != [width]:
        raise _unknown(config, f"projections to {ups} units before {width} neurons")
    return (f"{parent}.{activations[0]}" if parent else activations[0]), down, gated, width


def _in_attention(layer: Any, name: str) -> bool:
    """Whether a module lies inside an attention module of its layer."""
    parts = name.split(".")
    owners = (layer.get_submodule(".".join(parts[:end])) for end in range(1, len(parts) + 1))
    return any("attention" in type(owner).__name__.lower() for owner in owners)


def _is_projection(module: Any) -> bool:
    return getattr(module, "weight", None) is not None and module.weight.ndim == 2


def _sizes(module: Any) -> tuple[int, int]:
    """Input and output size; transformers' Conv1D keeps its weight transposed."""
    rows, columns = module.weight.shape
    return (rows, columns) if type(module).__name__ == "Conv1D" else (columns, rows)


def _is_activation(module: Any) -> bool:
    """A known activation, or a leaf without parameters that is neither dropout nor norm."""
    kind = type(module)
    if kind.__module__ in ("transformers.activations", "torch.nn.modules.activation"):
        return True
    empty = not any(True for _ in module.parameters()) and not any(True for _ in module.children())
    other = ("dropout", "identity", "norm", "rotary")
    return empty and not any(word in kind.__name__.lower() for word in other)


def _key_of_width(config: Any, width: int) -> str:
    for key in ("intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner", "d_ff", "ffn_size"):
        if getattr(config, key, None) == width:
            return key
    if width == 4 * config.hidden_size:
        return ""
    raise _unknown(config, f"no key of its configuration says {width} neurons")


def _unknown(config: Any, why: str) -> ModelError:
    return ModelError(
        f"the FFN sites of model type '{config.model_type}' are not known, and looking for them "
        f"did not settle it: {why}",
        remedy="add a row to neuronxa/models/architectures.py",
    )


def prove_sites(model: Any, architecture: Architecture) -> None:
    """Check the equations of both sites on a loaded model, in every layer, with one short forward.

    ``gate`` must be act(p) for a projection p of the FFN's input, ``product`` must be ``gate`` * u
    for another projection u (gated) or ``gate`` itself. A fused projection counts as two.

    Parameters
    ----------
    model
        Base model in eval mode; not a mixture of experts.
    architecture
        What is to be proven.

    Raises
    ------
    ModelError
        An equation does not hold.
    """
    import torch

    ids = torch.arange(5, 13, device=next(model.parameters()).device)[None]
    layers = model.get_submodule(architecture.layers)
    with _watched(layers, architecture) as seen, torch.inference_mode():
        model(input_ids=ids % model.config.vocab_size, use_cache=False)
    tolerance = _ROUNDING[str(model.dtype).removeprefix("torch.")]
    for index, watched in enumerate(seen):
        why = _disproof(watched, gated=architecture.gated, tolerance=tolerance)
        if why:
            raise ModelError(
                f"the sites are not what the architecture says ({architecture.sites}): {why}",
                where=f"model type '{model.config.model_type}', layer {index}",
                remedy="correct the row of this family in neuronxa/models/architectures.py",
            )


@contextmanager
def _watched(layers: Any, architecture: Architecture) -> Iterator[list[dict[str, Any]]]:
    """Keep, per layer, input and output of the activation, the product and all projections."""
    seen: list[dict[str, Any]] = [{"projections": []} for _ in layers]
    handles = []

    def keep(index: int, what: str) -> Callable[..., None]:
        def hook(_module: Any, inputs: Any, output: Any) -> None:
            if what == "activation":
                seen[index]["input"], seen[index]["gate"] = _flat(inputs[0]), _flat(output)
            elif what == "down":
                seen[index]["product"] = _flat(inputs[0])
            else:
                seen[index]["projections"].append(_flat(output))

        return hook

    try:
        for index, layer in enumerate(layers):
            parent, _, last = architecture.down.rpartition(".")
            beside = layer.get_submodule(parent) if parent else layer
            for name, child in beside.named_children():
                if name != last and _is_projection(child):
                    handles.append(child.register_forward_hook(keep(index, "projection")))
            for what in ("activation", "down"):
                module = layer.get_submodule(getattr(architecture, what))
                handles.append(module.register_forward_hook(keep(index, what)))
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _flat(states: Any) -> Any:
    """As float32 ``(token, unit)``."""
    return states.detach().reshape(-1, states.shape[-1]).float()


def _disproof(seen: dict[str, Any], *, gated: bool, tolerance: float) -> str:
    """Why the equations do not hold in a layer; empty where they do."""
    if not {"gate", "product"} <= seen.keys():
        return "the modules of the sites were not called"
    gate, product = seen["gate"], seen["product"]
    width = gate.shape[-1]
    halves = [half for p in seen["projections"] for half in p.split(width, dim=-1)]
    halves = [half for half in halves if half.shape == gate.shape]

    def equal(a: Any, b: Any) -> bool:
        scale = float(b.abs().max()) or 1.0
        return a.shape == b.shape and float((a - b).abs().max()) <= tolerance * scale

    sources = [n for n, half in enumerate(halves) if equal(half, seen["input"])]
    if not sources:
        return "the activation's input is not a projection of the FFN's input"
    if not gated:
        return "" if equal(product, gate) else "the down projection's input is not the activation"
    others = [half for n, half in enumerate(halves) if n != sources[0]]
    if not any(equal(product, gate * other) for other in others):
        return "the down projection's input is not act(gate) * up"
    return ""
