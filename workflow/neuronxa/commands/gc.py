"""Show what takes disk and what is stale; with --delete, delete what is stale.

Nothing is deleted that a configuration asks for and can be gone on from, or that a living process
holds. Name every configuration that shares the folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from neuronxa.commands.options import add_configs, plans_of
from neuronxa.machine.disk import shown
from neuronxa.upkeep.housekeeping import delete, refuse_running, total
from neuronxa.upkeep.inventory import INPUTS, Inventory, Item


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "results", nargs="?", type=Path, default=Path("results"), help="default: results"
    )
    add_configs(parser)
    parser.add_argument("--delete", action="store_true", help="delete what is stale")
    parser.add_argument(
        "--inputs",
        action="store_true",
        help="delete stale snapshots, corpora and tasks in resources/ too",
    )


def run(options: argparse.Namespace) -> int:
    """Print what there is and what is stale; delete it if that is asked for."""
    inventory = Inventory(plans_of(options), results=options.results)
    _print_used(inventory.items)
    stale = inventory.stale
    print(f"\n{'stale':>10}  why" if stale else "\nNothing is stale.")
    for item in stale:
        print(f"{shown(item.size):>10}  {item.path}: {item.stale}")
    chosen = [item for item in stale if item.kind not in INPUTS or options.inputs]
    if not options.delete or not chosen:
        if chosen:
            print(f"\n{shown(total(chosen))} can go: `--delete` deletes them.")
        return 0
    refuse_running()
    gone = []
    for item in chosen:
        base = next(b for b in (inventory.results, inventory.resources) if b in item.path.parents)
        if delete(item, within=base):
            gone.append(item)
        else:
            print(f"kept: {item.path} is held by a living process")
    print(f"\n{shown(total(gone))} deleted.")
    return int(len(gone) < len(chosen))


def _print_used(items: Iterable[Item]) -> None:
    """A line for each kind, model, corpus and extraction, the largest first within a kind."""
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        groups.setdefault((item.kind, *item.parts[:3]), []).append(item)
    print(f"{'on disk':>10} {'stale':>10}  what")
    for name, group in sorted(groups.items(), key=lambda one: (one[0][0], -total(one[1]))):
        stale = total(item for item in group if item.stale)
        notes = [item for item in group if item.note]
        more = f" ({len(notes)} {notes[0].note})" if notes else ""
        sizes = f"{shown(total(group)):>10} {shown(stale) if stale else '-':>10}"
        print(f"{sizes}  {'/'.join(name)}{more}")
