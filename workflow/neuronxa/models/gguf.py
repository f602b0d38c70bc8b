"""GGUF files: float32 weights again, and the tokenizer that the file describes.

A GGUF file names the rule by which text is split into words before anything is merged, and does
not write it out. transformers takes the words of GPT-2 where it does not know the name, and says
nothing: so names are checked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

from neuronxa.errors import ModelError
from neuronxa.models.loading import LOCAL

#: Names of llama.cpp for the words of GPT-2, which transformers takes for every name that it does
#: not know. "default" is not one of them: llama.cpp has a rule of its own for files of BPE that do
#: not tell theirs, and warns of it.
GPT2_WORDS = frozenset({"gpt-2", "gpt2", "phi-2"})
#: Names of llama.cpp for: every digit is a word, the rest are the words of GPT-2. It has more names
#: for this rule (command-r, exaone, ...), of tokenizers that do more or that were not compared.
DIGITS_THEN_GPT2_WORDS = frozenset({"smollm", "starcoder", "refact"})


def write_gguf(path: Path, folder: Path) -> str:
    """Dequantise a GGUF file to float32 safetensors and keep its tokenizer.

    Parameters
    ----------
    path
        The GGUF file.
    folder
        Where weights, configuration and tokenizer are written.

    Returns
    -------
    str
        How the file stores its weights, in words.

    Raises
    ------
    ModelError
        The file is damaged, transformers does not know its architecture, or it is not known how
        its tokenizer splits text into words.
    """
    import torch
    from transformers import AutoModelForCausalLM

    kinds = _check_gguf(path)
    load_gguf_tokenizer(path).save_pretrained(folder)
    with plain_memory():
        quantised = AutoModelForCausalLM.from_pretrained(
            str(path.parent), gguf_file=path.name, dtype=torch.float32, **LOCAL
        )
    # transformers refuses to save a model that remembers a quantised origin: rebuild it from the
    # bare config, with the dequantised weights.
    config = quantised.config
    del config.quantization_config
    config._name_or_path = ""
    model = type(quantised)(config)
    model.load_state_dict(quantised.state_dict())
    model.save_pretrained(folder)
    return f"GGUF ({', '.join(kinds)}), made float32 again"


def _check_gguf(path: Path) -> list[str]:
    """Refuse what is no whole GGUF file or cannot be loaded; the kinds of its tensors."""
    from gguf import GGUFReader
    from transformers.integrations.gguf import GGUF_ARCHS
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    try:
        with plain_memory():
            reader = GGUFReader(path)
        end = max((int(t.data_offset) + int(t.n_bytes) for t in reader.tensors), default=0)
        if end > path.stat().st_size:
            raise ValueError("it is shorter than its header says")
        architecture = str(read_metadata(path)["general.architecture"])
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise ModelError(
            f"not a whole GGUF file ({error})", where=str(path), remedy="copy or fetch it again"
        ) from None
    # the mapping has two entries that are no architectures
    known = {*GGUF_ARCHS, *GGUF_SUPPORTED_ARCHITECTURES} - {"general", "tokenizer"}
    if architecture not in known:
        raise ModelError(
            f"transformers cannot read GGUF files of the architecture '{architecture}'",
            where=str(path),
            allowed=sorted(known),
            remedy="use the model in transformers' form (source 'folder' or 'hub')",
        )
    return sorted({tensor.tensor_type.name for tensor in reader.tensors})


def load_gguf_tokenizer(path: Path) -> Any:
    """Load the tokenizer that a GGUF file describes.

    Parameters
    ----------
    path
        The GGUF file.

    Returns
    -------
    Any
        A tokenizer of transformers that splits text into words as the file says.

    Raises
    ------
    ModelError
        The rule that the file names is not known, or it names none.
    """
    from transformers import AutoTokenizer
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    with plain_memory():
        tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name, **LOCAL)
    metadata = read_metadata(path)
    if metadata.get("tokenizer.ggml.model") != "gpt2":
        return tokenizer  # not byte-level BPE: no words are split before merging
    kind = metadata.get("tokenizer.ggml.pre", "")
    if kind in DIGITS_THEN_GPT2_WORDS:
        _split_digits_first(tokenizer)
    elif kind not in GPT2_WORDS and kind not in GGUF_PRE_TOKENIZER_SPLITS:
        raise ModelError(
            f"the words of kind '{kind}' are not known"
            if kind
            else "the file does not say how its tokenizer splits text into words",
            where=str(path),
            remedy="use the model in transformers' form (source 'folder' or 'hub')",
        )
    return tokenizer


def read_metadata(path: Path) -> dict[str, Any]:
    """Read the metadata of a GGUF file.

    Parameters
    ----------
    path
        The GGUF file.

    Returns
    -------
    dict of str to Any
        Value of every key; of lists of text only their length.
    """
    from transformers.integrations.gguf import read_gguf_metadata

    metadata, _ = read_gguf_metadata(str(path))
    return dict(metadata)


@contextmanager
def plain_memory() -> Iterator[None]:
    """Let readers of GGUF files map them as plain arrays while this context is open.

    A slice of a `numpy.memmap` costs ten times one of a plain array, and every token of the
    vocabulary is a slice.
    """
    from gguf import gguf_reader

    numpy = ModuleType("numpy")
    numpy.__dict__.update(vars(np))
    numpy.__dict__["memmap"] = lambda path, mode: np.memmap(path, mode=mode).view(np.ndarray)
    with patch.object(gguf_reader, "np", numpy):
        yield


def _split_digits_first(tokenizer: Any) -> None:
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
