"""The reduction: activation stores of many languages into one alignment store.

Layer by layer; inside a layer, blocks of languages are loaded once and compared pairwise, as coarse
Dask tasks with one BLAS thread each. Nothing of size pairs x n x n is ever held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import dask
import numpy as np
from threadpoolctl import threadpool_limits

from neuronxa.alignment.similarity import Vectors, rank_translations
from neuronxa.errors import StoreError
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import AlignmentLayout, AlignmentStore
from neuronxa.stores.registry import ALIGNMENT_ARRAYS

#: Raised whenever the same activations would give other numbers.
ALIGNMENT_VERSION = 1

#: Languages of one task: large enough for fast matrix products, small enough to share out.
BLOCK_LANGUAGES = 8


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
    """

    stores: Mapping[str, Activations]
    pivot: str
    layout: str
    representations: tuple[str, ...]
    keep_similarities: bool

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the result, the pivot first where it has no store of its own."""
        codes = tuple(self.stores)
        return codes if self.pivot in codes else (self.pivot, *codes)

    @property
    def sentences(self) -> int:
        """Largest number of sentences of a language."""
        return max(int((store.array("side") == 0).sum()) for store in self.stores.values())

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
            "keep_similarities": self.keep_similarities,
            "stores": {code: s.manifest["fingerprint"] for code, s in self.stores.items()},
        }

    def memory_bytes(self, workers: int) -> int:
        """Projected peak: one layer of all languages, and the matrices of the running tasks."""
        widest = max(
            store.layout.neurons if name.startswith("n") else store.layout.hidden_size
            for store in self.stores.values()
            for name in self.representations
        )
        n, count = self.sentences, len(self.languages)
        layer = count * n * widest * 4 * (2 if self.layout == "pairs" else 1)
        matrix = n**2 if self.layout == "pairs" else (BLOCK_LANGUAGES * n) ** 2
        # per entry: the cosine, two gaps and their differences (float32), and six masks
        task = matrix * (4 + 4 * 4 + 6)
        kept = n * n * count * 4 if self.keep_similarities else 0
        return layer + workers * task + kept + count * count * n * 8


def reduce_alignment(
    reduction: Reduction,
    folder: Path,
    *,
    memory_gb: float,
    workers: int = 1,
    progress: Counter = SILENT,
) -> Path:
    """Compare all languages and fill the alignment store; goes on from committed layers.

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
    progress
        Counts layers.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    StoreError
        Over budget, or an activation store is damaged.
    """
    while workers > 1 and reduction.memory_bytes(workers) / 1e9 > memory_gb:
        workers -= 1
    needed = reduction.memory_bytes(workers) / 1e9
    if needed > memory_gb:
        raise StoreError(
            f"the reduction would need {needed:.1f} GB, {memory_gb:.1f} GB are allowed",
            where="alignment.memory_gb",
            remedy="raise 'alignment.memory_gb', or use fewer languages or sentences",
        )
    identity = reduction.identity()
    layout = AlignmentLayout(
        languages=reduction.languages,
        sentences=reduction.sentences,
        layers={
            name: next(iter(reduction.stores.values())).layers(name)
            for name in reduction.representations
        },
        arrays=tuple(
            name for name in ALIGNMENT_ARRAYS if name != "similarity" or reduction.keep_similarities
        ),
    )
    store = AlignmentStore(folder, layout, identity=identity)
    compare = _compare_pairs if reduction.layout == "pairs" else _compare_all
    present = {code: s.array("tokens") > 0 for code, s in reduction.stores.items()}
    progress.start(len(store.pending))
    with threadpool_limits(limits=1), dask.config.set(scheduler="threads", num_workers=workers):
        for representation, layer in store.pending:
            store.commit(representation, layer, compare(reduction, present, representation, layer))
            progress.advance(1)
    return store.finish({})


def _compare_all(
    reduction: Reduction, present: Mapping[str, np.ndarray], representation: str, layer: int
) -> dict[str, np.ndarray]:
    """One layer of a ``parallel`` corpus: all pairs, each computed once for both directions."""
    codes = reduction.languages
    blocks = [codes[i : i + BLOCK_LANGUAGES] for i in range(0, len(codes), BLOCK_LANGUAGES)]

    @dask.delayed(pure=False)
    def load(block: Sequence[str]) -> Vectors:
        layers = [reduction.stores[code].layer(representation, layer).values for code in block]
        return Vectors.of(np.stack(layers), np.stack([present[code] for code in block]))

    pivot = codes.index(reduction.pivot)

    @dask.delayed(pure=False)
    def rank(first: int, second: int, source: Vectors, target: Vectors) -> _Block:
        ranks = rank_translations(source, target)
        similarity: dict[int, np.ndarray] = {}
        offsets = (first * BLOCK_LANGUAGES, second * BLOCK_LANGUAGES)
        if reduction.keep_similarities:
            similarity = _with_pivot(ranks.similarity, pivot, offsets)
        return _Block(offsets, ranks.forward, ranks.backward, similarity)

    loaded = [load(block) for block in blocks]
    tasks = [
        rank(a, b, loaded[a], loaded[b])
        for a, b in combinations_with_replacement(range(len(blocks)), 2)
    ]
    return _assemble(reduction, dask.compute(*tasks))


def _compare_pairs(
    reduction: Reduction, present: Mapping[str, np.ndarray], representation: str, layer: int
) -> dict[str, np.ndarray]:
    """One layer of a ``pairs`` corpus: each language with its own pivot side."""

    @dask.delayed(pure=False)
    def rank(position: int, code: str) -> _Block:
        states = reduction.stores[code].layer(representation, layer)
        sides = states["side"].values
        own, pivot = (
            Vectors.of(states.values[None, sides == side], present[code][None, sides == side])
            for side in (0, 1)
        )
        ranks = rank_translations(pivot, own)
        similarity = {position: ranks.similarity[0, 0]} if reduction.keep_similarities else {}
        origin = reduction.languages.index(reduction.pivot)
        return _Block((origin, position), ranks.forward, ranks.backward, similarity)

    tasks = [rank(reduction.languages.index(code), code) for code in reduction.stores]
    return _assemble(reduction, dask.compute(*tasks))


@dataclass(frozen=True)
class _Block:
    """Result of one task: ranks in both directions, and matrices by the target's position."""

    offsets: tuple[int, int]
    forward: np.ndarray
    backward: np.ndarray
    similarity: Mapping[int, np.ndarray]


