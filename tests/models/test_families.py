"""Every family stores the tensors that a forward pass written by hand from its weights gives."""

import numpy as np
import pytest

from neuronxa.models.architectures import ARCHITECTURES
from neuronxa.models.inspection import architecture_of

from .extracting import SENTENCES, extract, rows, snapshot_of, text
from .reference import forward, pool, weighted_sum, weights_of
from .tiny import CONFIGS, tiny_tokenizer

#: A state this close to zero may be turned by float32 rounding.
DOUBT = 1e-5

#: Families without a row in the table: found by inspection.
INSPECTED = {"olmo3", "smollm3", "granite", "phi"}


def test_every_family_of_the_table_is_proven():
    proven = {settings["model_type"] for settings in CONFIGS.values()}
    assert proven == set(ARCHITECTURES) | INSPECTED


@pytest.mark.parametrize("kind", CONFIGS)
def test_stored_states_equal_a_forward_pass_written_by_hand(kind, tmp_path):
    model, folder, card = snapshot_of(kind, tmp_path)
    (stored,) = extract(folder, card, tmp_path, [text("eng_Latn")], site="both")
    weights = weights_of(model)
    active, doubtful = {"gate": 0, "product": 0}, {"gate": 0, "product": 0}
    for index, sentence in enumerate(SENTENCES):
        if not sentence:
            assert not any(rows(stored, n)[:, index].any() for n in stored.representations)
            continue
        ids = tiny_tokenizer()(sentence)["input_ids"]
        states = forward(model.config, weights, np.array(ids))
        position = range(1, len(ids) + 1)
        assert stored.array("tokens")[index] == len(ids)
        assert stored.array("pooling_weight")[index] == sum(position)
        for site in ("gate", "product"):
            on, close = states[site] > 0, (np.abs(states[site]) < DOUBT) & (states[site] != 0)
            active[site] = active[site] + on.sum(axis=1)
            doubtful[site] = doubtful[site] + close.sum(axis=1)
            found = rows(stored, f"nas_{site}")[:, index].astype(int)
            # exact integers: a neuron may be off by its states in doubt, and by nothing else
            off = np.abs(found - weighted_sum(on, position))
            assert (off <= weighted_sum(close, position)).all()
            assert (off == 0).mean() > 0.99
            assert_close(
                rows(stored, f"nav_{site}")[:, index], pool(np.abs(states[site]), position)
            )
        assert_close(rows(stored, "hidden")[:, index], pool(states["hidden"], position))
        assert_close(rows(stored, "hidden_last")[:, index], states["hidden"][:, -1])
    for site, number in active.items():
        counted = stored.array(f"active_{site}").sum(axis=0).astype(int)
        assert (np.abs(counted - number) <= doubtful[site]).all()
    facts = stored.manifest["facts"]
    assert facts["batching"] == architecture_of(model.config).batching
    assert facts["sites"] == card.sites
    if architecture_of(model.config).gated:
        assert not np.array_equal(rows(stored, "nav_gate"), rows(stored, "nav_product"))


def test_a_row_that_says_packed_where_sentences_meet_is_noticed(tmp_path, monkeypatch, caplog):
    """Layers of StableLM do not hand on which sentence a token belongs to."""
    from transformers import StableLmConfig

    settings = {**CONFIGS["llama"], "model_type": "stablelm"}
    monkeypatch.setitem(CONFIGS, "stablelm", settings)
    model, folder, card = snapshot_of("stablelm", tmp_path)
    assert isinstance(model.config, StableLmConfig)
    (padded,) = extract(folder, card, tmp_path / "found", [text("eng_Latn")])
    monkeypatch.setitem(ARCHITECTURES, "stablelm", ARCHITECTURES["llama"])
    (stored,) = extract(folder, card, tmp_path / "wrong", [text("eng_Latn")])
    assert "sentences of 'stablelm' cannot share a row" in caplog.text
    assert stored.manifest["facts"]["batching"] == "padded"
    for name in stored.representations:
        assert np.array_equal(rows(stored, name), rows(padded, name))


def assert_close(found, expected):
    """Equal within float32 rounding, relative to the largest value of the layer."""
    scale = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(found - expected) <= 1e-5 * scale).all()


@pytest.mark.parametrize("kind", ["mixtral", "qwen2_moe", "qwen3_moe", "olmoe"])
def test_a_neuron_of_an_expert_is_inactive_where_nothing_is_routed_to_it(kind, tmp_path):
    model, folder, card = snapshot_of(kind, tmp_path)
    (stored,) = extract(folder, card, tmp_path, [text("eng_Latn", ["a"])], special_tokens="exclude")
    shared = getattr(model.config, "shared_expert_intermediate_size", 0)
    assert card.neurons == 4 * 24 + shared
    # one token, two of four experts: half of the routed neurons have no state at all
    routed = rows(stored, "nav_gate")[:, 0, : 4 * 24].reshape(3, 4, 24)
    assert ((routed != 0).any(axis=2).sum(axis=1) == 2).all()
    silent = (routed == 0).all(axis=2)
    assert not rows(stored, "nas_gate")[:, 0, : 4 * 24].reshape(3, 4, 24)[silent].any()
