"""The two real snapshots are the models that they say: proofs from outside of the snapshots.

A snapshot with a wrong tensor, rotary order, norm or tokenizer would run as well as a right one,
and every comparison of forward passes on it would agree. So here its weights are decoded again
from the GGUF file, its tokens are made again from the file's vocabulary, and plain text must be
as probable as it is to such a model.
"""

from __future__ import annotations

import pytest
import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer

from neuronxa.config import ModelRow
from neuronxa.models.gguf import plain_memory
from neuronxa.models.sources import fetch
from neuronxa.sheets import read_sheet

from .bpe import ByteLevel, SentencePiece
from .names import GEMMA, MODELS, SMOLLM


@pytest.fixture(scope="package")
def rows(repository):
    return read_sheet(repository / "config" / "models.tsv", ModelRow, key="model")


@pytest.fixture(scope="package")
def sources(rows, tmp_path_factory):
    """The GGUF file of each model, as the installed package carries it."""
    folder = tmp_path_factory.mktemp("gguf")
    return {model: fetch(rows[model], folder).path for model in MODELS}


@pytest.fixture(scope="package")
def readers(sources):
    with plain_memory():
        return {model: GGUFReader(path) for model, path in sources.items()}


@pytest.fixture(scope="package")
def metadata(readers):
    return {
        model: {key: field.contents() for key, field in reader.fields.items()}
        for model, reader in readers.items()
    }


@pytest.fixture(scope="package")
def tokenizers(snapshots):
    return {model: AutoTokenizer.from_pretrained(folder) for model, folder in snapshots.items()}


@pytest.fixture(scope="package")
def by_hand(metadata):
    return {GEMMA: SentencePiece(metadata[GEMMA]), SMOLLM: ByteLevel(metadata[SMOLLM])}


@pytest.fixture(scope="package")
def causals(snapshots):
    return {
        model: AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        for model, folder in snapshots.items()
    }
