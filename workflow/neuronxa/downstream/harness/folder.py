"""A folder of harness task files of one's own, and templates that serve every language.

A task file whose ``task`` holds ``{language}`` is a template: the code takes the place of
``{language}`` in all of its strings, and a language has the task where its local data files exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neuronxa.downstream.harness.names import PLACE
from neuronxa.errors import ConfigError
from neuronxa.files import digest


def task_files(location: str) -> list[Path]:
    """All files of a folder of task files, sorted; a change in any of them is another task.

    Raises
    ------
    ConfigError
        The folder does not exist or holds no ``.yaml`` file.
    """
    folder = Path(location)
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )
    if not any(path.suffix == ".yaml" for path in files):
        raise ConfigError(
            "there are no task files" if folder.is_dir() else "the folder does not exist",
            where=location,
            allowed="a folder with lm-evaluation-harness task files (*.yaml)",
            remedy="correct 'location' in the tasks sheet, or leave it empty for the harness's own",
        )
    return files


def fill(value: Any, code: str) -> Any:
    """A configuration with a language's code in the place of ``{language}``, everywhere."""
    if isinstance(value, str):
        return value.replace(PLACE, code)
    if isinstance(value, Mapping):
        return {key: fill(inner, code) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, code) for inner in value]
    return value


def data_files(config: Mapping[str, Any]) -> list[Path]:
    """The data files that a task's configuration names, relative to the working directory."""
    return [Path(name) for name in _texts((config.get("dataset_kwargs") or {}).get("data_files"))]


def content(location: str, config: Mapping[str, Any]) -> dict[str, str]:
    """Digests of all that a task of one's own is made of: task files, code, local data."""
    folder = Path(location)
    parts = {f"task/{path.relative_to(folder).as_posix()}": path for path in task_files(location)}
    parts |= {f"data/{path.as_posix()}": path for path in data_files(config) if path.is_file()}
    return {name: digest(path) for name, path in parts.items()}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
