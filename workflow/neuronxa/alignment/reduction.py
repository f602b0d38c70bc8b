"""The reduction: activation stores of many languages into one alignment store.

Map-reduce over blocks of languages, layer by layer: a task loads a block or compares it with the
blocks of a strip (`neuronxa.alignment.budget`); Dask runs the tasks on threads, each matrix product
on one. Nothing of size pairs x n x n is ever held.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask
from threadpoolctl import threadpool_limits

from neuronxa.alignment import ALIGNMENT_VERSION
from neuronxa.alignment.budget import Budget
from neuronxa.alignment.layer import Layer
from neuronxa.alignment.measures import MEASURES
from neuronxa.alignment.products import ON_CPU, Products
from neuronxa.alignment.work import Work
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
    work = Work(
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
