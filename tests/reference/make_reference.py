"""Compute the reference: the scores of the default run, without the library.

Tokens come from the snapshot's tokenizer, states from the forward pass that is written by hand
(`tests.models.reference`, float64, one sentence at a time), hits from plain float64 cosines.
Nothing is shared with ``workflow/neuronxa`` but its inputs: the texts and the snapshots, which
`tests.snapshots` proves.

Run where the default run has prepared its models and texts::

    python -m tests.reference.make_reference --cache FOLDER

It takes about a quarter of an hour a model on one core. States are kept in the folder (4 GB), so
that it goes on where it was stopped; other texts or models need another folder.
"""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from safetensors.numpy import load_file
from transformers import AutoConfig, AutoTokenizer

from ..models.reference import forward, pool, weighted_sum
from .plain import hits
from .verify import digest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
CORPUS = "interface"
EXTRACTION = "default"
SETTINGS = {
    "site": "gate",
    "pooling": "weighted",
    "special_tokens": "include",
    "dtype": "float32",
    "stored": "float32",
}
REPRESENTATIONS = ("nas_gate", "nav_gate", "hidden", "hidden_last")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cache", type=Path, required=True, help="folder for states")
    options = parser.parse_args()
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text("utf-8"))
    resources = REPOSITORY / "resources"
    texts = {code: resources / "corpora" / CORPUS / f"{code}.txt" for code in config["languages"]}
    models = {}
    for model in config["models"]:
        snapshot = resources / "models" / model
        frame = scores(Model(snapshot), texts, config["pivot"], options.cache / model)
        frame.to_csv(HERE / f"{model}.csv", index=False)
        card = json.loads((snapshot / "model.json").read_text("utf-8"))
        models[model] = {
            "source_digest": card["source_digest"],
            "files": {
                name: digest(snapshot / name) for name in ("model.safetensors", "tokenizer.json")
            },
        }
    path = HERE / "reference.json"
    written = json.loads(path.read_text("utf-8")) if path.exists() else {}
    facts = {
        "corpus": CORPUS,
        "extraction": EXTRACTION,
        "settings": SETTINGS,
        "pivot": config["pivot"],
        "n": len(sentences(texts[config["pivot"]])),
        "texts": {code: digest(text) for code, text in texts.items()},
        "models": models,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "tokenizers", "transformers")},
        },
    }
    # the tolerance is not computed: it stays as it was chosen
    path.write_text(json.dumps({**written, **facts}, indent=1) + "\n", "utf-8")


class Model:
    """A snapshot as plain arrays."""

    def __init__(self, snapshot: Path) -> None:
        self.config = AutoConfig.from_pretrained(snapshot)
        self.tokenizer = AutoTokenizer.from_pretrained(snapshot)
        self.weights = {
            name.removeprefix("model."): value.astype(np.float64)
            for name, value in load_file(snapshot / "model.safetensors").items()
        }

    def represent(self, sentence: str) -> dict[str, np.ndarray]:
        """The four representations of a sentence, each ``(layer, unit)``."""
        ids = self.tokenizer(sentence)["input_ids"]
        states = forward(self.config, self.weights, ids)
        position = range(1, len(ids) + 1)
        return {
            # the numerators, which are whole numbers: cosines need no denominator
            "nas_gate": weighted_sum(states["gate"] > 0, position),
            "nav_gate": pool(np.abs(states["gate"]), position),
            "hidden": pool(states["hidden"], position),
            "hidden_last": states["hidden"][:, -1],
        }


def sentences(text: Path) -> list[str]:
    return text.read_text("utf-8").removesuffix("\n").split("\n")


def represent(model: Model, text: Path, kept: Path) -> dict[str, np.ndarray]:
    """The representations of a text, ``(layer, sentence, unit)``; kept in a file."""
    if not kept.exists():
        found = [model.represent(sentence) for sentence in sentences(text)]
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial.npz")
        np.savez(
            partial, **{name: np.stack([x[name] for x in found], 1) for name in REPRESENTATIONS}
        )
        partial.replace(kept)
        print(kept, flush=True)
    return dict(np.load(kept))


def scores(model: Model, texts: dict[str, Path], pivot: str, cache: Path) -> pd.DataFrame:
    """Hits of every language with the pivot in every layer."""
    rows = []
    of_pivot = represent(model, texts[pivot], cache / f"{pivot}.npz")
    for code, text in texts.items():
        if code == pivot:
            continue
        own = represent(model, text, cache / f"{code}.npz")
        for name in REPRESENTATIONS:
            for layer, (x, y) in enumerate(zip(of_pivot[name], own[name], strict=True)):
                forward_hits, backward_hits = hits(x, y)
                rows.append(
                    {
                        "representation": name,
                        "language": code,
                        "layer": layer,
                        "mu": (forward_hits & backward_hits).sum(),
                        "top1_forward": forward_hits.sum(),
                        "top1_backward": backward_hits.sum(),
                    }
                )
    order = {name: place for place, name in enumerate(REPRESENTATIONS)}
    return pd.DataFrame(rows).sort_values(
        "representation", key=lambda column: column.map(order), kind="stable"
    )


if __name__ == "__main__":
    main()
