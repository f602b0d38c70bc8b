"""The files that scores are read from. Planning a run imports this module and nothing heavy."""

from __future__ import annotations

from pathlib import Path

from neuronxa.config import TaskRow


def score_files(row: TaskRow) -> list[Path]:
    """The files that a row's scores are read from; its location where there is none."""
    path = Path(row.location).expanduser()
    return (result_files(path) if is_harness(path) else []) or [path]


def is_harness(path: Path) -> bool:
    """Whether a location holds results of lm-evaluation-harness: a folder or a JSON file."""
    return path.is_dir() or path.suffix == ".json"


def result_files(path: Path) -> list[Path]:
    """The JSON files of a folder, at any depth, or the one file."""
    return sorted(path.rglob("*.json")) if path.is_dir() else [path]
