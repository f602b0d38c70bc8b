"""Show how long a run will take, on how many GPUs, and how much memory and disk."""

from __future__ import annotations

import argparse
from pathlib import Path

import joblib

from neuronxa.commands.options import add_configs, configurations_of
from neuronxa.machine.disk import shown
from neuronxa.machine.gpus import visible_gpus
from neuronxa.models.shapes import shape_of
from neuronxa.planning.forecast import Forecast, Machine, foretell
from neuronxa.planning.plan import make_plan
from neuronxa.planning.preflight import told
from neuronxa.planning.space import parts_of

_KINDS = {
    "extraction": "extraction",
    "comparison": "comparison of all pairs",
    "task": "tasks, at most",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_configs(parser)
    parser.add_argument(
        "--gpus",
        type=int,
        nargs="+",
        metavar="N",
        help="GPUs to plan for, 0 = none; the table is for the first number (default: 0 where "
        "`extraction.device` is cpu or no GPU is seen, then 1 8 64)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=min(16, joblib.cpu_count()),
        metavar="N",
        help="threads of a job on processors (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Print a table of jobs, the wall time on each number of GPUs, and the disk."""
    for where, content in configurations_of(options):
        plan = make_plan(content, where=where)
        counts = options.gpus or _counts(plan.settings.file.extraction.device)
        forecasts = [foretell(plan, Machine(gpus, options.threads)) for gpus in counts]
        print(f"{where}: {len(plan.settings.models)} models, {len(plan.languages)} languages")
        print(_table(forecasts[0]))
        for forecast in forecasts:
            print(_wall(forecast))
        for name, row in plan.settings.models.items():
            shape = shape_of(row, Path("resources/models", name))
            if shape is None:
                print(f"Not counted: {name}, whose shape is not known ('shape' in models.tsv).")
            elif row.told is not None and str(shape) != str(row.told):
                print(f"{name} is {shape}; its 'shape' in models.tsv says {row.told}.")
        print(told(parts_of(plan)))
    return 0


def _counts(device: str) -> list[int]:
    """Numbers of GPUs that are worth a look."""
    if device == "cpu":
        return [0]
    return [1, 8, 64] if visible_gpus() or device != "auto" else [0, 1, 8, 64]


def _table(forecast: Forecast) -> str:
    """A line for each kind of job."""
    width = max(map(len, _KINDS.values()))
    lines = [f"{'':{width}} {'jobs':>5} {'longest':>9} {'all':>9} {'memory':>9} {'have run':>9}"]
    for kind, label in _KINDS.items():
        works = forecast.of(kind)
        seconds = [work.seconds or 0.0 for work in works]
        done = [work for work in works if work.done is not None]
        scale = forecast.scale(kind)
        line = f"{label:{width}} {len(works):>5} {_time(max(seconds, default=0)):>9}"
        line += f" {_time(sum(seconds)):>9} {shown(max((w.memory for w in works), default=0)):>9}"
        line += f" {len(done):>9}"
        if scale is not None:
            line += f", in {_time(sum(w.done or 0 for w in done))}: {scale:.2f} of what is foretold"
        lines.append(line)
    return "\n".join(lines)


def _wall(forecast: Forecast) -> str:
    """When the run ends."""
    gpus = forecast.machine.gpus
    place = f"on {gpus} GPU{'s' * (gpus > 1)}" if gpus else "without a GPU"
    alignment = forecast.wall(["extraction", "comparison"])
    every = forecast.wall(_KINDS)
    busy = sum(forecast.to_come(["extraction"]))
    told_of = f"{_time(busy)} of GPU time, " if gpus else ""
    ends = f"{_time(alignment)} to all scores, with tasks at most {_time(every)}"
    return f"To come {place}: {told_of}{ends}"


def _time(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
