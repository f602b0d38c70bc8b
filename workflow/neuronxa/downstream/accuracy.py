r"""Accuracy and RankC per language, from stored rankings alone.

Macro accuracy is the mean over the answers (six continents, five languages ...) of the share of
right items among those with that answer, so a model that always says the same gets chance. Its
interval is Wilson's with the value as the proportion and an effective number of items,

.. math::
    n_{eff} = K^2 / \sum_k 1 / n_k,

the size of a simple sample whose mean has the variance of the mean of K class means. It equals the
number of items when the classes are equally large, and Wilson's usual interval when each class has
one item. Resampling items within classes would be narrower but has width zero for a model that
always gives the same answer, the commonest outcome in a language the model does not know.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuronxa.downstream.rankc import rank_consistency
from neuronxa.errors import StatisticsError
from neuronxa.statistics.intervals import wilson_interval

logger = logging.getLogger(__name__)

#: Share of the questions that a language must be able to ask to be compared on common items.
LEAST_ANSWERED = 0.5

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


def score_rankings(
    rankings: Mapping[str, pd.DataFrame],
    *,
    model: str,
    task: str,
    pivot: str,
    common_items: bool,
    source: str = "facts",
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Macro accuracy of every language and its RankC with the pivot.

    Parameters
    ----------
    rankings
        Tables of `ranking.rank_candidates` by language; empty tables are languages that were not
        available and get no row.
    model, task, source
        Written into the table.
    pivot
        Language that the others' rankings are compared with; without a table of its own there is
        no RankC.
    common_items
        Whether accuracy counts only the items that every language answers. Needed where locales
        lack names, or languages would be compared on different questions. A language that answers
        fewer than `LEAST_ANSWERED` of the questions is then left out, and the log says so: it
        would take their items from all others. RankC always takes the items that a language
        shares with the pivot.
    confidence, seed
        Of the intervals and of RankC's bootstrap.

    Returns
    -------
    pandas.DataFrame
        Columns ``SCORE_COLUMNS``, ``metric`` being ``accuracy`` or ``rankc``. The pivot has no
        RankC, it would be 1 by definition.

    Raises
    ------
    StatisticsError
        No item is common to all languages.
    """
    present = {language: table for language, table in rankings.items() if len(table)}
    if common_items:
        present = _well_answered(present, task)
    kept = _shared_items(present.values()) if common_items and present else None
    if kept is not None and not kept:
        raise StatisticsError(
            f"no item is answered by all {len(present)} languages",
            where=f"task '{task}'",
            remedy="leave out the languages whose locale names little, or take another relation",
        )
    rows: list[dict[str, object]] = []
    for language, table in present.items():
        used = table if kept is None else table[table["item"].isin(kept)]
        head = {"model": model, "task": task, "language": language, "source": source}
        rows.append({**head, "metric": "accuracy", **macro_accuracy(used, confidence=confidence)})
        if language == pivot or pivot not in present:
            continue
        shared = _shared_items([table, present[pivot]])
        if not shared:
            continue
        result = rank_consistency(
            candidate_ranks(table, shared),
            candidate_ranks(present[pivot], shared),
            confidence=confidence,
            seed=seed,
        )
        rows.append(
            {
                **head,
                "metric": "rankc",
                "value": result.value,
                "low": result.low,
                "high": result.high,
                "n": result.n,
                "chance": result.chance,
            }
        )
    return tidy(pd.DataFrame(rows, columns=SCORE_COLUMNS))


def macro_accuracy(table: pd.DataFrame, *, confidence: float = 0.95) -> dict[str, float]:
    """Macro accuracy over answers with its interval (see the module), n and chance level.

    An item is right when its gold candidate has the highest log-probability; ties go to the
    earlier position. The chance level is the macro mean of 1 / number of candidates.

    Parameters
    ----------
    table
        Rows of one language, columns as `ranking.rank_candidates` gives them.

    Returns
    -------
    dict
        ``value``, ``low``, ``high``, ``n`` (items) and ``chance``.
    """
    items = (
        item_results(table)
        .groupby("answer")
        .agg(right=("right", "mean"), chance=("chance", "mean"), n=("right", "size"))
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
    """One row per item: ``item``, ``answer``, ``right`` (bool) and ``chance``."""
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


def _well_answered(tables: Mapping[str, pd.DataFrame], task: str) -> dict[str, pd.DataFrame]:
    """Tables with enough items to be compared with the others."""
    items = {language: table["item"].nunique() for language, table in tables.items()}
    least = LEAST_ANSWERED * max(items.values(), default=0)
    for language, count in items.items():
        if count < least:
            logger.warning("%s: %s names only %d items and is left out", task, language, count)
    return {language: table for language, table in tables.items() if items[language] >= least}


def _shared_items(tables: Iterable[pd.DataFrame]) -> list[str]:
    """Items that all tables have, in the order of the first."""
    first, *others = [list(dict.fromkeys(table["item"])) for table in tables]
    common = set(first).intersection(*others)
    return [item for item in first if item in common]
