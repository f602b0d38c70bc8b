"""Alignment scores as frames: pairs with the pivot in full, all pairs reduced over layers.

A reduction over layers is ``mean``, ``max`` or a named group of layers (their mean); ``layer`` is
the value of one layer, so that its rows are the whole curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from neuronxa.alignment.measures import MEASURES
from neuronxa.alignment.resampling import resampled
from neuronxa.errors import ConfigError
from neuronxa.stores.alignment import Alignment

COLUMNS: Final = (
    "model",
    "corpus",
    "extraction",
    "representation",
    "measure",
    "reduction",
    "layer",
    "source",
    "target",
    "value",
    "low",
    "high",
    "n",
    "chance",
)
PAIR_KEYS: Final = (
    "model",
    "corpus",
    "extraction",
    "representation",
    "reduction",
    "source",
    "target",
    "n",
)

#: Measures that are means over sentences of what the stored ranks say: theirs can be resampled.
_RESAMPLED: Final = ("mu", "top1", "mrr")

#: Besides the measures: how many rivals of a sentence are exactly as similar as its translation,
#: on average over sentences and directions. Each is a miss.
TIES: Final = "ties"

#: Layers of each named group.
Groups = Mapping[str, Sequence[float]]


def named_layers(groups: Groups, *, layers: int, hidden: bool) -> dict[str, list[int]]:
    """Find the layers of named groups in one representation of a model.

    Parameters
    ----------
    groups
        Name -> layers: whole numbers are indices from 0, broken numbers between 0 and 1 are
        relative depths (block b of L has depth b / L, the embeddings 0), of which the nearest layer
        is taken.
    layers
        Number of layers of the representation.
    hidden
        Whether layer 0 is the embeddings.

    Raises
    ------
    ConfigError
        The model has no such layer.
    """
    depths = np.arange(layers) / (layers - 1) if hidden else np.arange(1, layers + 1) / layers
    found: dict[str, list[int]] = {}
    for name, wanted in groups.items():
        found[name] = []
        for one in wanted:
            if float(one).is_integer():
                if not 0 <= one < layers:
                    raise ConfigError(
                        f"'alignment.layers.{name}' names layer {int(one)}, "
                        f"and the model has {layers}",
                        allowed=[f"0 to {layers - 1}", "a relative depth between 0 and 1"],
                        remedy="name layers that every model of the run has, or relative depths",
                    )
                found[name].append(int(one))
            else:
                found[name].append(int(np.abs(depths - one).argmin()))
    return found


def scores_frame(
    alignment: Alignment, *, pivot: str, groups: Groups | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Scores of the pairs with the pivot: every measure, `TIES`, every layer and reduction.

    Parameters
    ----------
    alignment
        A published alignment store.
    pivot
        Code of the pivot.
    groups
        Named groups of layers, see :func:`named_layers`.
    confidence
        Level of the intervals.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. ``layer`` is empty for reductions; hidden states count layers from
        0 = embeddings. ``low`` and ``high`` are bounds from resampling the sentences at a fixed
        pool, for reductions of mu, top1 and mrr; ``chance`` is NaN where it is not known.
    """
    parts = []
    for representation, layers in alignment.layers.items():
        named = named_layers(
            groups or {}, layers=layers, hidden=representation.startswith("hidden")
        )
        measures = (*alignment.measures(representation), TIES)
        scores = alignment.array("score", representation)
        ties = alignment.array("ties", representation)
        ranks = ranks_with(alignment, representation, pivot)
        for source, target in _pairs_with(alignment, pivot):
            values = scores.sel(source=source, target=target).values  # (layer, measure)
            other = target if source == pivot else source
            forth, back = ranks[other] if source == pivot else ranks[other][::-1]
            n = int((forth[0] > 0).sum())
            if n == 0:
                continue
            tied = ties.sel(source=source, target=target).values / (2 * n)
            values = np.column_stack([values, tied])
            intervals = _intervals(forth, back, named, confidence)
            reduced = {
                "mean": values.mean(axis=0),
                "max": values.max(axis=0),
                **{name: values[chosen].mean(axis=0) for name, chosen in named.items()},
            }
            columns = [*reduced, *["layer"] * layers]
            bounds = np.full((2, len(measures), len(columns)), np.nan)
            for place, measure in enumerate(measures):
                for column, name in enumerate(reduced):
                    if (measure, name) in intervals:
                        bounds[:, place, column] = intervals[measure, name]
            table = np.stack([*reduced.values(), *values], axis=1)  # (measure, column)
            numbers = [pd.NA] * len(reduced) + list(range(layers))
            parts.append(
                pd.DataFrame(
                    {
                        "representation": representation,
                        "measure": np.repeat(measures, len(columns)),
                        "reduction": columns * len(measures),
                        "layer": pd.array(numbers * len(measures), dtype="Int64"),
                        "source": source,
                        "target": target,
                        "value": table.ravel(),
                        "low": bounds[0].ravel(),
                        "high": bounds[1].ravel(),
                        "n": n,
                        "chance": np.repeat([_chance(one, n) for one in measures], len(columns)),
                    }
                )
            )
    frame = pd.concat(parts, ignore_index=True).dropna(subset=["value"])
    return _of_run(frame, alignment)[list(COLUMNS)].reset_index(drop=True)


