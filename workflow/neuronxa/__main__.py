"""``python -m neuronxa``: what can be asked beside the workflow itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from neuronxa import __version__
from neuronxa.commands import COMMANDS
from neuronxa.errors import NeuronXAError
from neuronxa.machine.disk import explain_disk


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        The command and its options; by default those of the process.

    Returns
    -------
    int
        Exit status: 0 = all is well, 1 = the command found something, or was refused.
    """
    parser = argparse.ArgumentParser(prog="python -m neuronxa", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="command", required=True)
    for module in COMMANDS:
        told = (module.__doc__ or "").strip().splitlines()[0]
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(name, help=told, description=module.__doc__)
        module.add_options(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except NeuronXAError as error:
        print(f"Error: {error}", file=sys.stderr)
    except OSError as error:
        full = explain_disk(error, folder=Path())
        if full is None:
            raise
        print(f"Error: {full}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
