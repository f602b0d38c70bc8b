"""The shape of a model before it is run: from its snapshot, its configuration or its row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuronxa.config import ModelRow, Shape
from neuronxa.models.architectures import ARCHITECTURES
from neuronxa.models.snapshot import HANDLE, read_card


def shape_of(row: ModelRow, snapshot: Path) -> Shape | None:
    """Shape of a model, from the best that is there.

    Parameters
    ----------
    row
        Its row in the models sheet.
    snapshot
        Folder of its snapshot, perhaps not made yet.

    Returns
    -------
    Shape or None
        From the card of the snapshot; else from the configuration in the model's own folder, its
        parameters by arithmetic; else from the column ``shape``. None where none of them tells.
    """
    if (snapshot / HANDLE).is_file():
        card = read_card(snapshot)
        return Shape(card.layers, card.neurons, card.hidden_size, card.parameters)
    if row.source != "folder":
        return row.told
    try:
        path = Path(row.location).expanduser() / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return row.told
    return _configured(config.get("text_config", {}) if row.part else config) or row.told


def _configured(config: Mapping[str, Any]) -> Shape | None:
    """Shape as the configuration of a known family names it."""

    def first(*names: str) -> int | None:
        values = [config[name] for name in names if isinstance(config.get(name), int)]
        return values[0] if values else None

    layers = first("num_hidden_layers", "n_layer", "num_layers")
    hidden = first("hidden_size", "n_embd", "d_model")
    architecture = ARCHITECTURES.get(str(config.get("model_type")))
    if layers is None or hidden is None or architecture is None:
        return None
    experts = architecture.experts
    if experts is None:
        neurons = first(architecture.width) or 4 * hidden
    else:
        count, width = first(experts.count), first(experts.width)
        shared = first(experts.shared_width) if experts.shared_width else 0
        if count is None or width is None or shared is None:
            return None
        neurons = count * width + shared
    heads = first("num_attention_heads", "n_head") or 1
    values = first("num_key_value_heads") or heads
    head = first("head_dim") or hidden // heads
    attention = 2 * hidden * head * (heads + values)
    network = (3 if architecture.gated else 2) * hidden * neurons
    return Shape(layers, neurons, hidden, layers * (attention + network))
