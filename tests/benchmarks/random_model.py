"""A snapshot of random weights in the shape of Llama 3.1 8B: speed needs no others.

python -m tests.benchmarks.random_model FOLDER --tokenizer resources/models/smollm2-135m
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from neuronxa.config import ModelRow
from neuronxa.models.snapshot import make_snapshot

SHAPE = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
}


def main() -> None:
    """Make the model and its snapshot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the snapshot is made")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with a tokenizer")
    parser.add_argument("--layers", type=int, default=32)
    options = parser.parse_args()
    source = options.folder.with_name(f"{options.folder.name}-source")
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModelForCausalLM.from_config(
            LlamaConfig(**SHAPE, num_hidden_layers=options.layers), dtype=torch.bfloat16
        )
    model.save_pretrained(source)
    for path in options.tokenizer.glob("tokenizer*"):
        shutil.copyfile(path, source / path.name)
    row = ModelRow(model=options.folder.name, label="random", source="folder", location=str(source))
    print(make_snapshot(row, options.folder))


if __name__ == "__main__":
    main()
