"""The memory that an extraction takes at least, refused before a model is loaded.

It is a lower bound: the weights in the precision of the forward pass, the blocks that are filled
and written, and the states of one layer for the tokens of a pass. What a forward pass takes besides
depends on kernels; a run that passes here may still meet its limit, but one that is refused would
surely have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from neuronxa.config import ExtractionRow
from neuronxa.errors import ModelError
from neuronxa.machine import control_groups
from neuronxa.models.snapshot import ModelCard, count_parameters
from neuronxa.stores.layout import Layout

#: Bytes of a number in each precision.
ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
#: A block is filled while the one before is written.
_BLOCKS = 2
#: What a forward pass holds of a layer's neurons: the gate, the product, and a copy to be pooled.
_LAYER_COPIES = 3


@dataclass(frozen=True)
class Need:
    """Bytes that an extraction takes at least.

    Attributes
    ----------
    weights
        The model on its device.
    states
        States of one layer for the tokens of a forward pass, on the device.
    blocks
        Blocks of sentences that are filled and written, in the memory of the machine.
    """

    weights: int
    states: int
    blocks: int

    @classmethod
    def of(
        cls,
        snapshot: Path,
        card: ModelCard,
        extraction: ExtractionRow,
        *,
        token_budget: int,
        block_sentences: int,
    ) -> Need:
        """The need of a model; its parameters are counted in the headers of its weights."""
        item = ITEM_BYTES[extraction.dtype]
        layout = Layout.of(
            extraction,
            sentences=block_sentences,
            block_sentences=block_sentences,
            layers=card.layers,
            neurons=card.neurons,
            hidden_size=card.hidden_size,
        )
        specs = [layout.spec(name) for name in layout.arrays]
        block = sum(math.prod(layout.shape(spec)) * spec.itemsize for spec in specs)
        return cls(
            weights=count_parameters(snapshot, [f".{card.part}."] * bool(card.part)) * item,
            states=token_budget * card.neurons * item * _LAYER_COPIES,
            blocks=_BLOCKS * block,
        )

    def spread(self, device: str) -> str | None:
        """``auto`` where the model needs more than the first GPU, and the job has several."""
        if device != "cuda" or self.weights + self.states <= free_memory("cuda:0"):
            return None
        return "auto" if len(_gpus()) > 1 else None

    def check(self, device: str, *, where: str) -> None:
        """Refuse an extraction that cannot fit.

        Parameters
        ----------
        device
            ``cpu``, ``cuda`` or ``cuda:<index>``.
        where
            Model and corpus, for the message.

        Raises
        ------
        ModelError
            Device or machine have less memory free than the extraction takes at least.
        """
        on_device = self.weights + self.states
        rooms = [("the machine", free_memory(), self.blocks + on_device * (device == "cpu"))]
        if device != "cpu":
            gpus = _gpus() if device == "cuda" else [device]
            named = device if len(gpus) < 2 else f"{len(gpus)} GPUs"
            rooms.append((named, sum(map(free_memory, gpus)), on_device))
        for place, free, needed in rooms:
            if needed > free:
                raise ModelError(
                    f"the extraction needs at least {needed / 1e9:.1f} GB of {place}, "
                    f"{free / 1e9:.1f} GB are free: weights {self.weights / 1e9:.1f} GB, "
                    f"states of a layer {self.states / 1e9:.2f} GB, "
                    f"blocks {self.blocks / 1e9:.2f} GB",
                    where=where,
                    remedy="use a machine with more memory, more GPUs for the job, 'dtype' "
                    "bfloat16 in the extractions sheet, or a smaller 'extraction.block_sentences' "
                    "or 'extraction.token_budget'",
                )


def free_memory(device: str = "cpu") -> int:
    """Bytes that this process may still take: of a GPU, or here within its control groups."""
    if device != "cpu":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    available = int(psutil.virtual_memory().available)
    group = control_groups.room()
    return available if group is None else min(available, group)


def _gpus() -> list[str]:
    """The GPUs that this job sees."""
    import torch

    return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
