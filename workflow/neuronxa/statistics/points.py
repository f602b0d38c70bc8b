"""The points of every statistic over languages: an alignment score and a task score each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from neuronxa.errors import StatisticsError

RUN: Final = ("model", "corpus", "extraction")
KEYS: Final = (*RUN, "method", "reduction", "task", "metric")
"""What one correlation is about."""

LEAST_POINTS: Final = 5
"""Fewest languages that a statistic is computed over."""

#: Task -> kind (``benchmarks`` or ``transfer``) -> metrics that it yields, the headline first.
Scored = Mapping[str, Mapping[str, Sequence[str]]]


def paired_points(
    method_scores: pd.DataFrame, downstream: pd.DataFrame
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Pair every method with every task of the same model, language by language.

    Parameters
    ----------
    method_scores
        Columns ``model, corpus, extraction, method, reduction, language, value, n``.
    downstream
        Task scores, columns ``model, task, language, metric, value`` and any others.

    Yields
    ------
    tuple
        Values of `KEYS`, and a frame with columns ``language, x`` (alignment score), ``y`` (task
        score) of the languages that have both; it may be empty.

    Raises
    ------
    StatisticsError
        If a language has two scores for one task and metric of a model.
    """
    refuse_repeated(downstream)
    keys = ["model", "task", "metric", "language"]
    columns = [*RUN, "method", "reduction", "language", "value"]
    x = method_scores.loc[:, columns].rename(columns={"value": "x"}).dropna(subset="x")
    y = downstream.loc[:, [*keys, "value"]].rename(columns={"value": "y"}).dropna(subset="y")
    joined = y.merge(x, on=["model", "language"])
    found = {
        key: part[["language", "x", "y"]]
        for key, part in joined.groupby(list(KEYS), sort=False, dropna=False)
    }
    none = pd.DataFrame({"language": pd.Series(dtype="str"), "x": [], "y": []})
    methods = method_scores.loc[:, columns[:5]].drop_duplicates()
    tasks = downstream.loc[:, keys[:3]].drop_duplicates()
    for key in methods.merge(tasks, on="model").itertuples(index=False, name=None):
        yield key, found.get(key, none)


def refuse_repeated(downstream: pd.DataFrame) -> None:
    """Refuse task scores in which a language of a model has two values.

    Raises
    ------
    StatisticsError
        If a language has two scores for one task and metric of a model.
    """
    keys = ["model", "task", "metric", "language"]
    twice = downstream.loc[downstream.duplicated(keys), keys]
    if not twice.empty:
        model, task, metric, language = twice.iloc[0]
        raise StatisticsError(
            f"'{language}' has more than one value of {task} ({metric}) for model '{model}'",
            where="downstream scores",
            remedy="keep one of them, or give the second one a task name of its own",
        )


def without_and_with(points: pd.DataFrame, pivot: str) -> Iterator[tuple[bool, pd.DataFrame, str]]:
    """Give the points without the pivot (the headline), then with it.

    Yields
    ------
    tuple
        Whether the pivot is among them, the points, and why they cannot be used: empty but where
        the pivot is wanted and has no score.
    """
    is_pivot = points["language"] == pivot
    yield False, points.loc[~is_pivot], ""
    missing = (
        ""
        if is_pivot.any()
        else f"the pivot {pivot} has no score on both sides, so it cannot be included"
    )
    yield True, points, missing


def kind_of(scored: Scored, task: str, metric: str) -> str:
    """Say whether a metric of a task is of ``benchmarks`` or of ``transfer``; empty if neither."""
    kinds = scored.get(task, {})
    return next((kind for kind, metrics in kinds.items() if metric in metrics), "")


def told(fault: StatisticsError) -> str:
    """Name the sides as a reader of a table knows them."""
    what = fault.what
    for side, name in (("x ", "the alignment score "), ("y ", "the task score ")):
        if what.startswith(side):
            what = name + what.removeprefix(side)
    return what
