"""Extraction: the sentences of several languages through one model into their stores.

One forward pass gives every representation. The model runs in the calling thread; what it gave is
copied, sorted into blocks, compressed and committed by a second thread while the next batch runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from neuronxa.activations.batches import MIN_PACK_TOKENS, Batch, Sentence, plan_batches
from neuronxa.activations.capture import DOUBT, Capture
from neuronxa.activations.invariance import Alone, measure_invariance
from neuronxa.activations.loading import load_for_capture
from neuronxa.activations.tokens import Tokens
from neuronxa.activations.transfer import Arrays, Background, helpers, to_host
from neuronxa.config import ExtractionRow
from neuronxa.errors import ModelError
from neuronxa.models.loading import Spread
from neuronxa.models.snapshot import ModelCard
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.activations import ActivationStore
from neuronxa.stores.chunks import Each
from neuronxa.stores.layout import Layout
from neuronxa.stores.registry import REPRESENTATIONS


def open_store(
    folder: Path, *, card: ModelCard, identity: Mapping[str, Any], block_sentences: int
) -> ActivationStore:
    """The store of one language, going on where an earlier run stopped.

    Parameters
    ----------
    folder
        ``results/activations/<model>/<corpus>/<extraction>/<language>``.
    card
        Card of the model's snapshot.
    identity
        What `neuronxa.activations.texts.identity_of` gives.
    block_sentences
        Sentences of one block.
    """
    extraction = ExtractionRow(label="-", **identity["extraction"])
    layout = Layout.of(
        extraction,
        sentences=len(identity["sides"]),
        block_sentences=block_sentences,
        layers=card.layers,
        neurons=card.neurons,
        hidden_size=card.hidden_size,
    )
    return ActivationStore(folder, layout, identity=identity)


class Extractor:
    """A loaded model that fills stores.

    Parameters
    ----------
    snapshot
        Folder of the model's snapshot.
    extraction
        How to extract.
    device
        ``cpu``, ``cuda`` or ``cuda:<index>``.
    token_budget
        Tokens of one forward pass.
    part
        Path of the language model inside a multimodal one.
    spread
        How a model is spread over devices that does not fit into one.
    """

    def __init__(
        self,
        snapshot: Path,
        extraction: ExtractionRow,
        *,
        device: str,
        token_budget: int,
        part: str = "",
        spread: Spread = None,
    ) -> None:
        self.extraction = extraction
        self.device = device
        self.token_budget = token_budget
        model, architecture = load_for_capture(
            snapshot, dtype=extraction.dtype, device=device, part=part, spread=spread
        )
        self.capture = Capture(model, architecture, extraction, device=device)

    def run(
        self,
        stores: Sequence[ActivationStore],
        tokens: Sequence[list[Tokens | None]],
        *,
        progress: Counter = SILENT,
    ) -> None:
        """Fill the pending blocks of all stores.

        Parameters
        ----------
        stores, tokens
            One of each per language, in the same order; tokens from
            `neuronxa.activations.tokens.tokenise`.
        progress
            Counts tokens.

        Raises
        ------
        ModelError
            A site of the model did not fire as its architecture says, or its states are not
            finite.
        """
        pending = [
            len(sentence.ids)
            for store, sentences in zip(stores, tokens, strict=True)
            for block in store.pending
            for _, sentence in _present(store, sentences, block)
        ]
        progress.start(sum(pending))
        with self.capture.hooked(), helpers(self.device) as each, Background() as background:
            for store, sentences in zip(stores, tokens, strict=True):
                if not store.complete:
                    self._fill(store, sentences, background, each, progress)

    def _fill(
        self,
        store: ActivationStore,
        tokens: list[Tokens | None],
        background: Background,
        each: Each,
        progress: Counter,
    ) -> None:
        """One language: its pending blocks, then the sample that measures batch invariance."""
        sample, kept = _sample(tokens), dict[str, np.ndarray]()
        for block in store.pending:
            values, rows = store.empty_block(block), store.layout.rows(block)
            for batch in self._plan(_present(store, tokens, block)):
                arrays = to_host(self.capture.run(batch))
                background.run(partial(_sort_in, values, batch, arrays, rows, each))
                progress.advance(sum(len(sentence.ids) for sentence in batch.tokens))
            if sample is not None and rows.start <= sample < rows.stop:
                background.run(partial(_keep, kept, values, sample - rows.start))
            background.run(partial(_commit, store, block, values, each))
        alone = None if sample is None else self._run_alone(sample, tokens)
        background.run(partial(self._finish, store, tokens, alone, kept))

    def _plan(self, sentences: Sequence[Sentence]) -> list[Batch]:
        batching = self.capture.architecture.batching
        return plan_batches(sentences, token_budget=self.token_budget, batching=batching)

    def _run_alone(self, row: int, tokens: list[Tokens | None]) -> Callable[[], Alone]:
        """The sentence by itself: in its batch it stood among others."""
        sentence = tokens[row]
        assert sentence is not None
        (batch,) = self._plan([(row, sentence)])
        arrays = to_host(self.capture.run(batch, doubt=True))
        return lambda: Alone(row, arrays())

    def _finish(
        self,
        store: ActivationStore,
        tokens: list[Tokens | None],
        alone: Callable[[], Alone] | None,
        kept: Mapping[str, np.ndarray],
    ) -> None:
        """Record what is known of a finished extraction, besides its identity.

        `kept` is what was stored of the sentence that ran alone, where this run has stored it.
        """
        import torch
        import transformers

        present = [sentence for sentence in tokens if sentence is not None]
        store.finish(
            {
                "tokens": int(sum(sentence.pooled.sum() for sentence in present)),
                "missing_sentences": len(tokens) - len(present),
                "token_budget": self.token_budget,
                "sites": self.capture.architecture.sites,
                "batching": self.capture.architecture.batching,
                "device": self.device.split(":")[0],
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "invariance": {}
                if alone is None
                else measure_invariance(
                    lambda name, row: kept[name] if kept else store.row(name, row),
                    alone(),
                    epsilon=DOUBT[self.extraction.dtype],
                ),
            }
        )


def _present(
    store: ActivationStore, tokens: list[Tokens | None], block: int
) -> list[tuple[int, Tokens]]:
    """The sentences of a block that exist, by row."""
    rows = store.layout.rows(block)
    found = ((row, tokens[row]) for row in range(rows.start, rows.stop))
    return [(row, sentence) for row, sentence in found if sentence is not None]


def _sample(tokens: list[Tokens | None]) -> int | None:
    """Row of a short sentence (it costs least) that can be run by itself; None where all miss."""
    lengths = [(len(one.ids), row) for row, one in enumerate(tokens) if one is not None]
    enough = [item for item in lengths if item[0] >= MIN_PACK_TOKENS]
    return min(enough or lengths, default=(0, None))[1]


def _keep(kept: dict[str, np.ndarray], block: Mapping[str, np.ndarray], row: int) -> None:
    """Keep what is stored of one sentence: reading it back would decode whole chunks."""
    kept.update({name: block[name][:, row].copy() for name in REPRESENTATIONS if name in block})


def _sort_in(
    block: Mapping[str, np.ndarray],
    batch: Batch,
    arrays: Callable[[], Arrays],
    rows: slice,
    each: Each,
) -> None:
    """Put the sentences of a batch into the arrays of their block."""
    within = np.array(batch.rows) - rows.start
    block["tokens"][within] = [sentence.pooled.sum() for sentence in batch.tokens]
    block["pooling_weight"][within] = [sentence.weights.sum() for sentence in batch.tokens]
    found = arrays()

    def sort(part: tuple[str, int]) -> None:
        name, layer = part
        if name.startswith("active_"):
            block[name][0, layer] += found[name][layer].astype(block[name].dtype)
        else:
            block[name][layer, within] = found[name][layer]

    list(each(sort, [(name, layer) for name in found for layer in range(len(found[name]))]))


def _commit(
    store: ActivationStore, block: int, values: Mapping[str, np.ndarray], each: Each
) -> None:
    list(each(partial(_check_finite, store.folder.name), values.items()))
    store.commit(block, values, each=each)


def _check_finite(language: str, array: tuple[str, np.ndarray]) -> None:
    """Refuse states that overflowed: comparisons with NaN would make a perfect score."""
    name, value = array
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        layer = int(np.argwhere(~np.isfinite(value))[0][0])
        raise ModelError(
            f"'{name}' is not finite in layer {layer}",
            where=language,
            remedy="the model overflows in this precision: set 'dtype' to float32 or bfloat16, "
            "and 'stored' to float32",
        )
