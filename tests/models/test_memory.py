"""What an extraction takes at least is told, and refused before the model is loaded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModel

from neuronxa.activations import memory
from neuronxa.activations.memory import Need, free_memory
from neuronxa.activations.shard import Shard
from neuronxa.activations.texts import TextFolder
from neuronxa.config import ExtractionRow
from neuronxa.config.settings import ExtractionSettings
from neuronxa.errors import ModelError
from neuronxa.machine import control_groups

from .extracting import extract, snapshot_of, text

ROW = ExtractionRow(extraction="e", label="e")


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen2_moe"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_are_those_that_are_loaded(kind, dtype, tmp_path):
    _, folder, card = snapshot_of(kind, tmp_path)
    row = ROW.model_copy(update={"dtype": dtype})
    need = Need.of(folder, card, row, token_budget=64, block_sentences=3)
    model = AutoModel.from_pretrained(folder, dtype=getattr(torch, dtype))
    loaded = sum(p.numel() * p.element_size() for p in model.parameters())
    assert need.weights == loaded


def test_blocks_are_those_that_are_filled(tmp_path):
    _, folder, card = snapshot_of("llama", tmp_path)
    (stored,) = extract(folder, card, tmp_path, [text("deu_Latn")], block_sentences=7)
    read = [
        stored.layer(r, n).values for r in stored.representations for n in range(stored.layers(r))
    ]
    small = [stored.array(n) for n in stored.layout.arrays if n not in stored.representations]
    need = Need.of(folder, card, ROW, token_budget=64, block_sentences=7)
    assert need.blocks == 2 * sum(np.asarray(a).nbytes for a in (*read, *small))


def test_too_much_is_refused_before_the_model_is_loaded(tmp_path, monkeypatch):
    _, folder, card = snapshot_of("llama", tmp_path)
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "deu_Latn.txt").write_text("Ein Satz.\n", "utf-8")
    settings = ExtractionSettings(device="cpu", token_budget=64, block_sentences=3)
    found = TextFolder(texts, ("deu_Latn",), "parallel")
    shard = Shard(folder, "toy", found, ROW, settings, tmp_path / "stores")
    need = Need.of(folder, card, ROW, token_budget=64, block_sentences=3)
    total = need.weights + need.states + need.blocks
    monkeypatch.setattr(memory, "free_memory", lambda *_: total - 1)
    with monkeypatch.context() as patch, pytest.raises(ModelError) as refused:
        patch.setattr(AutoModel, "from_pretrained", None)  # would be a TypeError
        shard.publish("deu_Latn")
    assert "GB are free" in str(refused.value)
    assert "block_sentences" in str(refused.value)
    monkeypatch.setattr(memory, "free_memory", lambda *_: total)
    assert shard.publish("deu_Latn").is_file()


def test_free_memory_is_what_the_control_groups_leave(monkeypatch):
    monkeypatch.setattr(control_groups, "room", lambda: None)
    assert free_memory() > 1e8
    monkeypatch.setattr(control_groups, "room", lambda: 250)
    assert free_memory() == 250
