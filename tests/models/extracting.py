"""Tiny models through the real extraction, and what was stored as plain arrays."""

from __future__ import annotations

import numpy as np

from neuronxa.activations.extraction import Extractor, open_store
from neuronxa.activations.texts import Text, identity_of
from neuronxa.activations.tokens import tokenise
from neuronxa.config import ExtractionRow, ModelRow
from neuronxa.models.loading import load_tokenizer
from neuronxa.models.snapshot import make_snapshot
from neuronxa.stores.activations import Activations

from .tiny import save_tiny

SENTENCES = (
    "A short one.",
    "x",
    "",
    "Ein längerer Satz, der über das gleitende Fenster hinausreicht.",
    "Same text twice.",
    "Same text twice.",
    "नमस्ते",
)


def snapshot_of(kind, tmp_path, *, saved=None, part="", **changes):
    """A tiny model, and the folder and card of its snapshot; `saved` is the folder of another."""
    source = saved or tmp_path / f"{kind}-source"
    model = None if saved else save_tiny(kind, source, **changes)
    row = ModelRow(
        model=f"tiny-{kind}", label=kind, source="folder", location=str(source), part=part
    )
    folder = tmp_path / f"{kind}-snapshot"
    return model, folder, make_snapshot(row, folder)


def extract(
    folder, card, tmp_path, texts, *, device="cpu", token_budget=64, block_sentences=3, **settings
):
    """The published stores of several texts, extracted together."""
    extraction = ExtractionRow(extraction="e", label="e", **settings)
    stores = [
        open_store(
            tmp_path / "stores" / text.language,
            card=card,
            identity=identity_of(text, card=card, corpus="toy", extraction=extraction),
            block_sentences=block_sentences,
        )
        for text in texts
    ]
    tokens = [
        tokenise(load_tokenizer(folder), text.sentences, extraction, where=text.language)
        for text in texts
    ]
    extractor = Extractor(
        folder, extraction, device=device, token_budget=token_budget, part=card.part
    )
    extractor.run(stores, tokens)
    for store in stores:
        store.publish()
    return [Activations(store.folder) for store in stores]


def text(language, sentences=SENTENCES):
    return Text(language, tuple(sentences), (0,) * len(sentences))


def rows(stored, name):
    """All layers of a representation, (layer, sentence, unit)."""
    return np.stack([stored.layer(name, n).values for n in range(stored.layers(name))])
