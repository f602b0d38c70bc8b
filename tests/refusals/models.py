"""Faults of models."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

from .case import Case, both, cell, removed, setting, written

SNAPSHOT = "resources/models/tiny-llama/model.json"
WEIGHTS = "llama/model.safetensors"


def configured(**changes: object):
    """The model's config.json says something else."""

    def change(folder: Path) -> None:
        path = folder / "llama/config.json"
        content = json.loads(path.read_text("utf-8")) | changes
        path.write_text(json.dumps(content), "utf-8")

    return change


def truncated(folder: Path) -> None:
    """The last bytes of the weights are missing, as after a broken download."""
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) // 2])


def pickled(folder: Path) -> None:
    """The weights are a pickle."""
    (folder / WEIGHTS).rename(folder / "llama/pytorch_model.bin")


def gguf(architecture: str, *, version: int = 3):
    """A GGUF file that holds nothing but the name of an architecture."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    entry = text("general.architecture") + struct.pack("<I", 8) + text(architecture)
    data = b"GGUF" + struct.pack("<IQQ", version, 0, 1) + entry
    return both(
        written("model.gguf", data),
        cell("models", "source", "gguf"),
        cell("models", "location", "model.gguf"),
    )


def hub(name: str):
    """The model is one of a hub."""
    return both(cell("models", "source", "hub"), cell("models", "location", name))


def package(location: str):
    """The model lies in a package."""
    return both(cell("models", "source", "package"), cell("models", "location", location))


_CASES = [
    Case("A folder that does not exist", cell("models", "location", "lama")),
    Case("A folder that holds no model", cell("models", "location", "texts")),
    Case(
        "A GGUF file that does not exist",
        both(cell("models", "source", "gguf"), cell("models", "location", "model.gguf")),
    ),
    Case("A package that is not installed", package("no_such_package/model.gguf")),
    Case("A package without the file", package("numpy/model.gguf")),
    Case("A package without the function", package("numpy:assemble"), SNAPSHOT),
    Case("Weights that are pickled", pickled),
    Case("Weights that are cut off", truncated, SNAPSHOT),
    Case("Weights that are something else", written(WEIGHTS, b"<html>not found</html>"), SNAPSHOT),
    Case(
        "A list of weights that names others",
        written(
            "llama/model.safetensors.index.json",
            '{"weight_map": {"a": "../../secret.safetensors"}}',
        ),
        SNAPSHOT,
    ),
    Case("A config that is not JSON", written("llama/config.json", "{"), SNAPSHOT),
    Case("A config without a family", written("llama/config.json", "{}"), SNAPSHOT),
    Case("A family that is not known", configured(model_type="mamba"), SNAPSHOT),
    Case("A family that does not exist", configured(model_type="lama"), SNAPSHOT),
    Case("An encoder-decoder", configured(model_type="t5"), SNAPSHOT),
    Case(
        "Code that comes with the weights",
        configured(model_type="own", auto_map={"AutoConfig": "own.Config"}),
        SNAPSHOT,
    ),
    Case("A part that the model does not have", cell("models", "part", "language_model"), SNAPSHOT),
    Case("A tokenizer that is missing", removed("llama/tokenizer.json"), SNAPSHOT),
    Case("A tokenizer that is damaged", written("llama/tokenizer.json", "{"), SNAPSHOT),
    Case(
        "Weights of another size",
        configured(intermediate_size=64),
        "results/alignment/tiny-llama/toy/default/manifest.json",
    ),
    Case("A GGUF file of a family that is not known", gguf("rwkv9"), SNAPSHOT),
    Case(
        "A GGUF file that is something else",
        both(gguf("llama"), written("model.gguf", b"<html>not found</html>")),
        SNAPSHOT,
    ),
    Case(
        "A GGUF file that is cut off",
        both(gguf("llama"), written("model.gguf", b"GGUF\x03\0\0\0")),
        SNAPSHOT,
    ),
    Case(
        "A device that is not there",
        setting(extraction={"device": "cuda:9"}),
        "results/alignment/tiny-llama/toy/default/manifest.json",
    ),
    Case("A hub that is not reached", hub("org/model"), SNAPSHOT, {"HF_HUB_OFFLINE": "1"}),
]

CASES = [replace(case, remade="models/tiny-llama") for case in _CASES]
