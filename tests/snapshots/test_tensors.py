"""Every weight of a snapshot is the one of its GGUF file, decoded again."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from gguf.quants import dequantize
from safetensors import safe_open

from neuronxa.files import digest

from .blocks import decode
from .names import GEMMA, MODELS, SMOLLM

pytestmark = [pytest.mark.workflow, pytest.mark.real]

#: Names and conventions of GGUF: only what is written here may differ between the two files.
OUTER = {"token_embd": "embed_tokens", "output_norm": "norm"}
INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OWN = {
    GEMMA: {
        "attn_q_norm": "self_attn.q_norm",
        "attn_k_norm": "self_attn.k_norm",
        "post_attention_norm": "post_attention_layernorm",
        "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
    SMOLLM: {"ffn_norm": "post_attention_layernorm"},
}


def name_in_snapshot(model, name):
    part = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)\.weight", name)
    if part[1] is None:
        return f"model.{OUTER[part[2]]}.weight"
    return f"model.layers.{part[1]}.{(INNER | OWN[model])[part[2]]}.weight"


def undo(model, name, values, head_size):
    """Gemma's norms are stored as 1 + w; the rotary pairs of Llama's q and k as neighbours."""
    if model == GEMMA and name.endswith("norm.weight"):
        return values - np.float32(1)
    if model == SMOLLM and name.endswith(("attn_q.weight", "attn_k.weight")):
        half = head_size // 2
        # row of the snapshot -> row of the file, head by head: the pair of row i is row i + half
        order = [2 * i for i in range(half)] + [2 * i + 1 for i in range(half)]
        heads = range(0, len(values), head_size)
        return values[[head + i for head in heads for i in order]]
    return values


def same_bits(a, b):
    return a.shape == b.shape and np.array_equal(a.view(np.uint32), b.view(np.uint32))


def rows_at_a_time(tensor, step=2**15):
    """Parts of a tensor; only the large table of embeddings has more than one."""
    rows = len(tensor.data)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def test_the_snapshots_come_from_these_files(snapshots, sources):
    for model in MODELS:
        card = json.loads((snapshots[model] / "model.json").read_text("utf-8"))
        assert card["source_digest"] == digest(sources[model])


@pytest.mark.parametrize(("model", "tensors"), [(GEMMA, 236), (SMOLLM, 272)])
def test_every_tensor_is_the_one_of_the_file_bit_for_bit(
    snapshots, readers, metadata, model, tensors
):
    head_size = {GEMMA: "gemma3.attention.key_length", SMOLLM: "llama.rope.dimension_count"}[model]
    wrong, seen = [], {}
    with safe_open(snapshots[model] / "model.safetensors", "numpy") as weights:
        for tensor in readers[model].tensors:
            kind = tensor.tensor_type.name
            name = seen[tensor.name] = name_in_snapshot(model, tensor.name)
            stored = weights.get_slice(name)
            for part in rows_at_a_time(tensor):
                values = decode(tensor.data[part], kind)
                if not same_bits(values, dequantize(tensor.data[part], tensor.tensor_type)):
                    wrong.append((tensor.name, kind, "the two readers of the file differ"))
                values = undo(model, tensor.name, values, metadata[model][head_size])
                if not same_bits(values, stored[part]):
                    wrong.append((tensor.name, kind, "the snapshot differs from the file"))
        assert wrong == []
        # nothing is left over: neither file has an output matrix, it is the table of embeddings
        assert sorted(seen.values()) == sorted(weights.keys())
        assert len(set(seen.values())) == len(seen) == tensors


def test_the_output_matrix_is_the_table_of_embeddings(causals):
    for causal in causals.values():
        assert causal.lm_head.weight is causal.get_input_embeddings().weight


@pytest.mark.parametrize("model", MODELS)
def test_norms_are_numbers_that_the_publisher_could_store(snapshots, model):
    """Both models are published in bfloat16: so are the norms, if the offset is the right one."""

    def bfloat16(values):
        return not (values.view(np.uint32) & 0xFFFF).any()

    offset = np.float32(1 if model == GEMMA else -1)
    with safe_open(snapshots[model] / "model.safetensors", "numpy") as weights:
        norms = [weights.get_tensor(name) for name in weights.keys() if "norm" in name]  # noqa: SIM118
    assert len(norms) == {GEMMA: 6 * 18 + 1, SMOLLM: 2 * 30 + 1}[model]
    assert all(bfloat16(norm) for norm in norms)
    assert not any(bfloat16(norm + offset) for norm in norms)


@pytest.mark.parametrize("model", MODELS)
def test_the_configuration_is_the_one_of_the_file(causals, metadata, model):
    config, fields = causals[model].config, metadata[model]
    prefix = fields["general.architecture"]
    for ours, theirs in {
        "max_position_embeddings": "context_length",
        "hidden_size": "embedding_length",
        "num_hidden_layers": "block_count",
        "intermediate_size": "feed_forward_length",
        "num_attention_heads": "attention.head_count",
        "num_key_value_heads": "attention.head_count_kv",
        "rms_norm_eps": "attention.layer_norm_rms_epsilon",
    }.items():
        assert getattr(config, ours) == fields[f"{prefix}.{theirs}"], ours
    assert config.vocab_size == len(fields["tokenizer.ggml.tokens"])
    assert config.tie_word_embeddings
    assert not config.attention_bias


def test_the_configuration_that_files_do_not_tell_is_the_published_one(causals, metadata):
    """As public copies of Google's and HuggingFaceTB's configurations have it."""
    gemma, smollm = causals[GEMMA].config, causals[SMOLLM].config
    assert metadata[GEMMA]["gemma3.rope.freq_base"] == 1e6
    assert gemma.rope_parameters["full_attention"]["rope_theta"] == 1e6
    assert gemma.rope_parameters["sliding_attention"]["rope_theta"] == 1e4
    assert {rope["rope_type"] for rope in gemma.rope_parameters.values()} == {"default"}
    assert gemma.layer_types == (["sliding_attention"] * 5 + ["full_attention"]) * 3
    assert gemma.sliding_window == metadata[GEMMA]["gemma3.attention.sliding_window"] == 512
    assert gemma.query_pre_attn_scalar == gemma.head_dim == 256
    assert gemma.hidden_activation == "gelu_pytorch_tanh"
    assert gemma.attn_logit_softcapping is gemma.final_logit_softcapping is None
    assert not gemma.use_bidirectional_attention
    assert metadata[SMOLLM]["llama.rope.freq_base"] == 1e5
    assert smollm.rope_parameters == {"rope_theta": 1e5, "rope_type": "default"}
    assert (smollm.head_dim, smollm.hidden_act) == (64, "silu")
