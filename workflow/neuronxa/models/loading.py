"""Load a snapshot for a forward pass."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuronxa.errors import ModelError

#: Local files alone, and no code that comes with weights. Where it is not forbidden in so many
#: words, transformers asks on the terminal whether to run it.
LOCAL: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}

#: How a model is spread over devices: not at all, ``auto``, or module -> device.
Spread = str | Mapping[str, str] | None


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


def read_config(folder: Path, part: str = "") -> Any:
    """The transformers configuration of the language model in a folder.

    Parameters
    ----------
    folder
        Folder in transformers' layout.
    part
        Path of the language model inside a multimodal one.

    Raises
    ------
    ModelError
        transformers has no code for it, or there is no such part.
    """
    from transformers import AutoConfig

    content = _check_config(folder / "config.json")
    try:
        config = AutoConfig.from_pretrained(folder, **LOCAL)
    except (ValueError, KeyError, OSError) as error:
        why = (
            "it brings its own, which is never run"
            if content.get("auto_map")
            else str(error).splitlines()[0][:200]
        )
        raise ModelError(
            f"transformers has no code for this model ({why})",
            where=str(folder),
            remedy="choose the form of the model that transformers knows (GLM-4: the repositories "
            "that end in -hf); code that comes with weights is never run",
        ) from None
    if not part:
        return config
    inner = getattr(config, "text_config", None)
    if inner is None:
        raise ModelError(
            f"it has no part '{part}': it is a language model itself",
            where=str(folder),
            remedy="leave the column 'part' of the models sheet empty",
        )
    return inner


def _check_config(path: Path) -> dict[str, Any]:
    """Read the file, to tell a damaged one from a family that transformers does not know."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"cannot be read as JSON ({error})",
            where=str(path),
            remedy="copy or fetch the model's config.json again",
        ) from None
    if not isinstance(content, dict) or not content.get("model_type"):
        raise ModelError(
            "names no 'model_type'",
            where=str(path),
            remedy="use a model in the layout of transformers, whose config.json names its family",
        )
    return content


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a snapshot, from local files alone."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, **LOCAL)
    except Exception as error:  # the library for tokenizers raises nothing narrower
        raise ModelError(
            f"the tokenizer cannot be loaded ({str(error).splitlines()[0][:200]})",
            where=str(folder),
            remedy="bring the model's tokenizer.json (or tokenizer.model) beside its weights",
        ) from None


def load_base(
    folder: Path,
    *,
    dtype: str,
    device: str,
    attention: str | None = None,
    part: str = "",
    spread: Spread = None,
    **more: Any,
) -> Any:
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
        Name in the attention registry of transformers; None = its choice for the family.
    part
        Path of the language model inside a multimodal one; the rest is dropped.
    spread
        Where its modules lie, if not all on `device`: ``auto`` fills one GPU after the other, then
        the machine's memory; or module -> device, ``disk`` for what is read when it is needed.
    more
        Further settings of ``from_pretrained``.
    """
    from transformers import AutoModel

    if spread is not None:
        more["device_map"] = spread
    model = _load(AutoModel, folder, dtype=dtype, attention=attention, **more)
    if part:
        try:
            model = model.get_submodule(part)
        except AttributeError:
            parts = [name for name, _ in model.named_children()]
            raise ModelError(
                f"it has no part '{part}'",
                where=str(folder),
                allowed=parts,
                remedy="correct the column 'part' of the models sheet",
            ) from None
    return (model if spread is not None else model.to(device)).eval()


def load_causal(folder: Path, *, dtype: str = "float32", device: str = "cpu") -> Any:
    """The model with its LM head, in eval mode: for probes that need probabilities."""
    from transformers import AutoModelForCausalLM

    model = _load(AutoModelForCausalLM, folder, dtype=dtype)
    return model.to(device).eval()


def _load(kind: Any, folder: Path, *, dtype: str, attention: str | None = None, **more: Any) -> Any:
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # a base model never uses the weights of the LM head
    try:
        return kind.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            attn_implementation=attention,
            use_safetensors=True,
            **LOCAL,
            **more,
        )
    except RuntimeError as error:  # so it is told that weights and config do not belong together
        if "mismatch" not in str(error):
            raise
        raise ModelError(
            "the weights have other sizes than config.json says",
            where=str(folder),
            remedy="bring config and weights of one and the same model",
        ) from None
