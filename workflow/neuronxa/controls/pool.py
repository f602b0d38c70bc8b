"""How scores depend on the pool of sentences, and on translations being translations.

The more sentences there are, the more rivals every translation has. Subsets of the sentences are
drawn, from ten sentences up to all, and the same measures taken in each; once with the true
translations, once with translations re-paired at random. Who beats whom is read off the kept
similarities of the pairs with the pivot and made to agree with the exact ranks, so that the value
at all sentences is the alignment score itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuronxa.controls.rivals import beaten_by, shuffled_hits, true_hits
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.alignment import Alignment

SUBSETS: Final = 20
"""Subsets of each size."""
SHUFFLES: Final = 5
"""Of these subsets, so many also have their translations re-paired."""
STEPS: Final = (1, 2.5, 5, 7.5)
"""Sizes are these times powers of ten, from `LEAST` on, and all sentences."""
LEAST: Final = 10

#: Measures in the order that hits are counted in.
MEASURES: Final = (("mu", "both"), ("top1", "pivot_to_other"), ("top1", "other_to_pivot"))
COLUMNS: Final = (
    "model",
    "corpus",
    "extraction",
    "representation",
    "language",
    "measure",
    "direction",
    "n",
    "value",
    "sd",
    "subsets",
    "shuffled",
    "chance",
)
SUBSET_COLUMNS: Final = (*COLUMNS[:5], "n", "subset", "value")


@dataclass(frozen=True)
class Draws:
    """Random subsets of one size.

    Attributes
    ----------
    members
        Positions of the sentences, ``(subset, n)``; one subset where it is all of them.
    reordered
        The members of the subsets whose translations are re-paired, ``(subset, n)``.
    partners
        Which of those members each one is paired with: a derangement, ``(subset, n)``.
    """

    members: NDArray[np.int64]
    reordered: NDArray[np.int64]
    partners: NDArray[np.int64]


def sizes(n: int) -> tuple[int, ...]:
    """Sizes of the subsets of n sentences, ascending: 10, 25, 50, 75, 100, ... and n itself."""
    ladder = (round(step * 10**power) for power in range(len(str(n)) + 1) for step in STEPS)
    return (*(size for size in ladder if LEAST <= size < n), n)


def draw(present: NDArray[np.bool_], *, subsets: int = SUBSETS, seed: int = 0) -> list[Draws]:
    """Draw subsets of the sentences that a pair has, a smaller one inside every larger one.

    All languages share the draws: a language without some sentences has the same order of those
    that it has.

    Parameters
    ----------
    present
        Which sentences the pair has.
    subsets
        Subsets of each size.
    seed
        Seed of all draws.
    """
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(present)) for _ in range(subsets)]
    kept = np.stack([order[present[order]] for order in orders]).astype(np.int64)
    n = int(present.sum())
    return [
        Draws(
            members=kept[:1] if size == n else kept[:, :size],
            reordered=kept[:SHUFFLES, :size],
            partners=derangements(size, count=min(SHUFFLES, subsets), seed=seed),
        )
        for size in sizes(n)
    ]


def derangements(size: int, *, count: int, seed: int = 0) -> NDArray[np.int64]:
    """Draw permutations that leave nothing in its place, each with the same probability.

    Returns
    -------
    ndarray
        int64 ``(count, size)``; ``(0, 1)`` for size 1, which has none.
    """
    rng = np.random.default_rng([seed, size])
    found: list[NDArray[np.int64]] = []
    places = np.arange(size)
    while size > 1 and len(found) < count:
        order = rng.permutation(size)
        if (order != places).all():
            found.append(order)
    return np.array(found, dtype=np.int64).reshape(-1, size)


def pool_frames(
    alignment: Alignment, *, subsets: int = SUBSETS, seed: int = 0, progress: Counter = SILENT
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure mu and top-1 in subsets of the sentences, for every language and representation.

    Parameters
    ----------
    alignment
        A published alignment store that keeps its similarities.
    subsets
        Subsets of each size; all sentences are one subset.
    seed
        Seed of the subsets and of the re-pairings.
    progress
        Told of every layer.

    Returns
    -------
    pool
        Columns `COLUMNS`. ``value`` is the mean over subsets of the mean over layers, ``sd`` the
        standard deviation over subsets (NaN for one). ``shuffled`` rows have translations re-paired
        by random derangements of each subset. ``chance`` is 1/(2n - 1) for mu, 1/n for top-1.
    subsets
        Columns `SUBSET_COLUMNS`: mu of every subset, mean over layers. A subset has the same number
        in all languages, and holds the same sentences where none is missing; what n sentences are
        worth is seen in one subset, not in the mean over many, which together hold all sentences.

    Raises
    ------
    StoreError
        The store keeps no similarities.
    """
    identity = alignment.manifest["identity"]
    about = (identity["model"], identity["corpus"], identity["extraction"])
    rows: list[tuple[Any, ...]] = []
    singles: list[tuple[Any, ...]] = []
    progress.start(sum(alignment.layers.values()))
    for representation, layers in alignment.layers.items():
        counts = _count(alignment, representation, identity["pivot"], subsets, seed, progress)
        for language, tallies in counts.items():
            for tally in tallies:
                key = (*about, representation, language)
                rows += [(*key, *row) for row in tally.rows(layers)]
                singles += [(*key, *row) for row in tally.subsets(layers)]
    return (
        pd.DataFrame(rows, columns=list(COLUMNS)),
        pd.DataFrame(singles, columns=list(SUBSET_COLUMNS)),
    )


