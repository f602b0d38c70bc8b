"""One layer of an alignment store while it is computed: filled tile by tile, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import xarray as xr

from neuronxa.alignment.tiles import Both
from neuronxa.files import atomic_write_bytes
from neuronxa.stores.alignment import AlignmentLayout
from neuronxa.stores.registry import ALIGNMENT_ARRAYS


@dataclass(frozen=True)
class Found:
    """What was found for the pairs of one tile.

    Attributes
    ----------
    source, target
        Positions of its languages.
    rank
        Ranks in both directions, int32 ``(source, target, sentence)``.
    scores
        Measure -> values in both directions, ``(source, target)``.
    ties, settled
        Counts, ``(source, target)``.
    similarity
        Position of a target -> its matrix with the pivot.
    """

    source: Sequence[int]
    target: Sequence[int]
    rank: Both
    scores: Mapping[str, Both]
    ties: np.ndarray
    settled: np.ndarray
    similarity: Mapping[int, np.ndarray]


class Layer:
    """All arrays of one layer of one representation, in memory.

    Parameters
    ----------
    layout
        Sizes of the store.
    representation, number
        Which layer.
    fingerprint
        Of the store's content: what is saved of another content is not taken.
    """

    def __init__(
        self, layout: AlignmentLayout, representation: str, number: int, fingerprint: str
    ) -> None:
        self.layout = layout
        self.representation = representation
        self.number = number
        # positions mean nothing without the order of the languages
        self._key = f"{fingerprint}/{','.join(layout.languages)}/{representation}/{number}"
        self.measures = layout.measures[representation]
        count = len(layout.languages)
        self.done = np.zeros((count, count), dtype=bool)
        self.values: dict[str, np.ndarray] = {}
        for name in layout.arrays:
            spec = ALIGNMENT_ARRAYS[name]
            shape = layout.shape(spec, representation)[1:]
            dtype = np.dtype(spec.dtype)
            self.values[name] = np.full(shape, np.nan if dtype.kind == "f" else 0, dtype=dtype)

    def take_over(self, known: Mapping[str, xr.DataArray] | None, pivot: str) -> None:
        """Enter the pairs of an earlier store."""
        if known is None:
            return
        codes = [str(code) for code in known["rank"]["source"].values]
        at = np.array([self.layout.languages.index(code) for code in codes])
        pairs = np.ix_(at, at)
        n = min(known["rank"].shape[-1], self.layout.sentences)
        for name, value in known.items():
            mine = self.values[name]
            if name == "similarity":
                mine[at, :n, :n] = value.values[:, :n, :n]
            elif name == "rank":
                mine[..., :n][pairs] = value.values[..., :n]
            elif name == "score":
                for place in range(len(self.measures)):
                    mine[place][pairs] = value.values[place]
            else:
                mine[pairs] = value.values
        self.done[pairs] = True
        if "similarity" in self.values and ("similarity" not in known or pivot not in codes):
            # matrices with another pivot have to be made
            place = self.layout.languages.index(pivot)
            self.done[place] = self.done[:, place] = False

    def enter(self, found: Found) -> None:
        """Enter the pairs of a tile, in both directions."""
        there = np.ix_(found.source, found.target)
        back = np.ix_(found.target, found.source)
        n = found.rank.forward.shape[-1]
        self.values["rank"][..., :n][there] = found.rank.forward
        self.values["rank"][..., :n][back] = found.rank.backward.swapaxes(0, 1)
        for place, name in enumerate(self.measures):
            self.values["score"][place][there] = found.scores[name].forward
            self.values["score"][place][back] = found.scores[name].backward.T
        for name, counts in (("ties", found.ties), ("settled", found.settled)):
            self.values[name][there] = counts
            self.values[name][back] = counts.T
        for position, matrix in found.similarity.items():
            self.values["similarity"][position, : matrix.shape[0], : matrix.shape[1]] = matrix
        self.done[there] = self.done[back] = True

    def save(self, path: Path) -> None:
        """Save what is done, whole or not at all."""
        buffer = BytesIO()
        parts: dict[str, Any] = {"key": self._key, "done": self.done, **self.values}
        np.savez(buffer, **parts)
        atomic_write_bytes(path, buffer.getvalue())

    def resume(self, path: Path) -> None:
        """Go on from what was saved, if it is whole (each part carries a checksum)."""
        try:
            with np.load(path) as saved:
                if str(saved["key"]) != self._key:
                    return
                values = {name: saved[name] for name in (*self.values, "done")}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, BadZipFile):
            path.unlink()
            return
        self.done = values.pop("done")
        self.values = values
