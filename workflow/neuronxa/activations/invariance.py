"""Batch invariance, measured: a sentence alone against what was stored from its batch.

In float32 on a CPU the two are the same bytes or differ by rounding; in half precision on a GPU
they may differ by more, which nobody would know without looking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuronxa.activations.transfer import Arrays


@dataclass(frozen=True)
class Alone:
    """A sentence that was run once more, with nothing else in its batch.

    Attributes
    ----------
    row
        Its row in the store.
    arrays
        What the model gave, ``(layer, 1, unit)``, and ``doubt_<site>``: the weight of the tokens
        whose state is so close to zero that rounding may turn it.
    """

    row: int
    arrays: Arrays


def measure_invariance(
    stored_row: Callable[[str, int], np.ndarray], alone: Alone, *, epsilon: float
) -> dict[str, Any]:
    """Compare a sentence alone with what is stored of it.

    Parameters
    ----------
    stored_row
        Gives what is stored of a representation and row, ``(layer, unit)``.
    alone
        The sentence.
    epsilon
        Up to which abs(a), relative to the largest of the layer, a state is in doubt.

    Returns
    -------
    dict
        ``row`` and ``epsilon``; of each ``nas_<site>`` the number of ``neurons``, of those that
        ``differ``, and of those that differ ``beyond`` what tokens in doubt can explain, which is
        0 where batches change nothing but rounding; of the others the largest difference relative
        to the largest value of the layer.
    """
    measured: dict[str, Any] = {"row": alone.row, "epsilon": epsilon}
    for name, values in alone.arrays.items():
        kind, _, site = name.partition("_")
        if kind in ("active", "doubt"):
            continue
        stored = stored_row(name, alone.row).astype(np.float64)
        difference = np.abs(stored - values[:, 0])
        if kind == "nas":
            doubt = alone.arrays[f"doubt_{site}"][:, 0]
            measured[name] = {
                "neurons": int(difference.size),
                "differ": int((difference > 0).sum()),
                "beyond": int((difference > doubt).sum()),
            }
        else:
            scale = np.abs(stored).max(axis=1, keepdims=True)
            measured[name] = float((difference / np.where(scale == 0, 1, scale)).max())
    return measured
