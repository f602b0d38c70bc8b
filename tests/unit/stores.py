"""Small stores with random content, for tests."""

from __future__ import annotations

import numpy as np

from neuronxa.config import ExtractionRow
from neuronxa.stores.activations import ActivationStore
from neuronxa.stores.layout import Layout
from neuronxa.stores.registry import arrays_of, spec_of


def default_extraction(**changes):
    return ExtractionRow(extraction="default", label="default", **changes)


def identity(layout, language="eng_Latn", sides=None):
    return {
        "model": "tiny",
        "corpus": "toy",
        "language": language,
        "extraction": default_extraction().model_dump(exclude={"label"}),
        "rows": list(range(layout.sentences)),
        "sides": sides or [0] * layout.sentences,
    }


def random_blocks(*, sentences=7, block_sentences=3, layers=2, neurons=6, hidden=4, seed=0):
    """A layout and random values of all its blocks."""
    arrays = tuple(spec.name for spec in arrays_of(default_extraction()))
    layout = Layout(sentences, block_sentences, layers, neurons, hidden, arrays)
    rng = np.random.default_rng(seed)
    blocks = []
    for block in range(layout.blocks):
        values = {}
        for name in arrays:
            spec = spec_of(name)
            shape = layout.shape(spec, block=block)
            if spec.dtype == "uint32":
                values[name] = rng.integers(1, 50, shape).astype(np.uint32)
            else:
                values[name] = rng.normal(size=shape).astype(np.float32)
        blocks.append(values)
    return layout, blocks


def filled_store(folder, *, language="eng_Latn", sides=None, missing=(), **sizes):
    """A published store; sentences in `missing` have no tokens and are zero."""
    layout, blocks = random_blocks(**sizes)
    store = ActivationStore(folder, layout, identity=identity(layout, language, sides))
    for number, block in enumerate(blocks):
        rows = layout.rows(number)
        for row in missing:
            if rows.start <= row < rows.stop:
                for name in layout.arrays:
                    if spec_of(name).layered:
                        block[name][:, row - rows.start] = 0
                block["tokens"][row - rows.start] = 0
        store.commit(number, block)
    store.finish({})
    store.publish()
    return layout, blocks
