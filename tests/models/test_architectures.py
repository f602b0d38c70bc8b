"""The table of architectures, what is found without it, and what is refused."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoConfig, Gemma3Config, Gemma3ForConditionalGeneration

from neuronxa.activations import loading
from neuronxa.errors import ModelError
from neuronxa.models import architectures, inspection
from neuronxa.models.inspection import architecture_of, prove_sites

from .extracting import extract, rows, snapshot_of, text
from .reference import forward, weights_of
from .tiny import CONFIGS, tiny_model, tiny_tokenizer

DENSE = sorted(
    kind
    for kind, settings in CONFIGS.items()
    if settings["model_type"] in architectures.ARCHITECTURES
    and not architectures.ARCHITECTURES[settings["model_type"]].experts
)


def config_of(kind, **changes):
    return AutoConfig.for_model(**{**CONFIGS[kind], **changes})


@pytest.mark.parametrize("kind", DENSE)
def test_inspection_finds_what_the_table_says(kind, monkeypatch):
    """Two independent ways to the same modules."""
    config = config_of(kind)
    known = architecture_of(config)
    monkeypatch.setattr(inspection, "known_architecture", lambda _: None)
    found = architecture_of(config)
    assert (found.layers, found.activation, found.down, found.gated, found.batching) == (
        known.layers,
        known.activation,
        known.down,
        known.gated,
        known.batching,
    )
    assert architectures.neurons_per_layer(config, found) == architectures.neurons_per_layer(
        config, known
    )


def test_what_is_found_by_inspection_is_announced(caplog):
    with caplog.at_level(logging.WARNING):
        architecture_of(config_of("smollm3"))
    assert "'smollm3' is not in the table" in caplog.text
    assert "gate = output of mlp.act_fn; product = input of mlp.down_proj" in caplog.text


@pytest.mark.parametrize("kind", [*DENSE, "smollm3", "phi"])
def test_the_equations_of_the_sites_are_checked_on_the_loaded_model(kind):
    model = tiny_model(kind).base_model
    right = architecture_of(model.config)
    prove_sites(model, right)
    with pytest.raises(ModelError, match=r"is not (act\(gate\) \* up|the activation)"):
        prove_sites(model, replace(right, gated=not right.gated))


def test_a_fused_ffn_that_adds_its_halves_is_refused():
    model = tiny_model("phi3").base_model
    mlp = model.layers[1].mlp

    def added(x):
        up, gate = mlp.gate_up_proj(x).chunk(2, dim=-1)
        return mlp.down_proj(mlp.activation_fn(gate) + up)

    mlp.forward = added
    with pytest.raises(ModelError, match=r"layer 1: the sites are not(.|\n)*act\(gate\) \* up"):
        prove_sites(model, architecture_of(model.config))


def test_activations_that_are_no_modules_are_refused():
    config = AutoConfig.for_model(
        "lfm2", vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4
    )
    with pytest.raises(ModelError, match=r"'lfm2' are not known(.|\n)*Hint: add a row"):
        architecture_of(config)


def test_experts_of_an_unknown_kind_are_refused():
    config = AutoConfig.for_model(
        "gpt_oss", vocab_size=300, hidden_size=32, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, num_local_experts=4, head_dim=8,
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"'gpt_oss' are not known"):
        architecture_of(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (lambda: AutoConfig.for_model("t5"), "'t5' is an encoder-decoder"),
        (lambda: config_of("opt", word_embed_proj_dim=16), "embeddings of 16 units"),
        (lambda: config_of("qwen2_moe", mlp_only_layers=[1]), "mixes dense layers with layers of"),
        (lambda: config_of("qwen3_moe", decoder_sparse_step=2), "mixes dense layers with layers"),
        (
            lambda: AutoConfig.for_model(
                "gemma3n_text", num_hidden_layers=2, intermediate_size=[48, 40]
            ),
            "different numbers of neurons",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_with_the_reason(config, message):
    with pytest.raises(ModelError, match=message):
        architecture_of(config())


def multimodal():
    text_config = {k: v for k, v in CONFIGS["gemma3_text"].items() if k != "model_type"}
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 3,
              "num_attention_heads": 2, "image_size": 28, "patch_size": 14}  # fmt: skip
    config = Gemma3Config(text_config=text_config, vision_config=vision, mm_tokens_per_image=4)
    torch.manual_seed(0)
    model = Gemma3ForConditionalGeneration(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def test_the_language_model_inside_a_multimodal_one_is_named_and_then_right(tmp_path):
    model = multimodal()
    with pytest.raises(ModelError, match=r"multimodal wrapper(.|\n)*'part'.*'language_model'"):
        architecture_of(model.config)
    source = tmp_path / "source"
    model.save_pretrained(source)
    tiny_tokenizer().save_pretrained(source)
    _, folder, card = snapshot_of("wrapper", tmp_path, saved=source, part="language_model")
    assert (card.layers, card.neurons, card.part) == (3, 48, "language_model")
    inner = model.model.language_model
    decoder = sum(p.numel() for p in inner.layers.parameters())
    assert card.parameters == decoder
    (stored,) = extract(folder, card, tmp_path, [text("eng_Latn", ["Hello there."])])
    ids = tiny_tokenizer()("Hello there.")["input_ids"]
    states = forward(inner.config, weights_of(inner), np.array(ids))
    expected, found = states["hidden"][:, -1], rows(stored, "hidden_last")[:, 0]
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_part_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="no part 'language_model': it is a language model itself"):
        snapshot_of("llama", tmp_path, part="language_model")
    model = multimodal()
    model.save_pretrained(tmp_path / "source")
    tiny_tokenizer().save_pretrained(tmp_path / "source")
    with pytest.raises(ModelError, match=r"no part 'llm'(.|\n)*Allowed: .*language_model"):
        loading.load_base(tmp_path / "source", dtype="float32", device="cpu", part="llm")


def test_layers_that_mix_tokens_without_attention_are_padded(tmp_path, monkeypatch, caplog):
    """An unknown family whose packed sentences see one another: its numbers tell."""
    _, folder, _ = snapshot_of("smollm3", tmp_path)
    load = loading.load_base

    def with_a_leak(path, **how):
        base = load(path, **how)
        for layer in base.layers:
            layer.register_forward_hook(lambda _m, _i, out: out + 0.5 * out.roll(1, dims=1))
        return base

    monkeypatch.setattr(loading, "load_base", with_a_leak)
    with caplog.at_level(logging.WARNING):
        _, architecture = loading.load_for_capture(folder, dtype="float32", device="cpu")
    assert architecture.batching == "padded"
    assert "'smollm3' cannot share a row" in caplog.text
