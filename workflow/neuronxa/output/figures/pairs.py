"""Every language with every language as a square, and the orders that it can be shown in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from neuronxa.alignment.methods import Reduction

if TYPE_CHECKING:
    from neuronxa.languages import Language

UNKNOWN: Final = "unknown"


def pair_matrix(
    scores: pd.DataFrame, *, representation: str, reduction: Reduction = "mean"
) -> pd.DataFrame:
    """Spread the mu of all pairs into a square frame, NaN where a pair is not defined.

    Parameters
    ----------
    scores
        Scores of all pairs of one model, corpus and extraction, as
        :func:`neuronxa.alignment.scores.pairs_frame` gives them.
    representation
        Name of the representation.
    reduction
        ``mean`` or ``max`` over layers.

    Returns
    -------
    pandas.DataFrame
        Codes as index (source) and as columns (target).
    """
    rows = scores.loc[
        (scores["reduction"] == reduction) & (scores["representation"] == representation)
    ]
    codes = sorted({*rows["source"], *rows["target"]})
    return rows.pivot(index="source", columns="target", values="mu").reindex(
        index=codes, columns=codes
    )


def family_order(
    matrix: pd.DataFrame, *, languages: Mapping[str, Language]
) -> tuple[list[str], list[tuple[str, int]]]:
    """Order languages by family, families and members by their mean with the others.

    Parameters
    ----------
    matrix
        Square frame of scores.
    languages
        Code to language; gives the family. Languages of unknown family come last.

    Returns
    -------
    codes
        The order.
    families
        Name and number of languages of each family, in that order.
    """
    values = matrix.to_numpy(dtype=np.float64, copy=True)
    np.fill_diagonal(values, np.nan)
    counts = np.isfinite(values).sum(axis=1)
    means = np.nansum(values, axis=1) / np.maximum(counts, 1)
    frame = pd.DataFrame(
        {"family": [languages[code].family for code in matrix.index], "mean": means},
        index=matrix.index,
    )
    frame["family_mean"] = frame.groupby("family")["mean"].transform("mean")
    frame["unknown"] = frame["family"] == UNKNOWN
    frame = frame.sort_values(
        ["unknown", "family_mean", "family", "mean"],
        ascending=[True, False, True, False],
        kind="stable",
    )
    sizes = frame.groupby("family", sort=False).size()
    return [str(code) for code in frame.index], [(str(k), int(v)) for k, v in sizes.items()]


def cluster_order(matrix: pd.DataFrame) -> list[str]:
    """Order languages so that those that are aligned with one another stand together.

    Average linkage on the distance 1 - mu, leaves ordered so that neighbours are as near as can be
    (Bar-Joseph et al. 2001). A pair that is not defined counts as far apart.

    Parameters
    ----------
    matrix
        Square frame of scores.

    Returns
    -------
    list of str
        The order.
    """
    distance = 1 - matrix.fillna(0).to_numpy(dtype=np.float64, copy=True)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0)
    tree = hierarchy.linkage(
        squareform(distance, checks=False), method="average", optimal_ordering=True
    )
    return [str(matrix.index[leaf]) for leaf in hierarchy.leaves_list(tree)]
