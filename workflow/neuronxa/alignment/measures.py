"""The registry of measures: what each of them says of a pair of languages in one layer.

A measure is a unit with a map (from a tile to values of its pairs), which the reduction puts
together to the matrix of all pairs. ``c_ij`` is the cosine of sentence i of the source and sentence
j of the target, i and i being translations, and n the number of sentences that both have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from neuronxa.alignment import hubness, loops, relations
from neuronxa.alignment.tiles import Both, Tile
from neuronxa.alignment.vectors import NEAR_TIE

#: What a measure needs besides cosines.
Need = Literal["centred", "standardised", "active"]

#: Values of some measures for every pair of a tile.
Map = Callable[[Tile], Mapping[str, Both]]


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes
    ----------
    name
        Name in stores and frames.
    title
        Name in tables.
    formula
        Definition in one line.
    source
        Where it comes from.
    low, high
        Range.
    map
        Gives the values of a tile's pairs, perhaps of several measures at once.
    directed
        Whether source to target and target to source differ.
    chance
        Its expectation for n sentences without any relation, where that is known.
    needs
        What the blocks must hold.
    """

    name: str
    title: str
    formula: str
    source: str
    low: float
    high: float
    map: Map
    directed: bool = False
    chance: Callable[[int], float] | None = None
    needs: tuple[Need, ...] = ()

    def measures(self, representation: str) -> bool:
        """Whether it is defined for a representation (agreement of states: for NAS alone)."""
        return "active" not in self.needs or representation.startswith("nas")


def shares(ranks: np.ndarray) -> dict[str, Both]:
    """Shares of sentences that are found, from ranks ``(direction, source, target, sentence)``."""
    n = (ranks[0] > 0).sum(axis=-1)
    hit = ranks == 1
    with np.errstate(invalid="ignore", divide="ignore"):
        mutual = (hit[0] & hit[1]).sum(axis=-1) / n
        top1 = hit.sum(axis=-1) / n
        reciprocal = np.divide(1.0, ranks, out=np.zeros(ranks.shape), where=ranks > 0)
        mrr = reciprocal.sum(axis=-1) / n
    return {"mu": Both(mutual, mutual), "top1": Both(*top1), "mrr": Both(*mrr)}


def _shares(tile: Tile) -> dict[str, Both]:
    return shares(tile.ranks().ranks)


def _centred_shares(tile: Tile) -> dict[str, Both]:
    return {f"{name}_centred": v for name, v in shares(tile.ranks(centred=True).ranks).items()}


def _spread(tile: Tile, *, centred: bool = False) -> dict[str, Both]:
    cosines = tile.cosines(centred=centred)
    pairs = (len(tile.source.raw.side.norms), len(tile.target.raw.side.norms))
    found = np.empty((4, *pairs))
    loops.spread(cosines.values, cosines.source.side, cosines.target.side, found)
    cosine, margin, forth, back = found
    return {
        "cosine": Both(cosine, cosine),
        "margin": Both(margin, margin),
        "dprime": Both(forth, back),
    }


def _centred_spread(tile: Tile) -> dict[str, Both]:
    return {f"{name}_centred": v for name, v in _spread(tile, centred=True).items()}


def _strong(tile: Tile) -> dict[str, Both]:
    cosines, ranks = tile.cosines(), tile.ranks().ranks
    within = (cosines.source.within_cosines, cosines.target.within_cosines)
    found = np.empty(ranks.shape[1:3])
    source, target = cosines.source.side, cosines.target.side
    loops.strong(cosines.values, source, target, within, ranks, NEAR_TIE, found)
    return {"strong": Both(found, found)}


def _csls(tile: Tile) -> dict[str, Both]:
    cosines = tile.cosines()
    source, target = cosines.source.side, cosines.target.side
    forth, back, both = hubness.csls(cosines.values, source, target, NEAR_TIE)
    return {"csls": Both(both, both), "csls_top1": Both(forth, back)}


def _chance_mutual(n: int) -> float:
    """A hit is the largest of 2n - 1 equally likely entries: its row and its column."""
    return 1 / (2 * n - 1)


def _chance_top1(n: int) -> float:
    return 1 / n


def _chance_mrr(n: int) -> float:
    return float((1 / np.arange(1, n + 1)).mean())


_CENTRED = "with each vector less the mean of its language (Libovický et al. 2020)"

