"""Several sources of one benchmark: measured here, by oneself elsewhere, or published by others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import pandas as pd

from neuronxa.errors import StatisticsError
from neuronxa.statistics.correlation import correlate

COLUMNS: Final = (
    "benchmark",
    "task",
    "model",
    "metric",
    "source",
    "languages",
    "lowest",
    "highest",
    "n_least",
    "n_most",
    "shots",
    "compared_with",
    "shared",
    "pearson",
    "pearson_low",
    "pearson_high",
    "difference",
    "message",
)
#: Metrics that the harness and our own tasks call by other names.
SAME_METRIC: Final[Mapping[str, str]] = {"acc": "accuracy"}


def with_shots(downstream: pd.DataFrame, shots: Mapping[str, int | None]) -> pd.DataFrame:
    """Add the number of worked examples to every score: as recorded with it, or as its task says.

    Parameters
    ----------
    downstream
        Task scores; ``shots`` may be there, for some or all.
    shots
        Task to the number that its prompts have when it is run here.

    Returns
    -------
    pandas.DataFrame
        The same rows with ``shots``, <NA> where nothing says it.
    """
    own = downstream["task"].map(shots).astype("Int64")
    if "shots" in downstream:
        own = downstream["shots"].astype("Int64").fillna(own)
    return downstream.assign(shots=own)


def compare_sources(
    downstream: pd.DataFrame, benchmarks: Mapping[str, str], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Say what each source of a benchmark holds, and how far it agrees with the earlier ones.

    Parameters
    ----------
    downstream
        Task scores with ``shots``.
    benchmarks
        Task to the benchmark that it is a source of, in the order of the configuration.
    confidence
        Level of the interval of Pearson's r (Fisher).

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. A row per task, model and metric, and one for each earlier task of the
        same benchmark that has languages in common for the same model and metric (``acc`` and
        ``accuracy`` are one): ``shared`` of them, Pearson's r over them and the mean absolute
        ``difference``. ``message`` says why there is no r.
    """
    keys = ["task", "model", "metric"]
    parts = {tuple(map(str, key)): part for key, part in downstream.groupby(keys, sort=False)}
    order = {task: place for place, task in enumerate(benchmarks)}
    rows: list[dict[str, Any]] = []
    for (task, model, metric), part in sorted(parts.items(), key=lambda item: order[item[0][0]]):
        about = {"benchmark": benchmarks[task], "task": task, "model": model, "metric": metric}
        about |= _holdings(part)
        compared = [
            _compared(part, other, earlier, confidence)
            for (earlier, other_model, other_metric), other in parts.items()
            if order[earlier] < order[task]
            and benchmarks[earlier] == benchmarks[task]
            and other_model == model
            and _same(other_metric) == _same(metric)
        ]
        rows += [about | one for one in compared if one["shared"]] or [about]
    for row in rows:
        row.setdefault("compared_with", "")
        row.setdefault("message", "")
    counts = dict.fromkeys(("languages", "n_least", "n_most", "shots", "shared"), "Int64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(counts)


def _same(metric: str) -> str:
    return SAME_METRIC.get(metric, metric)


def _holdings(part: pd.DataFrame) -> dict[str, Any]:
    shots = part["shots"].dropna().unique()
    return {
        "source": common_source(part["source"]),
        "languages": part["language"].nunique(),
        "lowest": part["value"].min(),
        "highest": part["value"].max(),
        "n_least": part["n"].min(),
        "n_most": part["n"].max(),
        "shots": shots[0] if len(shots) == 1 else pd.NA,
    }


def _compared(
    part: pd.DataFrame, other: pd.DataFrame, name: str, confidence: float
) -> dict[str, Any]:
    both = part.merge(other, on="language", suffixes=("", "_other"))
    x, y = (both[column].to_numpy(dtype=np.float64) for column in ("value", "value_other"))
    row: dict[str, Any] = {"compared_with": name, "shared": len(both)}
    row["difference"] = float(np.abs(x - y).mean()) if len(both) else np.nan
    try:
        found = correlate(x, y, coefficient="pearson", confidence=confidence)
    except StatisticsError as fault:
        return row | {"message": fault.what}
    return row | {
        "pearson": found.estimate,
        "pearson_low": found.low,
        "pearson_high": found.high,
    }


def common_source(sources: pd.Series) -> str:
    """Name the source of several scores: the one that all share, or their folder and their number.

    ``logs/arc_de.json`` and ``logs/arc_fr.json`` give ``logs (2 results)``.
    """
    names = list(dict.fromkeys(sources.astype(str)))
    if len(names) == 1:
        return names[0]
    folders = [PurePosixPath(name).parent.parts for name in names]
    shared = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False))
    folder = "/".join(level[0] for level in shared)
    return f"{folder} ({len(names)} results)" if folder else f"{len(names)} results"
