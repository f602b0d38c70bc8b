"""A model whose layers lie in several places: its states are those of the whole model."""

import numpy as np
import pytest
import torch

from neuronxa.activations import memory
from neuronxa.activations.extraction import Extractor, open_store
from neuronxa.activations.memory import Need
from neuronxa.activations.texts import identity_of
from neuronxa.activations.tokens import tokenise
from neuronxa.config import ExtractionRow
from neuronxa.errors import ModelError
from neuronxa.models.loading import load_tokenizer
from neuronxa.stores.activations import Activations

from .extracting import SENTENCES, extract, rows, snapshot_of, text

ROW = ExtractionRow(extraction="e", label="e", site="both")


def spread_over(folder, card, root, spread, *, device="cpu"):
    """The store of a text, by a model that is spread."""
    own = text("eng_Latn")
    store = open_store(
        root / "spread",
        card=card,
        identity=identity_of(own, card=card, corpus="toy", extraction=ROW),
        block_sentences=3,
    )
    tokens = tokenise(load_tokenizer(folder), own.sentences, ROW)
    extractor = Extractor(folder, ROW, device=device, token_budget=64, spread=spread)
    places = {str(parameter.device) for parameter in extractor.capture.model.parameters()}
    extractor.run([store], [tokens])
    store.publish()
    return Activations(store.folder), places


def places_of(model, card, first, others):
    """The first layer and what is beside the layers in one place, the other layers in another."""
    beside = [name for name, _ in model.base_model.named_children() if name != "layers"]
    layers = {f"layers.{n}": first if n == 0 else others for n in range(card.layers)}
    return {**dict.fromkeys(beside, first), **layers}


@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "qwen3"])
def test_layers_that_are_read_from_the_disk_give_the_same_states(kind, tmp_path):
    model, folder, card = snapshot_of(kind, tmp_path)
    (whole,) = extract(folder, card, tmp_path, [text("eng_Latn")], site="both")
    spread = places_of(model, card, "cpu", "disk")
    found, places = spread_over(folder, card, tmp_path, spread)
    assert places == {"cpu", "meta"}  # those on the disk have no memory between their turns
    for name in whole.representations:
        assert np.array_equal(rows(found, name), rows(whole, name)), name
    assert np.array_equal(found.array("active_gate"), whole.array("active_gate"))
    assert found.manifest["facts"]["invariance"]["nas_gate"]["beyond"] == 0
    assert len(SENTENCES) == len(found.array("tokens"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_layers_on_a_gpu_and_beside_it_give_the_same_states(tmp_path):
    model, folder, card = snapshot_of("llama", tmp_path)
    (whole,) = extract(folder, card, tmp_path, [text("eng_Latn")], site="both")
    spread = places_of(model, card, "cuda:0", "cpu")
    found, _ = spread_over(folder, card, tmp_path, spread, device="cuda")
    for name in whole.representations:
        scale = np.abs(rows(whole, name)).max()
        np.testing.assert_allclose(rows(found, name), rows(whole, name), atol=1e-4 * scale)


def test_a_model_is_spread_only_where_one_gpu_does_not_hold_it(monkeypatch):
    need = Need(weights=1000, states=100, blocks=1)
    free = {"cuda:0": 2000, "cuda:1": 700}
    monkeypatch.setattr(memory, "free_memory", lambda device="cpu": free.get(device, 10_000))
    monkeypatch.setattr(memory, "_gpus", lambda: list(free))
    assert need.spread("cuda") is None
    assert need.spread("cpu") is None
    free["cuda:0"] = 500
    assert need.spread("cuda") == "auto"
    assert need.spread("cuda:0") is None
    need.check("cuda", where="m")  # 1100 of 1200 bytes on two
    free["cuda:1"] = 500
    with pytest.raises(ModelError, match=r"of 2 GPUs(.|\n)*more GPUs for the job"):
        need.check("cuda", where="m")
    monkeypatch.setattr(memory, "_gpus", lambda: ["cuda:0"])
    assert need.spread("cuda") is None
