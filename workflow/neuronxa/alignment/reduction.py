"""The reduction: activation stores of many languages into one alignment store.

Map-reduce over blocks of languages, layer by layer: a task loads a block or compares it with the
blocks of a strip (`neuronxa.alignment.budget`); Dask runs the tasks on threads, each matrix product
on one. Nothing of size pairs x n x n is ever held.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask
import numpy as np
from threadpoolctl import threadpool_limits

from neuronxa.alignment import ALIGNMENT_VERSION
from neuronxa.alignment.budget import Budget
from neuronxa.alignment.layer import Found, Layer
from neuronxa.alignment.measures import MEASURES
from neuronxa.alignment.products import ON_CPU, Products
from neuronxa.alignment.tiles import Both, Tile
from neuronxa.alignment.vectors import Block
from neuronxa.disk import require_space
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.activations import Activations, refuse_mixed
from neuronxa.stores.alignment import AlignmentLayout
from neuronxa.stores.alignment_store import AlignmentStore
from neuronxa.stores.journal import fingerprint_of
from neuronxa.stores.registry import ALIGNMENT_ARRAYS
from neuronxa.stores.sizes import LEAST, alignment_bytes

logger = logging.getLogger(__name__)

#: File beside the store with the pairs of the layer that is being computed.
PARTIAL = "partial.npz"


@dataclass(frozen=True)
class Reduction:
    """What is to be reduced.

    Attributes
    ----------
    stores
        Language -> published activation store. In a ``pairs`` corpus the pivot has none.
    pivot
        Code of the pivot.
    layout
        ``parallel`` or ``pairs``.
    representations
        Which representations are compared.
    keep_similarities
        Whether the matrices of pairs with the pivot are stored.
    measures
        Names of measures; each is computed where it is defined.
    """

    stores: Mapping[str, Activations]
    pivot: str
    layout: str
    representations: tuple[str, ...]
    keep_similarities: bool
    measures: tuple[str, ...] = field(default_factory=lambda: tuple(MEASURES))

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the result, the pivot first where it has no store of its own."""
        codes = tuple(self.stores)
        return codes if self.pivot in codes else (self.pivot, *codes)

    @property
    def sentences(self) -> int:
        """Largest number of sentences of a language."""
        return max(int((store.array("side") == 0).sum()) for store in self.stores.values())

    def measures_of(self, representation: str) -> tuple[str, ...]:
        """The measures that are defined for a representation, in the order of the registry."""
        return tuple(
            name
            for name, measure in MEASURES.items()
            if name in self.measures and measure.measures(representation)
        )

    def needs(self, what: str) -> bool:
        """Whether a measure needs vectors in some form."""
        return any(what in MEASURES[name].needs for name in self.measures)

    def identity(self) -> dict[str, Any]:
        """What the result depends on."""
        first = next(iter(self.stores.values())).identity
        return {
            "alignment_version": ALIGNMENT_VERSION,
            "model": first["model"],
            "corpus": first["corpus"],
            "extraction": first["extraction"]["extraction"],
            "pivot": self.pivot,
            "corpus_layout": self.layout,
            "representations": list(self.representations),
            "measures": list(self.measures),
            "keep_similarities": self.keep_similarities,
            # what is stored, not what it was made from: another device may round otherwise
            "stores": {c: fingerprint_of(s.manifest["parts"]) for c, s in self.stores.items()},
        }

    def budget(self) -> Budget:
        """Sizes that memory is projected from."""
        widest = max(
            store.layout.neurons if name.startswith("n") else store.layout.hidden_size
            for store in self.stores.values()
            for name in self.representations
        )
        return Budget(
            languages=len(self.languages),
            sentences=self.sentences,
            units=widest,
            measures=len(self.measures),
            copies=1 + self.needs("centred") + self.needs("standardised"),
            kept=self.keep_similarities,
        )

    def store_layout(self) -> AlignmentLayout:
        """Sizes of the alignment store."""
        first = next(iter(self.stores.values()))
        return AlignmentLayout(
            languages=self.languages,
            sentences=self.sentences,
            layers={name: first.layers(name) for name in self.representations},
            arrays=tuple(
                name for name in ALIGNMENT_ARRAYS if name != "similarity" or self.keep_similarities
            ),
            measures={name: self.measures_of(name) for name in self.representations},
        )


def reduce_alignment(
    reduction: Reduction,
    folder: Path,
    *,
    memory_gb: float,
    workers: int = 1,
    products: Products = ON_CPU,
    progress: Counter = SILENT,
) -> Path:
    """Compare all languages and fill the alignment store.

    Goes on from committed layers and, inside a layer, after the last finished strip; pairs of an
    earlier store of other languages are taken over.

    Parameters
    ----------
    reduction
        What is compared.
    folder
        Folder of the alignment store.
    memory_gb
        Largest memory; more is refused before anything is read.
    workers
        Largest number of Dask threads; fewer run where memory does not allow more.
    products
        Where matrix products run.
    progress
        Counts layers.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    StoreError
        Over budget, or activation stores are damaged or of several makings.
    DiskError
        The result cannot fit on the disk.
    """
    refuse_mixed(reduction.stores)
    budget = reduction.budget().fitted(workers=workers, memory_gb=memory_gb)
    logger.info(
        "%d languages in blocks of %d and strips of %d blocks, %d at a time on %s: %.2f GB",
        budget.languages, budget.block, budget.strip, budget.workers, products.device,
        budget.bytes / 1e9,
    )  # fmt: skip
    store = AlignmentStore(folder, reduction.store_layout(), identity=reduction.identity())
    needed = alignment_bytes(store.layout, pending=len(store.pending))
    require_space(folder, needed, what="comparing the languages", least=LEAST)
    work = _Work(
        reduction,
        budget,
        products,
        store.layout,
        frozenset(store.kept),
        tokens={code: one.array("tokens") for code, one in reduction.stores.items()},
        weights={code: one.array("pooling_weight") for code, one in reduction.stores.items()},
    )
    partial = folder / PARTIAL
    progress.start(len(store.pending))
    with (
        threadpool_limits(limits=1),
        dask.config.set(scheduler="threads", num_workers=budget.workers),
    ):
        for representation, number in store.pending:
            layer = Layer(store.layout, representation, number, store.journal.fingerprint)
            layer.take_over(store.known(representation, number), reduction.pivot)
            layer.resume(partial)
            for tasks in work.strips(layer):
                for found in dask.compute(*tasks):
                    for tile in found:
                        layer.enter(tile)
                if not layer.done.all():
                    layer.save(partial)
            store.commit(representation, number, layer.values)
            partial.unlink(missing_ok=True)
            progress.advance(1)
    partial.unlink(missing_ok=True)
    return store.finish({"device": products.device, "memory_gb": round(budget.bytes / 1e9, 3)})


