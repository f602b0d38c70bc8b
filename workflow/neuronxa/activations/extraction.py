"""Extraction: the sentences of several languages through one model into their stores.

One forward pass gives every representation. A pack holds sentences of one block of one language, so
that the bytes of a block depend on nothing but its own text: not on the other languages, and not on
where an earlier run was killed. A block is written as soon as its last sentence has gone through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuronxa.activations.capture import Capture, Pooled
from neuronxa.activations.packing import ATTENTION, Pack, plan_packs, register
from neuronxa.activations.tokens import Tokens
from neuronxa.config import ExtractionRow
from neuronxa.errors import ModelError
from neuronxa.models.architectures import architecture_of
from neuronxa.models.loading import load_base
from neuronxa.models.snapshot import ModelCard
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.activations import ActivationStore, Layout
from neuronxa.stores.registry import arrays_of, spec_of

#: Sentences of each language that are run again alone, to measure batch invariance.
INVARIANCE_SAMPLE = 2


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
    layout = Layout(
        sentences=len(identity["sides"]),
        block_sentences=block_sentences,
        layers=card.layers,
        neurons=card.neurons,
        hidden_size=card.hidden_size,
        arrays=tuple(spec.name for spec in arrays_of(extraction)),
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
    """

    def __init__(
        self, snapshot: Path, extraction: ExtractionRow, *, device: str, token_budget: int
    ) -> None:
        register()
        self.extraction = extraction
        self.device = device
        self.token_budget = token_budget
        model = load_base(snapshot, dtype=extraction.dtype, device=device, attention=ATTENTION)
        if not architecture_of(model.config).packed:
            raise ModelError(
                f"sentences of model type '{model.config.model_type}' cannot share a row",
                remedy="choose another model",
            )
        self.capture = Capture(model, extraction, device=device)

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

        def finish(index: int) -> None:
            stores[index].finish(self._facts(stores[index], tokens[index]))

        packs = list(_plan(stores, tokens, self.token_budget))
        progress.start(sum(len(s.ids) for pack in packs for s in pack.tokens))
        blocks = _Blocks(stores, tokens, finish)
        with self.capture.hooked():
            for pack in packs:
                blocks.add(pack, self.capture.run(pack))
                progress.advance(sum(len(sentence.ids) for sentence in pack.tokens))
            blocks.commit_empty()
            for index, store in enumerate(stores):
                if not store.complete:  # killed between its last block and its end
                    finish(index)

    def _facts(self, store: ActivationStore, tokens: list[Tokens | None]) -> dict[str, Any]:
        """What is known of a finished extraction, besides its identity."""
        import torch
        import transformers

        present = [sentence for sentence in tokens if sentence is not None]
        return {
            "tokens": int(sum(sentence.pooled.sum() for sentence in present)),
            "missing_sentences": len(tokens) - len(present),
            "token_budget": self.token_budget,
            "attention": ATTENTION,
            "device": self.device.split(":")[0],
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "invariance": self._invariance(store, tokens),
        }

    def _invariance(
        self, store: ActivationStore, tokens: list[Tokens | None]
    ) -> dict[str, float | int]:
        """Run a sample of sentences alone and compare with what was stored.

        Returns
        -------
        dict
            Number of sentences; share of differing NAS entries; largest difference of NAV and of
            ``hidden`` relative to the largest value of the layer.
        """
        rows = [row for row, sentence in enumerate(tokens) if sentence is not None]
        # from the end: the first sentence of a pack stands where it would stand alone
        rows = rows[:: -max(1, len(rows) // INVARIANCE_SAMPLE)][:INVARIANCE_SAMPLE]
        result: dict[str, float | int] = {"sentences": len(rows)}
        for row in rows:
            sentence = tokens[row]
            assert sentence is not None
            (pack,) = plan_packs([((0, row), sentence)], token_budget=self.token_budget)
            for name, alone in self.capture.run(pack).items():
                if name.startswith("active_"):
                    continue
                stored = store.row(name, row).astype(np.float64)
                difference = np.abs(stored - alone[:, 0].cpu().numpy())
                if name.startswith("nas_"):
                    measured = float((difference > 0).mean())
                else:
                    scale = np.abs(stored).max(axis=1, keepdims=True)
                    measured = float((difference / np.where(scale == 0, 1, scale)).max())
                result[name] = max(float(result.get(name, 0.0)), measured)
        return result


def _plan(
    stores: Sequence[ActivationStore], tokens: Sequence[list[Tokens | None]], token_budget: int
) -> Iterator[Pack]:
    """Packs of the blocks that are not committed, block by block."""
    for index, store in enumerate(stores):
        for block in store.pending:
            rows = store.layout.rows(block)
            sentences = [((index, row), tokens[index][row]) for row in range(rows.start, rows.stop)]
            present = [(item, sentence) for item, sentence in sentences if sentence is not None]
            yield from plan_packs(present, token_budget=token_budget)


class _Blocks:
    """Blocks that are being filled; each is committed when its last sentence has come in."""

    def __init__(
        self,
        stores: Sequence[ActivationStore],
        tokens: Sequence[list[Tokens | None]],
        on_complete: Callable[[int], None],
    ) -> None:
        self._on_complete = on_complete
        self._stores = stores
        self._tokens = tokens
        self._open: dict[tuple[int, int], dict[str, np.ndarray]] = {}
        self._missing: dict[tuple[int, int], int] = {}

    def add(self, pack: Pack, pooled: Pooled) -> None:
        """Sort the pooled sentences of a pack into their blocks."""
        values = {name: tensor.cpu().numpy() for name, tensor in pooled.items()}
        for position, (index, row) in enumerate(pack.items):
            layout = self._stores[index].layout
            key = (index, row // layout.block_sentences)
            block = self._block(key)
            within = row - layout.rows(key[1]).start
            for name, value in values.items():
                if name.startswith("active_"):
                    block[name][0] += value[:, position].astype(np.uint32)
                else:
                    block[name][:, within] = value[:, position]
            self._missing[key] -= 1
            if not self._missing[key]:
                self._commit(key)

    def commit_empty(self) -> None:
        """Commit blocks in which every sentence is missing."""
        for index, store in enumerate(self._stores):
            for number in store.pending:
                self._block((index, number))
                self._commit((index, number))

    def _block(self, key: tuple[int, int]) -> dict[str, np.ndarray]:
        if key not in self._open:
            index, number = key
            layout = self._stores[index].layout
            sentences = self._tokens[index][layout.rows(number)]
            self._open[key] = _empty_block(layout, number, sentences)
            self._missing[key] = sum(sentence is not None for sentence in sentences)
        return self._open[key]

    def _commit(self, key: tuple[int, int]) -> None:
        index, number = key
        values = self._open.pop(key)
        _check_finite(self._stores[index].folder.name, values)
        self._stores[index].commit(number, values)
        del self._missing[key]
        if not self._stores[index].pending:
            self._on_complete(index)


def _check_finite(language: str, values: Mapping[str, np.ndarray]) -> None:
    """Refuse states that overflowed: comparisons with NaN would make a perfect score."""
    for name, value in values.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            layer = int(np.argwhere(~np.isfinite(value))[0][0])
            raise ModelError(
                f"'{name}' is not finite in layer {layer}",
                where=language,
                remedy="the model overflows in this precision: use float32 or bfloat16",
            )


def _empty_block(
    layout: Layout, block: int, sentences: Sequence[Tokens | None]
) -> dict[str, np.ndarray]:
    """Arrays of one block, zero where nothing comes in: missing sentences stay zero."""
    arrays = {
        name: np.zeros(layout.shape(spec_of(name), block=block), dtype=spec_of(name).dtype)
        for name in layout.arrays
    }
    for row, sentence in enumerate(sentences):
        if sentence is not None:
            arrays["tokens"][row] = sentence.pooled.sum()
            arrays["pooling_weight"][row] = sentence.weights.sum()
    return arrays
