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

CONFIGS = {
    "llama": {**_GATED, "head_dim": 8},
    "mistral": {**_GATED, "head_dim": 8, "sliding_window": 6},
    "qwen2": _GATED,
    "qwen3": {**_GATED, "head_dim": 8},
    "olmo": _GATED,
    "olmo2": _GATED,
    "gemma": {**_GATED, "head_dim": 8},
    "gemma2": {**_GATED, "head_dim": 8, "sliding_window": 6, "query_pre_attn_scalar": 8},
    "gemma3_text": {
        **_GATED,
        "head_dim": 8,
        "sliding_window": 6,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "glm": {**_GATED, "head_dim": 8},
    "glm4": {**_GATED, "head_dim": 8},
    "phi3": {**_GATED},
    "gpt2": {**_COMMON, "n_inner": 48},
    "gpt_neox": {**_COMMON, "intermediate_size": 48},
}


def tiny_model(kind, **changes):
    """A causal model with random weights of ordinary size, in float32 and eval mode."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **{**CONFIGS[kind], **changes})
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
