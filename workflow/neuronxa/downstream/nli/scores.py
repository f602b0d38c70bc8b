r"""Accuracy of every language, and its ratio to the pivot's.

The ratio of language l to pivot p over the items that both have is

.. math:: R = \sum_i a_{li} / \sum_i a_{pi}

with :math:`a = 1` for a right prediction. Both languages answer the same items, so the interval
resamples items with both answers together: percentiles of log R. A draw of n items is a multinomial
draw of how many items are right in both, in l alone, in p alone and in neither.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuronxa.downstream.accuracy import SCORE_COLUMNS, tidy
from neuronxa.downstream.nli.pairs import LABELS
from neuronxa.errors import StatisticsError
from neuronxa.statistics.intervals import wilson_interval

logger = logging.getLogger(__name__)

CHANCE = 1 / len(LABELS)


def score_predictions(
    predictions: Mapping[str, pd.DataFrame],
    *,
    model: str,
    task: str,
    pivot: str,
    source: str = "nli",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy of every language (Wilson), and its ratio to the pivot's (paired bootstrap).

    Parameters
    ----------
    predictions
        Tables of `evaluation.read_predictions` by language, the pivot's among them.
    model, task, source
        Written into the table.
    pivot
        Language that the others are divided by. Its own accuracy is kept; it has no ratio, which
        would be 1 by definition.
    confidence, resamples, seed
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        Columns ``SCORE_COLUMNS``. The chance level of accuracy is 1/3, that of a ratio 1/3 over
        the pivot's accuracy. Without a right answer in the pivot there are no ratios.

    Raises
    ------
    StatisticsError
        The pivot has no predictions, or a language shares no item with it.
    """
    if pivot not in predictions:
        raise StatisticsError(
            f"the pivot '{pivot}' has no predictions", where=f"task '{task}'", allowed=predictions
        )
    right = {language: _right(table) for language, table in predictions.items()}
    rows: list[dict[str, object]] = []
    for language, own in right.items():
        head = {"model": model, "task": task, "language": language, "source": source}
        share = wilson_interval(float(own.mean()), len(own), confidence=confidence)
        rows.append(
            {
                **head,
                "metric": "accuracy",
                "value": share.estimate,
                "low": share.low,
                "high": share.high,
                "n": len(own),
                "chance": CHANCE,
            }
        )
        if language == pivot:
            continue
        both = pd.concat([own, right[pivot]], axis=1, join="inner").to_numpy(dtype=bool)
        if not len(both):
            raise StatisticsError(
                f"'{language}' shares no item with the pivot '{pivot}'", where=f"task '{task}'"
            )
        if not both[:, 1].any():
            logger.warning("%s: the pivot has no right answer to divide by", task)
            continue
        low, high = ratio_interval(both, confidence=confidence, resamples=resamples, seed=seed)
        rows.append(
            {
                **head,
                "metric": "ratio",
                "value": float(both[:, 0].sum() / both[:, 1].sum()),
                "low": low,
                "high": high,
                "n": len(both),
                "chance": float(CHANCE / both[:, 1].mean()),
            }
        )
    return tidy(pd.DataFrame(rows, columns=SCORE_COLUMNS))


def ratio_interval(
    right: NDArray[np.bool_], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the ratio of two accuracies on the same items.

    Parameters
    ----------
    right
        Whether each item is right in the language and in the pivot, bool ``(item, 2)``.
    confidence, resamples, seed
        Of the bootstrap.
    """
    n = len(right)
    cells = [
        (right[:, 0] & right[:, 1]).sum(),
        (right[:, 0] & ~right[:, 1]).sum(),
        (~right[:, 0] & right[:, 1]).sum(),
    ]
    shares = np.array([*cells, n - sum(cells)]) / n
    draws = np.random.default_rng(seed).multinomial(n, shares, size=resamples)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(draws[:, 0] + draws[:, 1]) - np.log(draws[:, 0] + draws[:, 2])
    logs = logs[~np.isnan(logs)]  # neither language has a right answer in such a draw
    tail = (1 - confidence) / 2
    # no interpolation: a draw without a right answer is infinitely far away
    low = np.quantile(logs, tail, method="lower")
    high = np.quantile(logs, 1 - tail, method="higher")
    return float(np.exp(low)), float(np.exp(high))


def item_scores(predictions: Mapping[str, pd.DataFrame], *, model: str, task: str) -> pd.DataFrame:
    """One row per language and item: ``value`` 1.0 for a right prediction, 0.0 for a wrong one.

    The ratio is made of the same items.
    """
    parts = [
        pd.DataFrame(
            {
                "model": model,
                "task": task,
                "language": language,
                "metric": "accuracy",
                "item": table["item"].astype("str"),
                "value": _right(table).to_numpy(dtype="float64"),
            }
        )
        for language, table in predictions.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _right(table: pd.DataFrame) -> pd.Series[bool]:
    """Whether each item is right, by item."""
    return pd.Series(
        (table["label"] == table["predicted"]).to_numpy(), index=table["item"].to_numpy()
    )
