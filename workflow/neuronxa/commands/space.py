"""Show how much disk a run takes, what is there already, and what is free."""

from __future__ import annotations

import argparse

from neuronxa.commands.options import add_configs, plans_of
from neuronxa.machine.disk import shown
from neuronxa.planning.preflight import told
from neuronxa.planning.space import parts_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_configs(parser)


def run(options: argparse.Namespace) -> int:
    """Print a line for each folder, then the sum."""
    for plan in plans_of(options):
        parts = parts_of(plan)
        width = max(len(part.name) for part in parts)
        print(f"{'':12} {'':{width}} {'needed':>10} {'there':>10} {'to come':>10}")
        for part in parts:
            needed = "?" if part.needed is None else shown(part.needed)
            numbers = f"{needed:>10} {shown(part.present):>10} {shown(part.to_come):>10}"
            print(f"{part.kind:12} {part.name:{width}} {numbers}")
        print(told(parts))
    return 0
