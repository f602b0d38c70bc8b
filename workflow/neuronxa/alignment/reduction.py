"""The reduction: activation stores of many languages into one alignment store.

Map-reduce over blocks of languages, layer by layer: a task loads a block or compares it with the
blocks of a strip (`neuronxa.alignment.budget`); Dask runs the tasks on threads or on a cluster
(`neuronxa.alignment.engine`), each matrix product on one thread. Nothing of size pairs x n x n is
ever held.
"""

from __future__ import annotations

import logging
from pathlib import Path

from neuronxa.alignment.engine import THREADS, engine
from neuronxa.alignment.layer import Layer
from neuronxa.alignment.products import ON_CPU, Products
from neuronxa.alignment.question import Reduction
from neuronxa.alignment.work import Work
from neuronxa.machine.disk import require_space
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.activations import refuse_mixed
from neuronxa.stores.alignment_store import AlignmentStore
from neuronxa.stores.sizes import LEAST, alignment_bytes

logger = logging.getLogger(__name__)

#: File beside the store with the pairs of the layer that is being computed.
PARTIAL = "partial.npz"


def reduce_alignment(
    reduction: Reduction,
    folder: Path,
    *,
    memory_gb: float,
    workers: int = 1,
    scheduler: str = THREADS,
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
        Largest number of tasks at a time; fewer run where memory does not allow more.
    scheduler
        Who runs them (`neuronxa.alignment.engine`).
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
    work = Work(reduction, budget, products, frozenset(store.kept))
    partial = folder / PARTIAL
    progress.start(len(store.pending))
    with engine(scheduler, budget.workers) as compute:
        for representation, number in store.pending:
            layer = Layer(store.layout, representation, number, store.journal.fingerprint)
            layer.take_over(store.known(representation, number), reduction.pivot)
            layer.resume(partial)
            for tasks in work.strips(layer):
                for found in compute(tasks):
                    for tile in found:
                        layer.enter(tile)
                if not layer.done.all():
                    layer.save(partial)
            store.commit(representation, number, layer.values)
            partial.unlink(missing_ok=True)
            progress.advance(1)
    partial.unlink(missing_ok=True)
    return store.finish({"device": products.device, "memory_gb": round(budget.bytes / 1e9, 3)})
