"""The tasks of one layer: blocks of vectors are loaded, and each is compared with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import dask
import numpy as np
from threadpoolctl import threadpool_limits

from neuronxa.alignment.budget import Budget
from neuronxa.alignment.layer import Found, Layer
from neuronxa.alignment.measures import MEASURES
from neuronxa.alignment.products import Products, products_on
from neuronxa.alignment.question import Reduction
from neuronxa.alignment.tiles import Both, Tile
from neuronxa.alignment.vectors import Block
from neuronxa.errors import StoreError
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import AlignmentLayout


@dataclass(frozen=True)
class Work:
    """The tasks of a layer.

    To another process it goes as a `Recipe`: stores are opened where they are read.
    """

    reduction: Reduction
    budget: Budget
    products: Products
    kept: frozenset[str]

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (Recipe.of(self),)

    @cached_property
    def layout(self) -> AlignmentLayout:
        """Sizes of the alignment store."""
        return self.reduction.store_layout()

    @cached_property
    def tokens(self) -> dict[str, np.ndarray]:
        """Language -> number of tokens of each sentence."""
        return {code: one.array("tokens") for code, one in self.reduction.stores.items()}

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Language -> sum of the pooling weights of each sentence."""
        return {code: one.array("pooling_weight") for code, one in self.reduction.stores.items()}

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


@dataclass(frozen=True)
class Recipe:
    """What another process needs to do the same work, in few bytes.

    Attributes
    ----------
    stores
        Language, folder and fingerprint of each activation store.
    question
        The other fields of the reduction, in their order.
    budget, device, kept
        As in `Work`.
    """

    stores: tuple[tuple[str, str, str], ...]
    question: tuple[Any, ...]
    budget: Budget
    device: str
    kept: frozenset[str]

    @classmethod
    def of(cls, work: Work) -> Recipe:
        """The recipe of some work."""
        asked = work.reduction
        prints = asked.fingerprints
        folders = {code: str(one.folder.absolute()) for code, one in asked.stores.items()}
        return cls(
            tuple((code, folders[code], prints[code]) for code in asked.stores),
            (
                asked.pivot,
                asked.layout,
                asked.representations,
                asked.keep_similarities,
                asked.measures,
            ),
            work.budget,
            work.products.device,
            work.kept,
        )


@lru_cache(maxsize=1)
def _made(recipe: Recipe) -> Work:
    """The work of a recipe, made once in a process.

    Raises
    ------
    StoreError
        A store is not the one that the recipe is of.
    """
    threadpool_limits(limits=1)
    stores = {code: Activations(Path(folder)) for code, folder, _ in recipe.stores}
    reduction = Reduction(stores, *recipe.question)
    for code, folder, fingerprint in recipe.stores:
        if reduction.fingerprints[code] != fingerprint:
            raise StoreError(
                f"the store of '{code}' is another one here than where the run was started",
                where=folder,
                remedy="let all workers see the same files",
            )
    return Work(reduction, recipe.budget, products_on(recipe.device), recipe.kept)
