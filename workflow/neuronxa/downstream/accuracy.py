r"""Accuracy of one language, from its stored rankings alone.

Macro accuracy is the mean over the answers (six continents, five languages ...) of the share of
right items among those with that answer, so a model that always says the same gets chance. Its
interval is Wilson's with the value as the proportion and an effective number of items,

.. math::
    n_{eff} = K^2 / \sum_k 1 / n_k,

the size of a simple sample whose mean has the variance of the mean of K class means. It equals the
number of items when the classes are equally large, and Wilson's usual interval when each class has
one item. With a single class it is plain accuracy with Wilson's interval. Resampling items within
classes would be narrower but has width zero for a model that always gives the same answer, the
commonest outcome in a language the model does not know.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuronxa.statistics.intervals import wilson_interval

SCORE_COLUMNS = [
    "model",
    "task",
    "language",
    "metric",
    "value",
    "low",
    "high",
    "n",
    "chance",
    "source",
]


def macro_accuracy(table: pd.DataFrame, *, confidence: float = 0.95) -> dict[str, float]:
    """Macro accuracy over answers with its interval (see the module), n and chance level.

    An item is right when its gold candidate has the highest log-probability; ties go to the
    earlier position. The chance level is the macro mean of 1 / number of candidates. Items whose
    right answer is not among the candidates do not count, nor do items with one candidate, which
    are right whatever the model says.

    Parameters
    ----------
    table
        Rows of one language, columns as `ranking.rank_candidates` gives them.

    Returns
    -------
    dict
        ``value``, ``low``, ``high``, ``n`` (items) and ``chance``; empty where no item counts.
    """
    results = item_results(table)
    results = results[results["chance"] < 1]
    if results.empty:
        return {}
    items = results.groupby("answer").agg(
        right=("right", "mean"), chance=("chance", "mean"), n=("right", "size")
    )
    value = float(items["right"].mean())
    effective = len(items) ** 2 / float((1 / items["n"]).sum())
    interval = wilson_interval(value, effective, confidence=confidence)
    return {
        "value": value,
        "low": interval.low,
        "high": interval.high,
        "n": int(items["n"].sum()),
        "chance": float(items["chance"].mean()),
    }


def item_results(table: pd.DataFrame) -> pd.DataFrame:
    """One row per item that has a right candidate: ``item, answer, right`` (bool), ``chance``."""
    table = table[table.groupby("item")["gold"].transform("any")]
    ordered = table.sort_values(
        ["item", "log_probability", "candidate"], ascending=[True, False, True]
    )
    groups = ordered.groupby("item")
    return pd.DataFrame(
        {
            "answer": groups["answer"].first(),
            "right": groups["gold"].first(),
            "chance": 1.0 / groups.size(),
        }
    ).reset_index()


def candidate_ranks(table: pd.DataFrame, items: Iterable[str]) -> NDArray[np.float64]:
    """Ranks (item, candidate) from 1 by falling log-probability, rows in the order of ``items``.

    Ties go to the earlier position, the same in every language; NaN beyond an item's candidates.
    """
    wide = table.pivot(index="item", columns="candidate", values="log_probability")
    scores = wide.loc[list(items)].to_numpy(dtype=float)
    order = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable") + 1.0
    result: NDArray[np.float64] = np.where(np.isnan(scores), np.nan, order)
    return result


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Put the columns of scores in their order and dtypes; ``n`` may be missing."""
    kinds = dict.fromkeys(("value", "low", "high", "chance"), "float64")
    texts = dict.fromkeys(("model", "task", "language", "metric", "source"), "str")
    return table[SCORE_COLUMNS].astype({**kinds, **texts, "n": "Int64"})