MEASURES: Final[Mapping[str, Measure]] = {
    measure.name: measure
    for measure in (
        Measure(
            "mu",
            "μ (weak alignment)",
            "share of i with c_ii > c_ij and c_ii > c_ji for all j != i",
            "NeuronXA (Huang et al. 2025); MEXA (Kargaran et al. 2025)",
            0, 1, _shares, chance=_chance_mutual,
        ),
        Measure(
            "top1",
            "top-1 retrieval",
            "share of i with c_ii > c_ij for all j != i",
            "sentence retrieval, as in NeuronXA (Huang et al. 2025)",
            0, 1, _shares, directed=True, chance=_chance_top1,
        ),
        Measure(
            "mrr",
            "mean reciprocal rank",
            "mean of 1 / (1 + number of j != i with c_ij >= c_ii)",
            "Voorhees 1999",
            0, 1, _shares, directed=True, chance=_chance_mrr,
        ),
        Measure(
            "strong",
            "strong alignment",
            "share of i that mu counts and whose c_ii is above its cosines within either language",
            "LAReQA (Roy et al. 2020); DALI (Ravisankar et al. 2025)",
            0, 1, _strong,
        ),
        Measure(
            "csls",
            "μ by CSLS",
            "mu with 2 c_ij - r_i - r_j for c_ij, r = mean cosine with the k = 10 nearest",
            "Conneau et al. 2018",
            0, 1, _csls, chance=_chance_mutual,
        ),
        Measure(
            "csls_top1",
            "top-1 by CSLS",
            "top1 with 2 c_ij - r_i - r_j for c_ij, r = mean cosine with the k = 10 nearest",
            "Conneau et al. 2018",
            0, 1, _csls, directed=True, chance=_chance_top1,
        ),
        Measure(
            "cosine",
            "matched cosine",
            "mean of c_ii",
            "Language Ranker (Li et al. 2024)",
            -1, 1, _spread,
        ),
        Measure(
            "margin",
            "cosine margin",
            "mean of c_ii less mean of c_ij, j != i",
            "SADS of Lingua Franca (Zeng et al. 2025)",
            -2, 2, _spread, chance=lambda n: 0.0,
        ),
        Measure(
            "dprime",
            "d′",
            "mean over i of (c_ii - mean of c_ij) / standard deviation of c_ij, j != i",
            "signal detection (Green and Swets 1966)",
            -np.inf, np.inf, _spread, directed=True, chance=lambda n: 0.0,
        ),
        Measure(
            "mu_centred",
            "μ, centred",
            f"mu {_CENTRED}",
            "Libovický et al. 2020",
            0, 1, _centred_shares, chance=_chance_mutual, needs=("centred",),
        ),
        Measure(
            "top1_centred",
            "top-1, centred",
            f"top1 {_CENTRED}",
            "Libovický et al. 2020",
            0, 1, _centred_shares, directed=True, chance=_chance_top1, needs=("centred",),
        ),
        Measure(
            "margin_centred",
            "cosine margin, centred",
            f"margin {_CENTRED}",
            "Libovický et al. 2020",
            -2, 2, _centred_spread, chance=lambda n: 0.0, needs=("centred",),
        ),
        Measure(
            "dprime_centred",
            "d′, centred",
            f"dprime {_CENTRED}",
            "Libovický et al. 2020",
            -np.inf, np.inf, _centred_spread, directed=True, chance=lambda n: 0.0,
            needs=("centred",),
        ),
        Measure(
            "cka",
            "linear CKA",
            "|Y'X|^2 / (|X'X| |Y'Y|) in Frobenius norms, each unit centred over the n sentences",
            "Kornblith et al. 2019",
            0, 1, relations.cka, needs=("centred",),
        ),
        Measure(
            "anc",
            "ANC",
            "mean over units that vary of their correlation over the n sentences",
            "average neuron-wise correlation (Del and Fishel 2022)",
            -1, 1, relations.anc, chance=lambda n: 0.0, needs=("standardised",),
        ),
        Measure(
            "jaccard",
            "Jaccard",
            "mean over i of |A and B| / |A or B| of the units active in at least half of the "
            "weighted tokens of a sentence and of its translation",
            "Jaccard 1901, on activation states",
            0, 1, relations.agreement, needs=("active",),
        ),
        Measure(
            "hamming",
            "Hamming agreement",
            "mean over i of the share of units that are active in both or in neither",
            "Hamming 1950, on activation states",
            0, 1, relations.agreement, needs=("active",),
        ),
    )
}  # fmt: skip


#: Measures that every table and figure needs.
ALWAYS: Final = ("mu", "top1")


def chosen_measures(names: Sequence[str] | Literal["all"]) -> tuple[str, ...]:
    """The measures of a run, in the order of the registry."""
    return tuple(name for name in MEASURES if names == "all" or name in names or name in ALWAYS)
