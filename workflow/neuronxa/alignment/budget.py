"""How the comparison of all pairs is cut up, and the memory that it will take.

The languages are cut into blocks. The blocks of a *strip* are held in memory while all others pass
by, a block at a time; a *tile* is one block against another, and one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from neuronxa.errors import StoreError

#: Sentences of a block: large enough for fast matrix products, small enough for the cache.
BLOCK_SENTENCES = 800

#: Bytes of the vectors of a strip, where more memory would only save some reading.
STRIP_BYTES = 768 * 2**20


#: The program itself: libraries, compiled loops, buffers of the linear algebra.
PROGRAM_BYTES = 400 * 2**20


@dataclass(frozen=True)
class Budget:
    """Sizes of one reduction, and how it is cut.

    Attributes
    ----------
    languages, sentences, units
        Numbers of languages, of sentences of each, and the largest number of units.
    measures
        Number of measures.
    copies
        How many forms of the vectors are held: raw, centred, standardised.
    kept
        Whether matrices with the pivot are kept.
    block
        Languages of a block.
    strip
        Blocks of a strip.
    workers
        Tiles that are computed at the same time.
    """

    languages: int
    sentences: int
    units: int
    measures: int
    copies: int
    kept: bool
    block: int = 1
    strip: int = 1
    workers: int = 1

    @property
    def vector_bytes(self) -> int:
        """Vectors of one language, and the inner products within it."""
        n = self.sentences
        return n * self.units * 4 * self.copies + min(self.copies, 2) * n * n * 4

    @property
    def bytes(self) -> int:
        """Projected peak."""
        n, count = self.sentences, self.languages
        rows = self.block * n
        # two sets of cosines, their copies by rows and columns for CSLS, and its sums
        tile = rows * rows * 4 * (2 + 3) * min(self.copies, 2)
        # what is read, and a copy in float64 of a language at a time
        reading = self.block * n * self.units * 4 * 2 + n * self.units * 8 * 2
        worker = self.block * self.vector_bytes + max(tile, reading)
        layer = count * count * (n * 2 + self.measures * 8 + 8)
        matrices = count * n * n * 4 if self.kept else 0
        # a layer is written, or saved, as a copy
        return (
            PROGRAM_BYTES
            + self.strip * self.block * self.vector_bytes
            + self.workers * worker
            + 2 * (layer + matrices)
        )

    def fitted(self, *, workers: int, memory_gb: float) -> Budget:
        """Cut the work so that it fits.

        Parameters
        ----------
        workers
            Largest number of tiles at the same time; fewer where memory does not allow more.
        memory_gb
            Largest memory.

        Raises
        ------
        StoreError
            One tile at a time would need more.
        """
        block = max(1, min(self.languages, BLOCK_SENTENCES // max(self.sentences, 1)))
        blocks = -(-self.languages // block)
        most = max(1, min(blocks, STRIP_BYTES // (block * max(self.vector_bytes, 1))))
        strips = sorted({most, *(max(1, most // part) for part in (2, 4, 8))}, reverse=True)
        candidates = [
            replace(self, block=block, strip=strip, workers=number)
            for number in range(max(1, workers), 0, -1)
            for strip in strips
        ]
        candidates.append(replace(self, block=1, strip=1, workers=1))
        for one in candidates:
            if one.bytes <= memory_gb * 1e9:
                return one
        needed = candidates[-1].bytes / 1e9
        raise StoreError(
            f"the reduction would need {needed:.1f} GB, {memory_gb:.1f} GB are allowed: "
            f"{self.languages} languages, {self.sentences} sentences, {self.units} units, "
            f"{self.measures} measures",
            where="alignment.memory_gb",
            remedy="raise 'alignment.memory_gb', use fewer languages, sentences or measures, "
            "or set 'alignment.keep_similarities' to false",
        )

    def blocks(self, codes: list[str], kept: set[str]) -> list[list[str]]:
        """Cut languages into blocks; those of an earlier store and new ones do not mix.

        So a tile is either known as a whole or computed as a whole, and its matrix products are
        those of any other run.
        """
        groups = ([c for c in codes if c in kept], [c for c in codes if c not in kept])
        found = []
        for group in groups:
            edges = [*range(0, len(group), self.block), len(group)]
            found += [group[a:b] for a, b in pairwise(edges) if a < b]
        return found
