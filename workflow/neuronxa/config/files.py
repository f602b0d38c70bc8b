"""The configuration of a run, as Snakemake reads it: later files change the keys they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from neuronxa.errors import ConfigError

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
        A file is missing or is not a mapping in YAML.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        except FileNotFoundError:
            raise ConfigError(
                "the configuration does not exist",
                where=str(path),
                remedy="name it with --config, and start in the folder of the run",
            ) from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"not readable as YAML ({str(error).splitlines()[0]})", where=str(path)
            ) from None
        if not isinstance(content, dict):
            raise ConfigError("not a mapping of keys to values", where=str(path))
        _merge(merged, content)
    return merged


def _merge(into: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
