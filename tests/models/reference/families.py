"""The forward pass of each family, by the ``model_type`` of its config."""

from __future__ import annotations

from . import experts, gated, ungated

FAMILIES = {
    "llama": gated.llama,
    "mistral": gated.llama,
    "qwen2": gated.llama,
    "qwen3": gated.qwen3,
    "olmo": gated.olmo,
    "olmo2": gated.olmo2,
    "olmo3": gated.olmo2,
    "gemma": gated.gemma,
    "gemma2": gated.gemma2,
    "gemma3_text": gated.gemma3,
    "glm": gated.glm,
    "glm4": gated.glm4,
    "phi3": gated.phi3,
    "smollm3": gated.smollm3,
    "granite": gated.granite,
    "gpt2": ungated.gpt2,
    "gpt_neox": ungated.gpt_neox,
    "bloom": ungated.bloom,
    "opt": ungated.opt,
    "falcon": ungated.falcon,
    "phi": ungated.phi,
    "mixtral": experts.mixtral,
    "qwen2_moe": experts.qwen2_moe,
    "qwen3_moe": experts.qwen3_moe,
    "olmoe": experts.olmoe,
}