@dataclass(frozen=True)
class _Tally:
    """Hits of one language in subsets of one size, ``(subset, measure)``, summed over layers."""

    draws: Draws
    true: NDArray[np.int64]
    shuffled: NDArray[np.int64]

    @classmethod
    def of(cls, draws: Draws) -> _Tally:
        counts = (np.zeros((len(d), 3), dtype=np.int64) for d in (draws.members, draws.partners))
        return cls(draws, *counts)

    def subsets(self, layers: int) -> Iterator[tuple[int, int, float]]:
        """Give n, number and mu of every subset."""
        n = self.draws.members.shape[1]
        for number, found in enumerate(self.true[:, 0].tolist()):
            yield n, number, found / (layers * n)

    def rows(self, layers: int) -> Iterator[tuple[Any, ...]]:
        """Measure, direction, n, value, sd, subsets, shuffled and chance."""
        n = self.draws.members.shape[1]
        for shuffled, counts in ((False, self.true), (True, self.shuffled)):
            if not len(counts):
                continue
            shares = counts / (layers * n)
            for place, (measure, direction) in enumerate(MEASURES):
                value = float(shares[:, place].mean())
                sd = float(shares[:, place].std(ddof=1)) if len(shares) > 1 else np.nan
                chance = 1 / (2 * n - 1) if measure == "mu" else 1 / n
                yield measure, direction, n, value, sd, len(shares), shuffled, chance


def _count(
    alignment: Alignment,
    representation: str,
    pivot: str,
    subsets: int,
    seed: int,
    progress: Counter,
) -> dict[str, list[_Tally]]:
    """Count the hits of every language in all layers of a representation."""
    tallies: dict[str, list[_Tally]] = {}
    drawn: dict[bytes, list[Draws]] = {}
    for layer in range(alignment.layers[representation]):
        similarity = alignment.layer("similarity", representation, layer)
        rank = alignment.layer("rank", representation, layer)
        forward, backward = rank.sel(source=pivot), rank.sel(target=pivot)
        for place, code in enumerate(similarity["target"].values.tolist()):
            ahead, back = (
                ranks.values.astype(np.int64)
                for ranks in (forward.sel(target=code), backward.sel(source=code))
            )
            present = ahead > 0
            if code == pivot or not present.any():
                continue
            if code not in tallies:
                key = present.tobytes()
                if key not in drawn:
                    drawn[key] = draw(present, subsets=subsets, seed=seed)
                tallies[code] = [_Tally.of(draws) for draws in drawn[key]]
            matrix = np.ascontiguousarray(similarity.values[place])
            transposed = np.ascontiguousarray(matrix.T)
            by_row, by_column = beaten_by(matrix, ahead), beaten_by(transposed, back)
            for tally in tallies[code]:
                draws = tally.draws
                true_hits(by_row, by_column, draws.members, tally.true)
                shuffled_hits(matrix, transposed, draws.reordered, draws.partners, tally.shuffled)
        progress.advance(1)
    return tallies