def _with_pivot(
    similarity: np.ndarray, pivot: int, offsets: tuple[int, int]
) -> dict[int, np.ndarray]:
    """Matrices pivot x target, by the position of the target, out of a block of all pairs."""
    first, second = offsets
    sources, targets = similarity.shape[:2]
    found: dict[int, np.ndarray] = {}
    if 0 <= pivot - second < targets:
        for s in range(sources):
            found[first + s] = similarity[s, pivot - second].T.copy()
    if 0 <= pivot - first < sources:
        for t in range(targets):
            found[second + t] = similarity[pivot - first, t].copy()
    return found


def _assemble(reduction: Reduction, blocks: Sequence[_Block]) -> dict[str, np.ndarray]:
    """Put the blocks of a layer together and derive what follows from the ranks."""
    count, n = len(reduction.languages), reduction.sentences
    rank = np.zeros((count, count, n), dtype=np.uint16)
    kept = (count, n, n) if reduction.keep_similarities else (0, n, n)
    similarity = np.full(kept, np.nan, dtype=np.float32)
    for block in blocks:
        first, second = block.offsets
        sources, targets, length = block.forward.shape
        rows, columns = slice(first, first + sources), slice(second, second + targets)
        rank[rows, columns, :length] = block.forward
        rank[columns, rows, :length] = block.backward.swapaxes(0, 1)
        for position, matrix in block.similarity.items():
            similarity[position, : matrix.shape[0], : matrix.shape[1]] = matrix
    return {"rank": rank, "similarity": similarity, **shares(rank)}


def shares(rank: np.ndarray) -> dict[str, np.ndarray]:
    """Alignment scores from ranks.

    Parameters
    ----------
    rank
        ``(source, target, sentence)``; 0 = the pair lacks the sentence.

    Returns
    -------
    dict
        ``mu``: share of sentences with rank 1 in both directions,
        mu = (1/n) sum_i 1[c_ii > every c_ij and every c_ji, j != i] (NeuronXA, MEXA);
        ``top1``: share with rank 1 from source to target; NaN where a pair has no sentence.
        float64 ``(source, target)``.
    """
    n = (rank > 0).sum(axis=2)
    hit = rank == 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "mu": (hit & hit.swapaxes(0, 1)).sum(axis=2) / n,
            "top1": hit.sum(axis=2) / n,
        }
