"""How far two languages activate the same neurons."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from neuronxa.neurons.counts import kth_smallest, shares_by_language

TOP_FRACTION: Final = 0.01
"""Share of a language's neurons that are most often active."""


def most_active(counts: xr.DataArray, *, fraction: float = TOP_FRACTION) -> xr.DataArray:
    """Mark the neurons that are active most often, in each language by itself.

    As BridgeX-ICL does (arXiv 2508.17078): those whose share is at least the k-th smallest of the
    language, k = round((1 - fraction) * neurons). So there is one neuron more than the fraction
    says, and ties join.

    Returns
    -------
    DataArray
        bool, the dims of ``counts``.
    """
    top = np.zeros(counts.shape, dtype=bool)
    for place, share in enumerate(shares_by_language(counts)):
        top[place] = share >= kth_smallest(share, 1 - fraction)
    return xr.DataArray(top, dims=counts.dims, coords={"language": counts["language"]})


def shared(sets: xr.DataArray) -> np.ndarray:
    """Return the sizes of all intersections; sizes of the sets stand on the diagonal.

    Parameters
    ----------
    sets
        bool ``(language, layer, neuron)``.

    Returns
    -------
    ndarray
        int64 ``(language, language)``.
    """
    count = sets.sizes["language"]
    total = np.zeros((count, count), dtype=np.int64)
    for layer in range(sets.sizes["layer"]):
        # whole numbers up to 2^24 are exact in float32, and its products are fast
        members = sets.values[:, layer].astype(np.float32)
        total += (members @ members.T).astype(np.int64)
    return total


def overlap_frame(above: xr.DataArray, top: xr.DataArray) -> pd.DataFrame:
    """Compare the neurons of all pairs of languages.

    Parameters
    ----------
    above, top
        Sets of neurons of each language, ``(language, layer, neuron)``.

    Returns
    -------
    DataFrame
        A row per ordered pair, a language with itself included: ``source, target``; the sizes
        ``active_source, active_target, active_shared`` of the sets above tau and of their
        intersection; ``jaccard`` = intersection over union, NaN for two empty sets; the same sizes
        of the most active neurons, ``top_source, top_target, top_shared``; and ``neurons``, the
        number of all: two random sets share the product of their sizes over it.
    """
    codes = above["language"].values
    active, most = shared(above), shared(top)
    size, most_size = np.diag(active), np.diag(most)
    with np.errstate(invalid="ignore"):
        jaccard = active / (size[:, None] + size[None, :] - active)
    source, target = (place.ravel() for place in np.indices(active.shape))
    return pd.DataFrame(
        {
            "source": codes[source],
            "target": codes[target],
            "active_source": size[source],
            "active_target": size[target],
            "active_shared": active.ravel(),
            "jaccard": jaccard.ravel(),
            "top_source": most_size[source],
            "top_target": most_size[target],
            "top_shared": most.ravel(),
            "neurons": above.sizes["layer"] * above.sizes["neuron"],
        }
    )