def pairs_frame(alignment: Alignment, *, groups: Groups | None = None) -> pd.DataFrame:
    """Scores of all pairs, reduced over layers: a column per measure.

    Parameters
    ----------
    alignment
        A published alignment store.
    groups
        Named groups of layers, see :func:`named_layers`.

    Returns
    -------
    DataFrame
        Columns `PAIR_KEYS` and one for each measure; NaN where it is not defined.
    """
    parts = []
    for representation, layers in alignment.layers.items():
        hidden = representation.startswith("hidden")
        named = named_layers(groups or {}, layers=layers, hidden=hidden)
        scores = alignment.array("score", representation)
        reduced = {
            "mean": scores.mean("layer", skipna=False),
            "max": scores.max("layer", skipna=False),
            **{
                name: scores.isel(layer=chosen).mean("layer", skipna=False)
                for name, chosen in named.items()
            },
        }
        n = (alignment.layer("rank", representation, 0) > 0).sum("sentence")
        for reduction, table in reduced.items():
            frame = table.to_dataset("measure").to_dataframe().reset_index()
            frame["n"] = n.values.ravel().astype(np.int64)
            frame = frame[frame["n"] > 0]
            parts.append(frame.assign(representation=representation, reduction=reduction))
    frame = _of_run(pd.concat(parts, ignore_index=True), alignment)
    measures = [name for name in MEASURES if name in frame]
    return frame[[*PAIR_KEYS, *measures]]


def _chance(measure: str, n: int) -> float:
    chance = MEASURES[measure].chance if measure in MEASURES else None
    return chance(n) if chance else np.nan


def _of_run(frame: pd.DataFrame, alignment: Alignment) -> pd.DataFrame:
    """Name the run in every row."""
    columns = ("model", "corpus", "extraction")
    return frame.assign(**{column: alignment.identity[column] for column in columns})


def _pairs_with(alignment: Alignment, pivot: str) -> list[tuple[str, str]]:
    """The pivot with every language, and every language with the pivot."""
    others = [code for code in alignment.languages if code != pivot]
    return [(pivot, pivot), *((pivot, c) for c in others), *((c, pivot) for c in others)]


def ranks_with(
    alignment: Alignment, representation: str, pivot: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read the ranks of every language's sentences with the pivot.

    Parameters
    ----------
    alignment
        A published alignment store.
    representation
        One of its groups.
    pivot
        Code of the pivot.

    Returns
    -------
    dict
        Language -> ranks from the pivot and to it, each ``(layer, sentence)``; 0 = missing.
    """
    forth, back = [], []
    for layer in range(alignment.layers[representation]):
        ranks = alignment.layer("rank", representation, layer)
        forth.append(ranks.sel(source=pivot).values)
        back.append(ranks.sel(target=pivot).values)
    both = np.stack(forth, axis=1), np.stack(back, axis=1)
    return {code: (both[0][i], both[1][i]) for i, code in enumerate(alignment.languages)}


def _intervals(
    forth: np.ndarray, back: np.ndarray, named: Mapping[str, Sequence[int]], confidence: float
) -> dict[tuple[str, str], tuple[float, float]]:
    """Intervals of the reductions of each measure that the ranks give."""
    there = forth[0] > 0
    forth, back = forth[:, there].T, back[:, there].T  # (sentence, layer)
    of_sentences = {
        "mu": (forth == 1) & (back == 1),
        "top1": forth == 1,
        "mrr": 1 / forth,
    }
    found = {}
    for measure in _RESAMPLED:
        bounds = resampled(of_sentences[measure].astype(float), named, confidence=confidence)
        found.update({(measure, reduction): ends for reduction, ends in bounds.items()})
    return found
