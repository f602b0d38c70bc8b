"""Show what a run would meet here: packages, cores, memory, GPUs, disk, the config, its models."""

from __future__ import annotations

import argparse

from neuronxa.commands.options import add_configs, configurations_of
from neuronxa.doctor import examine

_SIGNS = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_configs(parser)


def run(options: argparse.Namespace) -> int:
    """Print a line for each finding; 1 if a run would stop."""
    faults = 0
    for finding in examine(configurations_of(options)):
        remedy = f"\n        Hint: {finding.remedy}" if finding.remedy else ""
        print(f"{_SIGNS[finding.state]} {finding.what}: {finding.told}{remedy}", flush=True)
        faults += finding.state == "fault"
    told = "1 fault" if faults == 1 else f"{faults} faults"
    print(f"\n{told}" if faults else "\nNothing stands in the way of a run.")
    return int(faults > 0)
