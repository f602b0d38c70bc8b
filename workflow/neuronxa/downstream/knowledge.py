"""Every score of a probe, from stored rankings alone: accuracy, transfer, pairs, items."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from neuronxa.downstream.accuracy import SCORE_COLUMNS, item_results, macro_accuracy, tidy
from neuronxa.downstream.consistency import Rankings, compare_pairs, pivot_items
from neuronxa.errors import StatisticsError

logger = logging.getLogger(__name__)

#: Share of the questions that a language must be able to ask to be compared on common items.
LEAST_ANSWERED = 0.5

ITEM_COLUMNS = ["model", "task", "language", "metric", "item", "value"]


@dataclass(frozen=True)
class Knowledge:
    """What a model knows in each language of one task, and what it shares with the others.

    Attributes
    ----------
    accuracy, transfer
        Scores per language, columns ``SCORE_COLUMNS``; transfer is with the pivot.
    pairs
        RankC and overlap of every pair, columns ``consistency.PAIR_COLUMNS``.
    items
        Columns ``ITEM_COLUMNS``: one row per item behind a score of ``accuracy`` or ``transfer``.
    """

    accuracy: pd.DataFrame
    transfer: pd.DataFrame
    pairs: pd.DataFrame
    items: pd.DataFrame


def score_rankings(
    rankings: Mapping[str, pd.DataFrame],
    *,
    model: str,
    task: str,
    pivot: str,
    metrics: Sequence[str] = ("rankc",),
    common_items: bool = False,
    by_answer: bool = True,
    per_token: bool = False,
    source: str = "facts",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Knowledge:
    """Accuracy of every language and its consistency with the pivot and with every other.

    Parameters
    ----------
    rankings
        Tables of `ranking.rank_candidates` by language; empty tables are languages that were not
        available and get no row.
    model, task, source
        Written into the tables.
    pivot
        Language that the others' rankings are compared with; without a table of its own nothing is
        transferred.
    metrics
        Metrics of transfer: ``rankc``, ``overlap``.
    common_items
        Whether accuracy counts only the items that every language answers. Needed where locales
        lack names, or languages would be compared on different questions. A language that answers
        fewer than `LEAST_ANSWERED` of the questions is then left out, and the log says so: it
        would take their items from all others. Consistency always takes the items that a language
        shares with the other.
    by_answer
        Whether accuracy is the mean over answers (facts) or over items (BMLAMA).
    per_token
        Whether candidates are ranked by the mean over their scored tokens (BMLAMA) or by the sum
        (facts).
    confidence, resamples, seed
        Of the intervals.

    Raises
    ------
    StatisticsError
        No item is common to all languages, or their candidates differ.
    """
    present = {language: table for language, table in rankings.items() if len(table)}
    if common_items:
        present = _well_answered(present, task)
    if per_token:
        present = {
            language: table.assign(log_probability=table["log_probability"] / table["tokens"])
            for language, table in present.items()
        }
    kept = _shared_items(present.values()) if common_items and present else None
    if kept is not None and not kept:
        raise StatisticsError(
            f"no item is answered by all {len(present)} languages",
            where=f"task '{task}'",
            remedy="leave out the languages whose locale names little, or take another relation",
        )
    head = {"model": model, "task": task}
    scores: list[dict[str, object]] = []
    items: list[tuple[str, str, str, float]] = []
    for language, table in present.items():
        used = table if kept is None else table[table["item"].isin(kept)]
        found = macro_accuracy(used if by_answer else used.assign(answer=""), confidence=confidence)
        if found:
            scores.append({**head, "language": language, "metric": "accuracy", **found})
        results = item_results(used)
        results = results[results["chance"] < 1]
        items += [
            (language, "accuracy", item, float(right))
            for item, right in zip(results["item"], results["right"], strict=True)
        ]
    together = Rankings(present)
    pairs = compare_pairs(
        together, model=model, task=task, confidence=confidence, resamples=resamples, seed=seed
    )
    items += pivot_items(together, pivot, metrics)
    stored = pd.DataFrame(items, columns=ITEM_COLUMNS[2:]).assign(**head)[ITEM_COLUMNS]
    texts = dict.fromkeys(ITEM_COLUMNS[:5], "str")
    return Knowledge(
        accuracy=_scores(scores, source),
        transfer=_scores(_with_pivot(pairs, pivot, metrics), source),
        pairs=pairs,
        items=stored.astype({**texts, "value": "float64"}),
    )


def _scores(rows: Sequence[Mapping[str, object]], source: str) -> pd.DataFrame:
    return tidy(pd.DataFrame(rows, columns=SCORE_COLUMNS).assign(source=source))


def _with_pivot(pairs: pd.DataFrame, pivot: str, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of the pairs with the pivot, under the name of the other language."""
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        part = pairs[(pairs["metric"] == metric) & pairs["value"].notna()]
        part = part[(part["source"] == pivot) | (part["target"] == pivot)]
        other = part["target"].where(part["source"] == pivot, part["source"])
        told = part.assign(language=other)[SCORE_COLUMNS[:-1]]
        rows += [dict(zip(told.columns, row, strict=True)) for row in told.to_numpy(object)]
    return rows


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