@dataclass(frozen=True)
class _Work:
    """The tasks of a layer."""

    reduction: Reduction
    budget: Budget
    products: Products
    layout: AlignmentLayout
    kept: frozenset[str]
    tokens: Mapping[str, np.ndarray]
    weights: Mapping[str, np.ndarray]

    def strips(self, layer: Layer) -> Any:
        """Yield the tasks of each strip that has something to do."""
        if self.reduction.layout == "pairs":
            yield from self._pairs(layer)
            return
        codes = self.budget.blocks(list(self.layout.languages), set(self.kept))
        places = [[self.layout.languages.index(code) for code in block] for block in codes]
        load = dask.delayed(self.load, pure=False)
        compare = dask.delayed(self.compare, pure=False)
        for first in range(0, len(codes), self.budget.strip):
            strip = range(first, min(first + self.budget.strip, len(codes)))
            held: dict[int, Any] = {}
            tasks = []
            for passing in range(first, len(codes)):
                todo = [
                    block
                    for block in strip
                    if block <= passing
                    and not layer.done[np.ix_(places[block], places[passing])].all()
                ]
                if not todo:
                    continue
                for block in (*todo, passing):
                    if block in strip and block not in held:
                        held[block] = load(codes[block], layer.representation, layer.number)
                target = held.get(passing)
                if target is None:
                    target = load(codes[passing], layer.representation, layer.number)
                sources = [(places[block], held[block]) for block in todo]
                tasks.append(compare(layer.representation, sources, places[passing], target))
            if tasks:
                yield tasks

    def _pairs(self, layer: Layer) -> Any:
        """Each language with its own pivot side, in a corpus of pairs."""
        compare = dask.delayed(self.compare_sides, pure=False)
        pivot = self.layout.languages.index(self.reduction.pivot)
        known = layer.done[pivot].copy()
        layer.done[:] = True  # no other pair is defined
        todo = [
            code for code in self.reduction.stores if not known[self.layout.languages.index(code)]
        ]
        for code in todo:
            layer.done[pivot, self.layout.languages.index(code)] = False
        size = self.budget.block * self.budget.strip
        for first in range(0, len(todo), size):
            yield [
                compare(code, layer.representation, layer.number)
                for code in todo[first : first + size]
            ]

    def load(self, codes: Sequence[str], representation: str, number: int) -> Block:
        """Read and prepare the vectors of a block of languages."""
        stores = [self.reduction.stores[code] for code in codes]
        values = np.stack([store.layer(representation, number).values for store in stores])
        return self._block(representation, values, codes, np.s_[:])

    def compare(
        self,
        representation: str,
        sources: Sequence[tuple[Sequence[int], Block]],
        places: Sequence[int],
        target: Block,
    ) -> list[Found]:
        """Compare a block with some blocks of the strip."""
        return [
            self.measure(representation, place, source, places, target) for place, source in sources
        ]

    def compare_sides(self, code: str, representation: str, number: int) -> list[Found]:
        """Compare a language with its own pivot side."""
        store = self.reduction.stores[code]
        states = store.layer(representation, number)
        own, pivot = (
            self._block(representation, states.values[None, rows], [code], rows)
            for rows in (states["side"].values == side for side in (0, 1))
        )
        origin, position = (
            self.layout.languages.index(one) for one in (self.reduction.pivot, code)
        )
        return [self.measure(representation, [origin], pivot, [position], own)]

    def measure(
        self,
        representation: str,
        sources: Sequence[int],
        source: Block,
        targets: Sequence[int],
        target: Block,
    ) -> Found:
        """Map every measure over one tile."""
        tile = Tile(source, target, multiply=self.products.multiply)
        ranks = tile.ranks()
        scores: dict[str, Both] = {}
        for name in self.layout.measures[representation]:
            if name not in scores:
                scores.update(MEASURES[name].map(tile))
        similarity = {}
        if self.reduction.keep_similarities:
            pivot = self.layout.languages.index(self.reduction.pivot)
            similarity = tile.with_pivot(sources, targets, pivot)
        return Found(
            sources, targets, Both(*ranks.ranks), scores, ranks.ties, ranks.settled, similarity
        )

    def _block(
        self,
        representation: str,
        values: np.ndarray,
        codes: Sequence[str],
        rows: Any,
    ) -> Block:
        """Prepare vectors, of some rows of each store."""
        states = representation.startswith("nas")
        return Block.of(
            values,
            np.stack([self.tokens[code][rows] for code in codes]) > 0,
            weights=np.stack([self.weights[code][rows] for code in codes]) if states else None,
            centred=self.reduction.needs("centred"),
            standardised=self.reduction.needs("standardised"),
            upload=self.products.upload,
        )
