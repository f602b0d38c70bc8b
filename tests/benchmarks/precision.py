"""What half precision does to states and scores: the same sentences, extracted in each.

Run by ``make precision``. The table of docs/extraction.md is made by it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from neuronxa.activations.extraction import Extractor
from neuronxa.activations.tokens import tokenise
from neuronxa.alignment.measures import shares
from neuronxa.alignment.tiles import Cosines
from neuronxa.alignment.vectors import Block
from neuronxa.config import ExtractionRow
from neuronxa.errors import ModelError
from neuronxa.models.loading import load_tokenizer
from neuronxa.models.snapshot import read_card
from neuronxa.stores.activations import Activations

from .extraction import arguments, extract, read_texts

#: (precision of the forward pass, precision on disk)
WAYS = (
    ("float32", "float32"),
    ("float32", "float16"),
    ("float16", "float32"),
    ("bfloat16", "float32"),
)
METHODS = {"nas_gate": "NASCA", "nav_gate": "NAVCA", "hidden": "MEXA", "hidden_last": "MEXA-last"}


def main() -> None:
    """Extract in each precision and print how states and scores differ from float32.

    The scores are of pairs with the first text of the folder, in the order of the names.
    """
    options = arguments()
    texts = read_texts(options.texts, options.languages, options.sentences)
    rows = []
    for snapshot in options.models:
        card = read_card(snapshot)
        tokenizer = load_tokenizer(snapshot)
        reference: dict[str, np.ndarray] = {}
        scores: dict[str, np.ndarray] = {}
        for dtype, stored in WAYS:
            extraction = ExtractionRow(extraction="e", label="e", dtype=dtype, stored=stored)
            tokens = [tokenise(tokenizer, text.sentences, extraction) for text in texts]
            extractor = Extractor(
                snapshot, extraction, device=options.device, token_budget=options.token_budget
            )
            row: dict[str, object] = {"model": card.model, "forward": dtype, "stored": stored}
            rows.append(row)
            with tempfile.TemporaryDirectory() as folder:
                try:
                    extract(extractor, card, texts, tokens, Path(folder))
                except ModelError:
                    row["states that turned"] = "refused: it overflows"
                    continue
                found = [Activations(Path(folder) / text.language) for text in texts]
                states = {name: stack(found, name) for name in METHODS}
                weight = np.stack([one.array("pooling_weight") for one in found])
            now = {name: mu(values) for name, values in states.items()}
            if not reference:
                reference, scores = states, now
            turned = np.abs(states["nas_gate"] - reference["nas_gate"]).mean(axis=(1, 3))
            row["states that turned"] = f"{(turned / weight).mean():.3%}"
            for name in ("nav_gate", "hidden"):
                error = np.linalg.norm(states[name] - reference[name])
                row[f"error of {name}"] = f"{error / np.linalg.norm(reference[name]):.1e}"
            for name, method in METHODS.items():
                change = now[name] - scores[name]
                largest = np.abs(change).max()
                row[method] = f"{now[name].mean():.4f} ({change.mean():+.4f}, {largest:.3f})"
    print(pd.DataFrame(rows).fillna("").to_markdown(index=False))


def stack(stores: list[Activations], name: str) -> np.ndarray:
    """All languages and layers of a representation, ``(language, layer, sentence, unit)``."""
    return np.stack(
        [
            np.stack(
                [one.layer(name, n).values.astype(np.float32) for n in range(one.layers(name))]
            )
            for one in stores
        ]
    )


def mu(states: np.ndarray) -> np.ndarray:
    """The alignment score of each language with the first one, ``(layer, language - 1)``."""
    present = np.ones((len(states), states.shape[2]), dtype=bool)
    result = []
    for layer in range(states.shape[1]):
        vectors = Block.of(states[:, layer], present).raw
        result.append(shares(Cosines.of(vectors, vectors).rank().ranks)["mu"].forward[0, 1:])
    return np.array(result)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
