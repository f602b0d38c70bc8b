"""Measures that relate two sets of vectors as a whole, without comparing cosines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neuronxa.alignment.tiles import Both, Tile


def cka(tile: Tile) -> dict[str, Both]:
    """Linear CKA (Kornblith et al. 2019), from the inner products of centred vectors.

    ``|Y'X|^2 = sum(K * L)`` with ``K = XX'`` and ``L = YY'`` of the centred X and Y. NaN where
    either language is constant.
    """
    return {"cka": _over_shared(tile, _cka_together, _cka_alone)}


def anc(tile: Tile) -> dict[str, Both]:
    """Average neuron-wise correlation (Del and Fishel 2022).

    The mean is over units that vary in both languages; NaN where there is none.
    """
    return {"anc": _over_shared(tile, _anc_together, _anc_alone)}


def agreement(tile: Tile) -> dict[str, Both]:
    """Jaccard and Hamming agreement of the units that are active in a sentence and its translation.

    Two sentences without any active unit agree fully.
    """
    source, target = tile.source.active, tile.target.active
    assert source is not None
    assert target is not None
    present = tile.source.raw.side.present[:, None] & tile.target.raw.side.present[None]
    sizes = [np.bitwise_count(one).sum(axis=-1, dtype=np.int64) for one in (source, target)]
    both = np.stack([np.bitwise_count(one & target).sum(axis=-1, dtype=np.int64) for one in source])
    either = sizes[0][:, None] + sizes[1][None] - both
    units = tile.source.raw.side.values.shape[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        n = present.sum(axis=-1)
        jaccard = np.where(either == 0, 1.0, both / np.maximum(either, 1))
        hamming = 1 - (either - both) / units
        found = [np.where(present, one, 0).sum(axis=-1) / n for one in (jaccard, hamming)]
    return {name: Both(v, v) for name, v in zip(("jaccard", "hamming"), found, strict=True)}


def _over_shared(
    tile: Tile,
    together: Callable[[Tile], np.ndarray],
    alone: Callable[[np.ndarray, np.ndarray], float],
) -> Both:
    """All pairs at once where all have the same sentences; else each pair on what it shares."""
    source, target = tile.source.raw.side, tile.target.raw.side
    if (source.present == source.present[0]).all() and (target.present == source.present[0]).all():
        value = together(tile)
        return Both(value, value)
    value = np.full((len(source.present), len(target.present)), np.nan)
    for s, mine in enumerate(source.present):
        for t, yours in enumerate(target.present):
            shared = mine & yours
            if shared.any():
                x, y = (
                    side.values[one, shared] / side.weights[one, shared, None]
                    for side, one in ((source, s), (target, t))
                )
                value[s, t] = alone(x - x.mean(axis=0), y - y.mean(axis=0))
    return Both(value, value)


def _cka_together(tile: Tile) -> np.ndarray:
    source, target = tile.source.centred, tile.target.centred
    assert source is not None
    assert target is not None
    first, second = (
        one.within.reshape(len(one.within), -1).astype(float) for one in (source, target)
    )
    return _ratio(first @ second.T, np.outer(*(np.linalg.norm(k, axis=1) for k in (first, second))))


def _cka_alone(x: np.ndarray, y: np.ndarray) -> float:
    first, second = x @ x.T, y @ y.T
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    return float(_ratio(np.asarray((first * second).sum()), np.asarray(norms)))


def _anc_together(tile: Tile) -> np.ndarray:
    source, target = tile.source, tile.target
    assert source.standardised is not None
    assert source.varying is not None
    assert target.standardised is not None
    assert target.varying is not None
    return _ratio(source.standardised @ target.standardised.T, source.varying @ target.varying.T)


def _anc_alone(x: np.ndarray, y: np.ndarray) -> float:
    varying = (x != 0).any(axis=0) & (y != 0).any(axis=0)
    lengths = np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0)
    found = (x * y).sum(axis=0)[varying] / lengths[varying]
    return float(found.mean()) if found.size else float("nan")


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """A quotient that is NaN where nothing varies."""
    full = np.full(np.shape(above), np.nan)
    return np.asarray(np.divide(above, below, out=full, where=np.asarray(below) > 0))
