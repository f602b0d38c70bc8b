"""Whether a neuron does the same in a sentence and in its translation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import dask
import numpy as np
import xarray as xr

from neuronxa.progress import SILENT, Counter
from neuronxa.stores.activations import Activations

NAMES: Final = ("agreement", "partial", "kappa")
"""Correlation, partial correlation and Cohen's kappa."""


@dataclass(frozen=True)
class States:
    """Activation states of some sentences in one layer.

    Attributes
    ----------
    numerator
        ``nas``: sum of the weights of the tokens in which a neuron is active, ``(sentence, unit)``.
    weight
        Sum of all weights of a sentence, ``(sentence,)``.
    """

    numerator: np.ndarray
    weight: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> States:
        """Some of the sentences."""
        return States(self.numerator[rows], self.weight[rows])

    @property
    def share(self) -> np.ndarray:
        """Share of the weighted tokens in which a neuron is active, float64."""
        share: np.ndarray = self.numerator / self.weight[:, None]
        return share

    @property
    def active(self) -> np.ndarray:
        """Whether that share is at least one half, decided on whole numbers."""
        return 2 * self.numerator.astype(np.int64) >= self.weight[:, None]


def correlation(first: States, second: States, *, partial: bool = False) -> np.ndarray:
    """Return Pearson's correlation of each neuron's shares over sentences.

    ANC neuron by neuron (Del and Fishel 2022).

    Parameters
    ----------
    first, second
        The same sentences on both sides.
    partial
        Whether to take away, on each side by itself, what is linear in 1 / (sum of weights), the
        part of the first token: a neuron whose state there differs from its state everywhere else
        follows the length of the sentence, which translations share.

    Returns
    -------
    ndarray
        ``(unit,)``; NaN where a side does not vary (beyond what is taken away), or there are fewer
        than two sentences.
    """
    if len(first.weight) < 2:
        return np.full(first.numerator.shape[1], np.nan)
    x, constant_x = _deviations(first, partial=partial)
    y, constant_y = _deviations(second, partial=partial)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (x * y).sum(axis=0) / np.sqrt((x * x).sum(axis=0) * (y * y).sum(axis=0))
    return np.where(constant_x | constant_y, np.nan, np.clip(found, -1, 1))


def _deviations(states: States, *, partial: bool) -> tuple[np.ndarray, np.ndarray]:
    """Deviations of each neuron's shares from their mean, or line, and which have none."""
    share = states.share
    constant = np.ptp(share, axis=0) == 0
    share -= share.mean(axis=0)
    first_token = 1 / states.weight
    if partial and np.ptp(first_token) > 0:
        first_token -= first_token.mean()
        spread = (share * share).sum(axis=0)
        slope = first_token @ share / (first_token @ first_token)
        share -= first_token[:, None] * slope
        # what rounding leaves of a share that is a line in the first token's part
        constant |= (share * share).sum(axis=0) <= 1e-12 * spread
    return share, constant


def kappa(first: States, second: States) -> np.ndarray:
    """Return Cohen's kappa of each neuron's binary states over sentences.

    (p_o - p_e) / (1 - p_e), p_o the share of sentences with equal states, p_e what the two sides'
    own rates let expect. NaN where p_e = 1: both sides always active, or both never.
    """
    n = len(first.weight)
    x, y = first.active, second.active
    ones, others = x.sum(axis=0), y.sum(axis=0)
    expected = ones * others + (n - ones) * (n - others)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (n * (x == y).sum(axis=0) - expected) / (n * n - expected)
    return np.where(expected == n * n, np.nan, found)


def agreement(
    stores: Mapping[str, Activations],
    site: str,
    *,
    pivot: str,
    layout: str,
    workers: int = 1,
    progress: Counter = SILENT,
) -> xr.Dataset:
    """Average the agreement of each neuron with the pivot over the other languages.

    Each mean goes over the languages where the value is defined; a neuron without any has NaN. The
    numbers of those languages stand beside the means. Sentences that a side of a pair lacks are
    left out of that pair.

    Parameters
    ----------
    stores
        Language -> published activation store.
    site
        FFN site.
    pivot
        Language code.
    layout
        ``parallel``, or ``pairs``, where each store holds its own pivot side.
    workers
        Number of Dask threads.
    progress
        Counts pairs of languages, one layer of each; it is not started here.

    Returns
    -------
    Dataset
        The mean of each of `NAMES`, and the number of its languages as ``<name>_languages``, each
        ``(layer, neuron)``.
    """
    sizes = next(iter(stores.values())).layout
    total = {name: np.zeros((sizes.layers, sizes.neurons)) for name in NAMES}
    count = {name: np.zeros((sizes.layers, sizes.neurons), dtype=np.int32) for name in NAMES}
    present = {code: store.array("tokens") > 0 for code, store in stores.items()}
    others = compared(stores, pivot=pivot)

    @dask.delayed(pure=False)
    def compare(code: str, layer: int, origin: States | None) -> tuple[np.ndarray, ...]:
        states = _read(stores[code], site, layer)
        if origin is None:
            first, second = _sides(states, stores[code].array("side"), present[code])
        else:
            both = present[code] & present[pivot]
            first, second = origin[both], states[both]
        partial = correlation(first, second, partial=True)
        return correlation(first, second), partial, kappa(first, second)

    for layer in range(sizes.layers):
        origin = None if layout == "pairs" else dask.delayed(_read)(stores[pivot], site, layer)
        tasks = [compare(code, layer, origin) for code in others]
        found = dask.compute(*tasks, scheduler="threads", num_workers=workers)
        for name, values in zip(NAMES, zip(*found, strict=True), strict=False):
            for value in values:
                known = ~np.isnan(value)
                total[name][layer] += np.where(known, value, 0)
                count[name][layer] += known
        progress.advance(len(others))
    plane = ("layer", "neuron")
    result = xr.Dataset()
    for name in NAMES:
        with np.errstate(invalid="ignore"):
            result[name] = (plane, total[name] / count[name])
        result[f"{name}_languages"] = (plane, count[name])
    return result


def compared(stores: Mapping[str, Activations], *, pivot: str) -> tuple[str, ...]:
    """Languages that are compared with the pivot: all but itself."""
    return tuple(code for code in stores if code != pivot)


def _read(store: Activations, site: str, layer: int) -> States:
    return States(store.layer(f"nas_{site}", layer).values, store.array("pooling_weight"))


def _sides(states: States, side: np.ndarray, present: np.ndarray) -> tuple[States, States]:
    """The pivot's side and the language's, without the sentences that either lacks.

    Both sides of a store stand in the same order.
    """
    own, other = np.flatnonzero(side == 0), np.flatnonzero(side == 1)
    both = present[own] & present[other]
    return states[other[both]], states[own[both]]
