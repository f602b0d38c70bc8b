"""Options that several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from neuronxa.config.files import DEFAULT, read_configuration
from neuronxa.planning.plan import Plan, make_plan


def add_configs(parser: argparse.ArgumentParser) -> None:
    """The configurations that a command is about."""
    parser.add_argument(
        "--config",
        action="append",
        type=Path,
        metavar="FILE",
        help=f"a configuration of your own, as in `make run CONFIG=...`: it changes keys of "
        f"{DEFAULT}; may be given several times",
    )


def configurations_of(options: argparse.Namespace) -> list[tuple[str, dict[str, Any]]]:
    """File and content of each configuration; the default one where none is named."""
    default = [DEFAULT] if DEFAULT.is_file() else []
    chosen = [[*default, path] for path in options.config or []] or [default]
    return [(str(one[-1]), read_configuration(one)) for one in chosen if one]


def plans_of(options: argparse.Namespace) -> list[Plan]:
    """One plan for each configuration; that of the default one where none is named."""
    found = configurations_of(options) or [(str(DEFAULT), read_configuration([DEFAULT]))]
    return [make_plan(content, where=where) for where, content in found]
