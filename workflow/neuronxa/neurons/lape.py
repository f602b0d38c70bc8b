"""LAPE: neurons that few languages activate, by the entropy of their activity over languages.

Tang et al. 2024 (arXiv 2402.16438), with the thresholds of the published ``identify.py``.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
import xarray as xr

from neuronxa.neurons.counts import kth_share, shares

ACTIVE_FRACTION: Final = 0.95
"""Rank of the threshold among all shares of neurons x languages."""
SELECTED_FRACTION: Final = 0.01
"""Share of all neurons that is selected, those of the lowest entropy."""

Kind = Literal["inactive", "specific", "related", "agnostic"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


def entropy(share: np.ndarray) -> np.ndarray:
    """Return each neuron's entropy over languages, in nats.

    H = -sum_k q_k log q_k with q_k = p_k / sum_l p_l and 0 log 0 = 0.

    Parameters
    ----------
    share
        p, the share of tokens in which a neuron is active, ``(language, neuron)``.

    Returns
    -------
    ndarray
        ``(neuron,)``, from 0 to log K; NaN for a neuron that no language activates.
    """
    total = share.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        normed = share / total
        terms = np.where(normed > 0, normed * np.log(normed), 0.0)
    # a negative zero is the entropy of one language alone
    return np.where(total > 0, np.abs(terms.sum(axis=0)), np.nan)


def find_specific(
    counts: xr.DataArray,
    *,
    active_fraction: float = ACTIVE_FRACTION,
    selected_fraction: float = SELECTED_FRACTION,
) -> xr.Dataset:
    """Compare every neuron with the threshold in every language, and select by entropy.

    The threshold tau is the k-th smallest of all shares, k = round(0.95 * neurons * languages). A
    neuron whose share is above tau in no language is never selected. Of the others, those with the
    lowest entropy are, at most round(0.01 * neurons) of all neurons; ties at the end go to the
    lower layer and number. A selected neuron belongs to every language where it is above tau.

    Parameters
    ----------
    counts
        Of `neuronxa.neurons.counts.active_counts`.
    active_fraction, selected_fraction
        The two fractions.

    Returns
    -------
    Dataset
        ``above`` (language, layer, neuron): share above tau; ``activity`` (layer, neuron): mean
        share over languages; ``entropy`` (layer, neuron) in nats and ``selected`` (layer, neuron),
        which are NaN and False with fewer than two languages; the attribute ``tau``.
    """
    languages, layers, neurons = counts.shape
    tau = kth_share(counts, active_fraction)
    above = np.zeros(counts.shape, dtype=bool)
    activity = np.full((layers, neurons), np.nan)
    values = np.full((layers, neurons), np.nan)
    for layer in range(layers if languages else 0):
        share = shares(counts, layer)
        above[:, layer] = share > tau
        activity[layer] = share.mean(axis=0)
        if languages > 1:
            values[layer] = entropy(share)
    rivals = np.where(above.any(axis=0) & (languages > 1), values, np.inf).ravel()
    lowest = np.argsort(rivals, kind="stable")[: round(rivals.size * selected_fraction)]
    selected = np.zeros(rivals.size, dtype=bool)
    selected[lowest] = np.isfinite(rivals[lowest])
    plane = ("layer", "neuron")
    return xr.Dataset(
        {
            "above": (("language", *plane), above),
            "activity": (plane, activity),
            "entropy": (plane, values),
            "selected": (plane, selected.reshape(layers, neurons)),
        },
        coords={"language": counts["language"], "tokens": counts["tokens"]},
        attrs={"tau": tau},
    )


def kinds(above: xr.DataArray) -> np.ndarray:
    """Name what each neuron is, by the number of languages where it is above tau.

    None: inactive. One: specific. Several: related. All of two or more: agnostic.

    Parameters
    ----------
    above
        ``(language, layer, neuron)``.

    Returns
    -------
    ndarray
        `KINDS`, ``(layer, neuron)``.
    """
    count, languages = above.values.sum(axis=0), above.sizes["language"]
    conditions = [count == 0, count == 1, count < languages]
    return np.select(conditions, KINDS[:3], default=KINDS[3])
