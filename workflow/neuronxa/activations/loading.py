"""A model made ready for capture: its sites proven, its sentences packed where that is right."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuronxa.activations import experts, packing
from neuronxa.models.architectures import ARCHITECTURES, Architecture
from neuronxa.models.inspection import architecture_of, prove_sites
from neuronxa.models.loading import Spread, load_base, read_config

logger = logging.getLogger(__name__)


def load_for_capture(
    snapshot: Path, *, dtype: str, device: str, part: str = "", spread: Spread = None
) -> tuple[Any, Architecture]:
    """Load the base model of a snapshot and prove what its architecture says.

    Parameters
    ----------
    snapshot
        Folder of the snapshot.
    dtype, device, part, spread
        As in `neuronxa.models.loading.load_base`.

    Returns
    -------
    tuple
        The model, and its architecture with the batching that is right for it.

    Raises
    ------
    ModelError
        The family cannot be measured, or an equation of its sites does not hold.
    """
    import torch

    # sums of integers would not be exact in the short mantissa of TF32
    torch.set_float32_matmul_precision("highest")
    packing.register()
    experts.register()
    config = read_config(snapshot, part)
    architecture = architecture_of(config)
    packed = architecture.batching == "packed"
    mixture = {"experts_implementation": experts.EXPERTS} if architecture.experts else {}
    model = load_base(
        snapshot,
        dtype=dtype,
        device=device,
        part=part,
        attention=packing.ATTENTION if packed else None,
        spread=spread,
        **mixture,
    )
    if not architecture.experts:
        prove_sites(model, architecture)
    # tried for families of the table too: a row can be wrong, and a layer change with its library;
    # where rounding sends a token to other experts, nothing is learnt from it
    told = bool(architecture.experts) and config.model_type in ARCHITECTURES
    if packed and not told and not packing.packing_holds(model, device=device):
        logger.warning("sentences of '%s' cannot share a row: padded", config.model_type)
        model.set_attn_implementation("sdpa" if type(model)._supports_sdpa else "eager")
        architecture = replace(architecture, batching="padded")
    return model, architecture
