"""How often each neuron is active in each language: counts of tokens, and their order statistics.

Counts are whole numbers and are divided in float64, where equal fractions give equal floats and
unequal ones unequal floats: comparisons with a threshold are exact.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from neuronxa.stores.activations import Activations

logger = logging.getLogger(__name__)

_BINS = 2**16


def active_counts(stores: Mapping[str, Activations], site: str) -> xr.DataArray:
    """Count the tokens of each language in which each neuron is active.

    A count covers whole blocks of sentences. In a corpus of pairs, blocks that hold sentences of
    the language's pivot side are left out, with their tokens; languages without any token that
    counts are left out, which is logged.

    Parameters
    ----------
    stores
        Language -> published activation store.
    site
        FFN site.

    Returns
    -------
    DataArray
        uint32 ``(language, layer, neuron)`` with the coordinates ``language`` and ``tokens``, the
        number of tokens that were counted in each language: four bytes per language and neuron.
    """
    first = next(iter(stores.values())).layout
    kept: dict[str, int] = {}
    counts = np.zeros((len(stores), first.layers, first.neurons), dtype=np.uint32)
    for code, store in stores.items():
        own = _own_blocks(store)
        tokens = store.array("tokens")
        total = sum(int(tokens[store.layout.rows(block)].sum()) for block in own)
        if not total:
            logger.warning("%s: no block of sentences of its own, not counted", code)
            continue
        counts[len(kept)] = store.array(f"active_{site}")[own].sum(axis=0, dtype=np.uint32)
        kept[code] = total
    return xr.DataArray(
        counts[: len(kept)],
        dims=("language", "layer", "neuron"),
        coords={
            "language": np.array(list(kept), dtype=str),
            "tokens": ("language", np.array(list(kept.values()), dtype=np.int64)),
        },
        name="active",
    )


def _own_blocks(store: Activations) -> list[int]:
    """Blocks that hold sentences of the language alone."""
    side, layout = store.array("side"), store.layout
    return [block for block in range(layout.blocks) if not side[layout.rows(block)].any()]


def shares(counts: xr.DataArray, layer: int) -> np.ndarray:
    """Return the share of tokens in which each neuron is active, float64 ``(language, neuron)``."""
    share: np.ndarray = counts.values[:, layer] / counts["tokens"].values[:, None]
    return share


def shares_by_language(counts: xr.DataArray) -> Iterator[np.ndarray]:
    """Yield the shares of one language after the other, float64 ``(layer, neuron)``."""
    for count, tokens in zip(counts.values, counts["tokens"].values, strict=True):
        yield count / tokens


def kth_smallest(values: np.ndarray, fraction: float) -> float:
    """Return the k-th smallest value, k = round(fraction * size), counted from 1.

    This is ``torch.kthvalue`` as the published code of LAPE and BridgeX calls it: a value that
    occurs, never one between two, which is what ``numpy.percentile`` would give. NaN if there is
    none.
    """
    if not values.size:
        return float("nan")
    place = max(round(values.size * fraction), 1) - 1
    return float(np.partition(values.ravel(), place)[place])


def kth_share(counts: xr.DataArray, fraction: float) -> float:
    """Return what `kth_smallest` would of the shares of all neurons in all languages together.

    They are never held together: a first pass finds the interval that the value lies in, a second
    one collects what lies there.
    """
    if not counts.size:
        return float("nan")
    place = max(round(counts.size * fraction), 1)
    filled = np.zeros(_BINS + 1, dtype=np.int64)
    for share in shares_by_language(counts):
        filled += np.bincount(_bin(share).ravel(), minlength=_BINS + 1)
    reached = filled.cumsum()
    chosen = int(np.searchsorted(reached, place))
    inside = [share[_bin(share) == chosen] for share in shares_by_language(counts)]
    rest = place - int(reached[chosen] - filled[chosen]) - 1
    return float(np.partition(np.concatenate(inside), rest)[rest])


def _bin(share: np.ndarray) -> np.ndarray:
    """Interval of each share; multiplying by a power of two is exact, so order is kept."""
    return (share * _BINS).astype(np.int64)
