"""How alike a model's rankings are in every pair of languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuronxa.downstream.accuracy import candidate_ranks, item_results
from neuronxa.downstream.rankc import (
    bootstrap_intervals,
    chance_level,
    overlap_chance,
    pair_consistency,
)
from neuronxa.statistics.intervals import wilson_interval

#: Columns of the table of pairs; the last two tell of items with one candidate.
PAIR_COLUMNS = [
    "model",
    "task",
    "source",
    "target",
    "metric",
    "value",
    "low",
    "high",
    "n",
    "chance",
    "n_single",
    "value_with_single",
]


class Rankings:
    """The rankings of all languages as arrays, items and candidates at the same places.

    Parameters
    ----------
    tables
        Tables of `ranking.rank_candidates` by language, none of them empty; ranks follow
        ``log_probability``.

    Attributes
    ----------
    languages, items
        What the axes stand for; items in the order of their first appearance.
    ranks
        Shape (language, item, candidate), NaN where there is none.
    right
        Shape (language, item): 1 and 0; NaN where a language lacks the item or its gold candidate.
    counts
        Number of candidates of each item.
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self.languages = list(tables)
        self.items = list(dict.fromkeys(i for t in tables.values() for i in t["item"].unique()))
        width = max((int(t["candidate"].max()) + 1 for t in tables.values()), default=0)
        shape = (len(self.languages), len(self.items))
        self.ranks = np.full((*shape, width), np.nan)
        self.right = np.full(shape, np.nan)
        places = pd.Series(np.arange(len(self.items)), index=self.items)
        for row, table in enumerate(tables.values()):
            own = list(table["item"].unique())
            ranks = candidate_ranks(table, own)
            self.ranks[row, places[own].to_numpy(), : ranks.shape[1]] = ranks
            results = item_results(table)
            self.right[row, places[results["item"]].to_numpy()] = results["right"].to_numpy(float)
        self.counts = np.isfinite(self.ranks).sum(axis=2).max(axis=0, initial=0)

    @property
    def several(self) -> NDArray[np.bool_]:
        """Items with at least two candidates: the others agree whatever the model says."""
        result: NDArray[np.bool_] = self.counts > 1
        return result


def compare_pairs(
    rankings: Rankings,
    *,
    model: str,
    task: str,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """RankC and overlap of every pair of languages, each pair once.

    Parameters
    ----------
    rankings
        Of one model and task.
    model, task
        Written into the table.
    confidence, resamples, seed
        Of the intervals: percentile bootstrap over items for RankC; Wilson's for overlap, which is
        a share of the items that are right in either language.

    Returns
    -------
    pandas.DataFrame
        Columns ``PAIR_COLUMNS``. ``value`` is over the items with at least two candidates,
        ``value_with_single`` over all, as the authors count. A pair that shares no item has no
        row; an overlap without any right answer is NaN.
    """
    names, several = rankings.languages, rankings.several
    sums, rows = [], []
    levels = np.array([chance_level(int(count)) if count else np.nan for count in rankings.counts])
    for first, second, values in pair_consistency(rankings.ranks):
        used = np.isfinite(values) & several
        if not used.any():
            continue
        sums.append(np.where(several, values, np.nan))
        head = {"model": model, "task": task, "source": names[first], "target": names[second]}
        single = int((np.isfinite(values) & ~several).sum())
        rows.append(
            {
                **head,
                "metric": "rankc",
                "value": values[used].mean(),
                "n": int(used.sum()),
                "chance": levels[used].mean(),
                "n_single": single,
                "value_with_single": np.nanmean(values),
            }
        )
        right = rankings.right[[first, second]]
        rows.append({**head, "metric": "overlap", **_overlap(right, several, confidence)})
    table = pd.DataFrame(rows, columns=PAIR_COLUMNS)
    if sums:
        bounds = bootstrap_intervals(
            np.array(sums)[:, several], confidence=confidence, resamples=resamples, seed=seed
        )
        table.loc[table["metric"] == "rankc", ["low", "high"]] = bounds
    numbers = ("value", "low", "high", "chance", "value_with_single")
    return table.astype(
        {**dict.fromkeys(numbers, "float64"), **dict.fromkeys(("n", "n_single"), "Int64")}
    )


def _overlap(
    right: NDArray[np.float64], several: NDArray[np.bool_], confidence: float
) -> dict[str, float]:
    """Share of the items right in both languages among those right in either."""
    known = np.isfinite(right).all(axis=0)
    a, b = right == 1
    both, either = known & a & b, known & (a | b)
    used = known & several
    n = int((either & several).sum())
    row: dict[str, float] = {"n": n, "n_single": int((known & ~several).sum())}
    row["chance"] = overlap_chance(int((a & used).sum()), int((b & used).sum()), int(used.sum()))
    if either.any():
        row["value_with_single"] = both.sum() / either.sum()
    if n:
        share = float((both & several).sum() / n)
        interval = wilson_interval(share, n, confidence=confidence)
        row |= {"value": share, "low": interval.low, "high": interval.high}
    return row


def pivot_items(
    rankings: Rankings, pivot: str, metrics: Sequence[str]
) -> list[tuple[str, str, str, float]]:
    """What stands behind each language's consistency with the pivot: language, metric, item, value.

    The mean over a language's items is its score: inner sums of RankC; for overlap 1 where both
    are right, of the items right in either.
    """
    if pivot not in rankings.languages:
        return []
    own = rankings.languages.index(pivot)
    rows = []
    for number, language in enumerate(rankings.languages):
        if number == own:
            continue
        found: dict[str, NDArray[np.float64]] = {}
        ((_, _, found["rankc"]),) = pair_consistency(rankings.ranks[[own, number]])
        a, b = rankings.right[[own, number]]
        known = np.isfinite(a) & np.isfinite(b)
        found["overlap"] = np.where(known & ((a == 1) | (b == 1)), a * b, np.nan)
        for metric in metrics:
            rows += [
                (language, metric, item, float(value))
                for item, value, kept in zip(
                    rankings.items, found[metric], rankings.several, strict=True
                )
                if kept and np.isfinite(value)
            ]
    return rows
