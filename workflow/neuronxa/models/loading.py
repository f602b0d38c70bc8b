"""Load a snapshot for a forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuronxa.errors import ModelError


def choose_device(wanted: str) -> str:
    """``auto`` becomes ``cuda`` where there is a GPU, else ``cpu``; anything else is checked.

    Raises
    ------
    ModelError
        A GPU is asked for and there is none.
    """
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise ModelError(
            f"device '{wanted}' is asked for, but torch sees no GPU",
            where="extraction.device",
            allowed="auto, cpu",
            remedy="use 'auto', or install a CUDA build of torch",
        )
    return wanted


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a snapshot, from local files alone."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def load_base(folder: Path, *, dtype: str, device: str, attention: str = "sdpa") -> Any:
    """The model without its LM head, in eval mode.

    Parameters
    ----------
    folder
        Snapshot.
    dtype
        ``float32``, ``bfloat16`` or ``float16``; always explicit, since transformers would
        otherwise take the checkpoint's.
    device
        ``cpu``, ``cuda`` or ``cuda:<index>``.
    attention
        Name in the attention registry of transformers.
    """
    from transformers import AutoModel

    return _load(AutoModel, folder, dtype=dtype, device=device, attention=attention)


def load_causal(folder: Path, *, dtype: str = "float32", device: str = "cpu") -> Any:
    """The model with its LM head, in eval mode: for probes that need probabilities."""
    from transformers import AutoModelForCausalLM

    return _load(AutoModelForCausalLM, folder, dtype=dtype, device=device, attention="sdpa")


def _load(kind: Any, folder: Path, *, dtype: str, device: str, attention: str) -> Any:
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # a base model never uses the weights of the LM head
    model = kind.from_pretrained(
        folder,
        dtype=getattr(torch, dtype),
        attn_implementation=attention,
        local_files_only=True,
        use_safetensors=True,
    )
    return model.to(device).eval()
