"""Two runs side by side: settings that differ, how far scores are apart, decisions that turned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuronxa.errors import StoreError
from neuronxa.frames import read_frame
from neuronxa.provenance import RECORDS, TOPS, read_record
from neuronxa.stores.alignment import Alignment
from neuronxa.stores.journal import MANIFEST

#: How far one score, and a mean over layers, may be off on another machine: `make verify` holds a
#: run to the same, and ``tests/reference/reference.json`` says what was measured. Scores above 1
#: may be off by this share of them.
TOLERANCE = 0.03
MEAN_TOLERANCE = 0.002

#: Columns of scores that are no keys.
_VALUES = ("value", "low", "high", "chance", "n")


@dataclass(frozen=True)
class Comparison:
    """What two runs differ in.

    Attributes
    ----------
    settings
        Settings, inputs and versions that differ, in words.
    table
        A row per file of scores: values, how many are equal, largest differences, decisions that
        turned.
    problems
        What is beyond tolerance, in words.
    """

    settings: tuple[str, ...]
    table: pd.DataFrame
    problems: tuple[str, ...]


def compare_runs(
    first: Path,
    second: Path,
    *,
    tolerance: float = TOLERANCE,
    mean_tolerance: float = MEAN_TOLERANCE,
) -> Comparison:
    """Compare two results folders.

    Parameters
    ----------
    first, second
        Folders ``results``.
    tolerance, mean_tolerance
        Largest difference of one score, and of a mean over layers.

    Raises
    ------
    StoreError
        A folder has no scores, or a file of it is damaged.
    """
    mine, other = _score_files(first), _score_files(second)
    problems = [
        f"{name} is in one run only"
        for name in sorted({*mine, *other})
        if name not in mine or name not in other
    ]
    rows = []
    for name in (name for name in mine if name in other):
        row, wrong = _compare_scores(
            read_frame(first / name), read_frame(second / name), tolerance, mean_tolerance
        )
        folders = [(run / name).parent for run in (first, second)]
        if all((folder / MANIFEST).is_file() for folder in folders):
            row |= _turned(*map(Alignment, folders))
        rows.append({"scores": name, **row})
        problems += [f"{name}: {what}" for what in wrong]
    table = pd.DataFrame(rows)
    whole = [name for name in ("values", "equal", "decisions", "turned") if name in table]
    return Comparison(
        settings=tuple(_other_settings(first, second)),
        table=table.astype(dict.fromkeys(whole, "Int64")),
        problems=tuple(problems),
    )


def _score_files(results: Path) -> list[str]:
    """Scores of alignment and of tasks, by path below the results."""
    patterns = ("alignment/*/*/*/scores.parquet", "benchmarks/**/*.parquet", "transfer/*/*.parquet")
    found = [
        path.relative_to(results).as_posix()
        for pattern in patterns
        for path in sorted(results.glob(pattern))
    ]
    if not found:
        raise StoreError(
            "there are no scores to compare",
            where=str(results),
            remedy="name the folder 'results' of a run that has ended",
        )
    return found


def _compare_scores(
    mine: pd.DataFrame, other: pd.DataFrame, tolerance: float, mean_tolerance: float
) -> tuple[dict[str, Any], list[str]]:
    keys = [name for name in mine.columns if name not in _VALUES and mine[name].dtype != "float64"]
    a, b = (frame.set_index(keys)["value"].sort_index() for frame in (mine, other))
    if not a.index.equals(b.index):
        alone = len(a.index.symmetric_difference(b.index))
        return {"values": len(a)}, [f"{alone} values are in one run only"]
    one_only = int((a.isna() != b.isna()).sum())
    off = (a - b).abs() / a.abs().clip(lower=1)
    over_layers = pd.Series(False, index=off.index)
    if "reduction" in keys:
        over_layers[:] = off.index.get_level_values("reduction") != "layer"
    wrong = [f"{one_only} values are defined in one run only"] * bool(one_only)
    for what, chosen, limit in (
        ("scores", ~over_layers, tolerance),
        ("means over layers", over_layers, mean_tolerance),
    ):
        beyond = off[chosen & (off > limit)]
        if len(beyond):
            place = ", ".join(map(str, np.atleast_1d(np.asarray(beyond.idxmax(), dtype=object))))
            wrong.append(
                f"{len(beyond)} {what} differ by more than {limit}, {place} by {beyond.max():.4f}"
            )
    return {
        "values": len(off),
        "equal": int(((a == b) | (a.isna() & b.isna())).sum()),
        "largest difference": off[~over_layers].max(),
        "of a mean over layers": off[over_layers].max(),
    }, wrong


def _turned(mine: Alignment, other: Alignment) -> dict[str, int]:
    """Decisions of mu, over all pairs, layers and sentences, and how many are not the same."""
    decisions = turned = 0
    if mine.layout != other.layout:
        return {}
    for representation, layers in mine.layers.items():
        for layer in range(layers):
            a, b = (_hits(store, representation, layer) for store in (mine, other))
            pairs = np.triu_indices(len(mine.languages), k=1)
            turned += int((a[pairs] != b[pairs]).sum())
            decisions += a[pairs].size
    return {"decisions": decisions, "turned": turned}


def _hits(store: Alignment, representation: str, layer: int) -> np.ndarray:
    """Whether a sentence and its translation find one another, ``(source, target, sentence)``."""
    first = store.layer("rank", representation, layer).values == 1
    return np.asarray(first & first.transpose(1, 0, 2))


def _other_settings(first: Path, second: Path) -> Iterator[str]:
    """What the records of two runs say otherwise, each difference once."""
    told = set()
    for top in TOPS:
        bases = [run.parent / top for run in (first, second)]
        for path in sorted((bases[0] / RECORDS).rglob("*.json")):
            below = path.relative_to(bases[0] / RECORDS)
            below = below.with_name(below.name.removesuffix(".json"))
            records = [read_record(base / below) for base in bases]
            for line in _differences(*records):
                if line not in told:
                    told.add(line)
                    yield line


def _differences(a: dict[str, Any] | None, b: dict[str, Any] | None) -> Iterator[str]:
    if a is None or b is None:
        return
    rule = a["rule"]
    for group, where in (("params", f"setting of {rule}"), ("versions", "version")):
        for name in sorted({*a[group], *b[group]}):
            values = [record[group].get(name, "none") for record in (a, b)]
            if values[0] != values[1]:
                yield f"{where}: {name} is {values[0]} and {values[1]}"
    if a["commit"] != b["commit"]:
        yield f"commit: {a['commit']} and {b['commit']}"
    for name in sorted({*a["inputs"], *b["inputs"]}):
        # what a rule has made differs because of something that is told elsewhere
        if not name.startswith("results/"):
            values = [record["inputs"].get(name) for record in (a, b)]
            if values[0] != values[1]:
                yield f"input: {name} is another file"
