"""The forward passes written by hand compute what transformers computes."""

import copy

import numpy as np
import pytest
import torch

from .reference import FAMILIES, forward, weights_of
from .tiny import CONFIGS, VOCABULARY, tiny_model

# longer than every sliding window
IDS = np.random.default_rng(0).integers(3, VOCABULARY, 20)

EXPERTS = ("mixtral", "qwen2_moe", "qwen3_moe", "olmoe")


def hidden_of(model):
    with torch.no_grad():
        output = model.base_model(torch.tensor(IDS)[None], output_hidden_states=True)
    return torch.stack(output.hidden_states)[:, 0].numpy()


def error(actual, expected):
    return np.abs(actual - expected).max() / np.abs(expected).max()


def assert_same(model):
    expected = hidden_of(model)
    states = forward(model.config, weights_of(model), IDS)
    assert states["hidden"].shape == expected.shape
    for actual, wanted in zip(states["hidden"], expected, strict=True):
        assert error(actual, wanted) < 2e-5
    return states


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_hidden_states_are_those_of_transformers(kind):
    states = assert_same(tiny_model(kind))
    units = {"bloom": 128, "qwen2_moe": 4 * 24 + 40}.get(kind, 4 * 24 if kind in EXPERTS else 48)
    for site in ("gate", "product"):
        assert states[site].shape == (3, len(IDS), units)
        assert states[site].dtype == np.float64


def test_every_family_has_a_variant():
    assert {settings["model_type"] for settings in CONFIGS.values()} == set(FAMILIES)


def test_alibi_slopes_of_a_number_of_heads_that_is_no_power_of_two():
    assert_same(tiny_model("bloom", hidden_size=36, num_attention_heads=6))


@pytest.mark.parametrize("kind", EXPERTS)
def test_units_of_experts_are_zero_where_a_token_is_not_routed(kind):
    model = tiny_model(kind)
    states = forward(model.config, weights_of(model), IDS)
    for site in ("gate", "product"):
        units = states[site][..., : 4 * 24].reshape(3, len(IDS), 4, 24)
        on = (units != 0).all(axis=-1)
        assert ((units != 0).any(axis=-1) == on).all()
        assert (on.sum(axis=-1) == 2).all()
        # no layer sends all tokens to the same two experts
        assert (on.any(axis=1).sum(axis=-1) > 2).all()


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("mistral", {"sliding_window": 7}),
        ("gemma2", {"sliding_window": 7}),
        ("gemma2", {"attn_logit_softcapping": 2.0}),
        ("gemma3_text", {"sliding_window": 7}),
        ("olmo3", {"sliding_window": 7}),
        ("olmo-clipped", {"clip_qkv": 1.0}),
        ("llama3", {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}),
        ("smollm3", {"no_rope_layers": [1, 1, 1]}),
        ("gpt_neox", {"use_parallel_residual": False}),
        ("falcon-rw", {"alibi": False}),
        ("olmoe", {"norm_topk_prob": True}),
    ],
)
def test_the_tiny_models_show_what_is_special_in_a_variant(kind, changes):
    model = tiny_model(kind)
    config = copy.deepcopy(model.config)
    for name, value in changes.items():
        setattr(config, name, value)
    states = forward(config, weights_of(model), IDS)
    assert error(states["hidden"], hidden_of(model)) > 1e-3
