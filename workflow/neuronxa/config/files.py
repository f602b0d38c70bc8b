"""The configuration of a run, as Snakemake reads it: later files change the keys they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from neuronxa.errors import ConfigError
from neuronxa.files import read_text

#: What the Snakefile names; a file of the user's own changes some of its keys.
DEFAULT = Path("config/config.yaml")


def read_configuration(paths: Sequence[Path]) -> dict[str, Any]:
    """Read configuration files, each changing the keys that it names.

    Parameters
    ----------
    paths
        YAML files.

    Raises
    ------
    ConfigError
        A file is missing, is not a mapping in YAML, or has a key twice.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        _merge(merged, _read(Path(path)))
    return merged


def names_of(paths: Sequence[Path]) -> str:
    """The files as messages name them: relative to the working directory where they lie in it."""
    here = Path.cwd()
    return ", ".join(
        str(path.relative_to(here) if path.is_relative_to(here) else path)
        for path in map(Path, paths)
    )


class _Strict(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """YAML in which a key counts once: plain YAML takes the last of several, and says nothing."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    lines: dict[Any, int] = {}
    for key, _ in node.value:
        name, line = key.value, key.start_mark.line + 1
        if isinstance(key, yaml.ScalarNode) and name != "<<" and name in lines:
            raise ConfigError(
                f"'{name}' stands there twice, in the lines {lines[name]} and {line}",
                remedy="keep one of them",
            )
        if isinstance(key, yaml.ScalarNode):
            lines[name] = line
    loader.flatten_mapping(node)
    return dict(loader.construct_mapping(node, deep=True))


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _read(path: Path) -> dict[str, Any]:
    """One file, as a mapping."""
    where = str(path)
    try:
        content = yaml.load(read_text(path), Loader=_Strict)
    except FileNotFoundError:
        raise ConfigError(
            "the configuration does not exist",
            where=where,
            remedy="correct its name, and start in the folder of the run",
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        told = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(
            f"not readable as YAML ({told})",
            where=f"{where}, line {mark.line + 1}" if mark else where,
            remedy="compare it with config/config.yaml; texts that hold ': ' or '#' need quotes",
        ) from None
    except (ValueError, RecursionError) as error:  # a date that is none, nesting without end
        raise ConfigError(f"not readable as YAML ({error})", where=where) from None
    except ConfigError as error:
        raise error.retold(where=where) from None
    if not isinstance(content, dict):
        raise ConfigError(
            "not a mapping of keys to values" if content is not None else "the file is empty",
            where=where,
            remedy="write keys such as 'models: [gemma-3-270m]'",
        )
    return content


def _merge(into: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
