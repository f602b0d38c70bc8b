"""What the harness found, as tidy scores and as one row per item."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuronxa.config import TaskRow
from neuronxa.downstream.accuracy import SCORE_COLUMNS, tidy
from neuronxa.downstream.harness.evaluation import RESULTS, SAMPLES
from neuronxa.errors import ConfigError, StoreError
from neuronxa.files import digest
from neuronxa.frames import read_frame
from neuronxa.provenance import remake
from neuronxa.statistics.intervals import mean_interval, wilson_interval
from neuronxa.stores.journal import MANIFEST, read_manifest

ITEM_COLUMNS = ["model", "task", "language", "metric", "item", "value"]


def score_run(
    folder: Path, row: TaskRow, *, model: str, confidence: float = 0.95
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of every language of a published run, and the items behind them.

    Parameters
    ----------
    folder
        ``results/harness/<model>/<task>``.
    row
        The task; its ``metric`` is read.
    model
        Written into the tables.
    confidence
        Coverage of the intervals.

    Returns
    -------
    scores
        Columns ``SCORE_COLUMNS``. The interval is Wilson's where every item is right or wrong,
        Student's of the mean where items have other numbers (the harness's standard error times
        its quantile), and missing where the metric is no mean of items, such as F1. ``chance`` is
        the mean of 1 / number of options, for metrics called ``acc...``; else missing.
    items
        Columns ``ITEM_COLUMNS``; no rows of a metric that has no number per item.

    Raises
    ------
    StoreError
        The run is not published, or damaged.
    ConfigError
        The harness reported no such metric.
    """
    manifest = read_manifest(folder)
    scores: list[dict[str, object]] = []
    items: list[pd.DataFrame] = []
    for language in manifest["identity"]["languages"]:
        results, samples = read_language(folder / language)
        head = {"model": model, "task": row.task, "language": language, "metric": row.metric}
        source = _source(manifest["facts"]["tasks"][language], results, folder / language)
        samples, column = _of_metric(samples, row)
        scores.append({**head, "source": source, **_score(results, samples, column, confidence)})
        if column in samples:
            items.append(pd.DataFrame({**head, "item": samples["item"], "value": samples[column]}))
    return (
        tidy(pd.DataFrame(scores, columns=SCORE_COLUMNS)),
        pd.concat([pd.DataFrame(columns=ITEM_COLUMNS), *items], ignore_index=True)[
            ITEM_COLUMNS
        ].astype({**dict.fromkeys(ITEM_COLUMNS, "str"), "value": "float64"}),
    )


def read_language(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """What the harness reported for one language and its samples, checked against their digests.

    Raises
    ------
    StoreError
        Not published, missing or damaged.
    """
    for name, (expected,) in read_manifest(folder)["parts"]["evaluation"].items():
        path = folder / name
        if not path.is_file() or digest(path) != expected:
            raise StoreError(
                "the results are missing or damaged",
                where=str(path),
                remedy=f"run: {remake(folder.parent / MANIFEST, delete=folder)}",
            )
    results: dict[str, Any] = json.loads((folder / RESULTS).read_text("utf-8"))
    return results, read_frame(folder / SAMPLES)


def _of_metric(samples: pd.DataFrame, row: TaskRow) -> tuple[pd.DataFrame, str]:
    """The samples of the filter that the metric is taken from, and the metric's column."""
    metric, _, wanted = row.metric.partition(",")
    filters = samples["filter"].unique()
    return samples[samples["filter"] == (wanted or filters[0])], metric


def _score(
    results: Mapping[str, Any], samples: pd.DataFrame, metric: str, confidence: float
) -> dict[str, float]:
    """Value, interval, n and chance; a group counts every item once, as the harness's own do."""
    tasks = results["results"]
    key = f"{metric},{samples['filter'].iloc[0]}"
    if any(key not in reported for reported in tasks.values()):
        told = sorted({name for reported in tasks.values() for name in reported if "," in name})
        raise ConfigError(
            f"the harness reported no '{key}'",
            where=", ".join(tasks),
            allowed=[name for name in told if "_stderr" not in name],
            remedy="correct 'metric' in the tasks sheet",
        )
    values = samples[metric].to_numpy(dtype=float) if metric in samples else np.empty(0)
    if len(tasks) == 1:
        value = float(tasks[next(iter(tasks))][key])
    elif len(values):
        value = float(values.mean())
    else:
        raise ConfigError(
            f"'{metric}' has no number per item and cannot be averaged over a group",
            where=", ".join(tasks)[:200],
            remedy="take another 'metric' or a pattern that names single tasks",
        )
    low = high = np.nan
    if len(values) and np.isclose(value, values.mean()):
        if np.isin(values, (0.0, 1.0)).all():
            interval = wilson_interval(value, len(values), confidence=confidence)
        else:
            interval = mean_interval(values, confidence=confidence)
        low, high = interval.low, interval.high
    chosen = metric.startswith("acc") and (samples["options"] > 0).all()
    return {
        "value": value,
        "low": low,
        "high": high,
        "n": len(samples),
        "chance": float((1 / samples["options"]).mean()) if chosen else np.nan,
    }


def _source(name: str, results: Mapping[str, Any], folder: Path) -> str:
    """Which program, which task in which version, and how many worked examples."""
    program = read_manifest(folder)["identity"]["lm_eval"]
    first = next(iter(results["results"]))
    shots = sorted({str(count) for count in results["n-shot"].values()})
    return f"lm-eval {program}, {name} v{results['versions'][first]}, {'/'.join(shots)}-shot"
