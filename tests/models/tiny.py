"""Random models of true architectures with a few small layers, and a byte-level tokenizer."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 300

_COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_GATED = {**_COMMON, "intermediate_size": 48, "num_key_value_heads": 2}
_EXPERTS = {**_GATED, "num_experts_per_tok": 2}
_FALCON = {**_COMMON, "model_type": "falcon", "ffn_hidden_size": 48}

# One entry for each variant of a family whose forward pass differs from the others.
CONFIGS = {
    "llama": {**_GATED, "model_type": "llama", "head_dim": 8},
    "llama3": {
        **_GATED,
        "model_type": "llama",
        # one pair of coordinates is kept, one is on the ramp, two are stretched
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 10000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 8.0,
            "original_max_position_embeddings": 128,
        },
    },
    "mistral": {**_GATED, "model_type": "mistral", "head_dim": 8, "sliding_window": 6},
    "qwen2": {**_GATED, "model_type": "qwen2"},
    "qwen3": {**_GATED, "model_type": "qwen3", "head_dim": 8},
    "olmo": {**_GATED, "model_type": "olmo"},
    "olmo-clipped": {**_GATED, "model_type": "olmo", "clip_qkv": 0.8},
    "olmo2": {**_GATED, "model_type": "olmo2"},
    "olmo3": {
        **_GATED,
        "model_type": "olmo3",
        "sliding_window": 6,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "gemma": {**_GATED, "model_type": "gemma", "head_dim": 8},
    "gemma2": {
        **_GATED,
        "model_type": "gemma2",
        "head_dim": 8,
        "sliding_window": 6,
        "query_pre_attn_scalar": 8,
        "attn_logit_softcapping": 1.5,
    },
    "gemma3_text": {
        **_GATED,
        "model_type": "gemma3_text",
        "head_dim": 8,
        "sliding_window": 6,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "glm": {**_GATED, "model_type": "glm", "head_dim": 8},
    "glm4": {**_GATED, "model_type": "glm4", "head_dim": 8},
    "phi3": {**_GATED, "model_type": "phi3"},
    "smollm3": {**_GATED, "model_type": "smollm3", "no_rope_layer_interval": 2},
    "granite": {
        **_GATED,
        "model_type": "granite",
        "embedding_multiplier": 3.0,
        "attention_multiplier": 0.2,
        "residual_multiplier": 0.7,
    },
    "gpt2": {**_COMMON, "model_type": "gpt2", "n_inner": 48},
    "gpt_neox": {**_COMMON, "model_type": "gpt_neox", "intermediate_size": 48},
    "gpt_neox-sequential": {
        **_COMMON,
        "model_type": "gpt_neox",
        "intermediate_size": 48,
        "use_parallel_residual": False,
    },
    # its FFN is always four times as wide as the hidden states
    "bloom": {**_COMMON, "model_type": "bloom"},
    "opt": {**_COMMON, "model_type": "opt", "ffn_dim": 48},
    "falcon-7b": _FALCON,
    "falcon-40b": {**_FALCON, "new_decoder_architecture": True, "num_kv_heads": 2},
    "falcon-11b": {
        **_FALCON,
        "new_decoder_architecture": True,
        "num_kv_heads": 2,
        "num_ln_in_parallel_attn": 1,
    },
    "falcon-rw": {
        **_FALCON,
        "alibi": True,
        "multi_query": False,
        "parallel_attn": False,
        "bias": True,
    },
    "phi": {**_COMMON, "model_type": "phi", "intermediate_size": 48},
    "mixtral": {
        **_EXPERTS,
        "model_type": "mixtral",
        "intermediate_size": 24,
        "num_local_experts": 4,
    },
    "qwen2_moe": {
        **_EXPERTS,
        "model_type": "qwen2_moe",
        "moe_intermediate_size": 24,
        "shared_expert_intermediate_size": 40,
        "num_experts": 4,
    },
    "qwen3_moe": {
        **_EXPERTS,
        "model_type": "qwen3_moe",
        "head_dim": 8,
        "moe_intermediate_size": 24,
        "num_experts": 4,
        "norm_topk_prob": True,
    },
    "olmoe": {**_EXPERTS, "model_type": "olmoe", "intermediate_size": 24, "num_experts": 4},
}


def tiny_model(kind, **changes):
    """A causal model with random weights of ordinary size, in float32 and eval mode."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(**{**CONFIGS[kind], **changes})
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def tiny_tokenizer():
    """One token per byte, after a token at the start."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<pad>": 0, "<s>": 1, "</s>": 2, **{c: i for i, c in enumerate(alphabet, 3)}}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def save_tiny(kind, folder, **changes):
    """A model folder in transformers' layout; `changes` go into its config."""
    model = tiny_model(kind, **changes)
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return model
