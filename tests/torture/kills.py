"""Kill a run at random moments and start it again by the same command, until it ends.

    python -m tests.torture.kills --kills 50 --seed 0

A run is killed with SIGKILL, SIGTERM or SIGINT, the whole process group or the main process alone.
After each kill the same command goes on. In the end every result must have the bytes of a run that
nobody disturbed, and what was committed before a kill must not have been written again.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from neuronxa.killed import killed_jobs
from neuronxa.owner import workers

from ..workflow.project import make_project
from .runs import committed, contents, default_sheets, finish, start, unlock

#: (signal, whether the whole process group gets it)
WAYS = [
    (number, group)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    for group in (True, False)
]
#: Seconds that a run gets to end by itself after a signal that it can handle.
PATIENCE = 120


@dataclass
class Outcome:
    """What happened.

    Attributes
    ----------
    kills
        How many, by signal and target.
    jobs
        How often a job of each rule was interrupted.
    runs
        How many runs came to their end.
    kept
        Committed chunks that were looked at after kills; none of them was written again.
    """

    kills: collections.Counter = field(default_factory=collections.Counter)
    jobs: collections.Counter = field(default_factory=collections.Counter)
    runs: int = 0
    kept: int = 0


def torture(folder, *, kills, seed, ways=WAYS, tell=print):
    """Run, kill and go on in a folder until so many kills were survived.

    Raises
    ------
    AssertionError
        A run did not go on, or its results are others.
    """
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    make_project(undisturbed, default_sheets())
    shutil.copytree(undisturbed, disturbed)
    began = time.monotonic()
    finish(undisturbed)
    length = time.monotonic() - began
    expected = contents(undisturbed)
    tell(f"an undisturbed run takes {length:.0f} s and leaves {len(expected)} files")
    drawn, outcome, ways = random.Random(seed), Outcome(), itertools.cycle(ways)
    while sum(outcome.kills.values()) < kills:
        for name in ("results", "resources", ".snakemake"):
            shutil.rmtree(disturbed / name, ignore_errors=True)
        before, over = {}, False
        while not over and sum(outcome.kills.values()) < kills:
            over = _one(disturbed, drawn.uniform(2, 0.5 * length), next(ways), outcome, tell)
            before = _unchanged(disturbed, before, outcome)
        _released(disturbed)
        finish(disturbed)
        _unchanged(disturbed, before, outcome)
        found = contents(disturbed)
        different = {path for path in {*found, *expected} if found.get(path) != expected.get(path)}
        assert not different, f"other results than undisturbed: {sorted(different)[:10]}"
        outcome.runs += 1
        tell(f"run {outcome.runs} ended with the same bytes")
    return outcome


def _one(folder, moment, way, outcome, tell):
    """Run and kill after some seconds; whether the run had ended before."""
    number, group = way
    _released(folder)
    began = time.time()
    process = start(folder)
    try:
        assert process.wait(timeout=moment) == 0, "the run failed by itself"
        return True
    except subprocess.TimeoutExpired:
        pass
    if group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    process.wait(timeout=PATIENCE)
    alive = [worker.what for worker in workers(folder)]
    interrupted = {one.job.split("/")[0] for one in killed_jobs(_logs(folder), since=began)}
    outcome.kills[f"{number.name} to the {'group' if group else 'main process'}"] += 1
    outcome.jobs.update(interrupted)
    tell(
        f"{number.name} to the {'group' if group else 'main process'} after {moment:.1f} s; "
        f"at work: {', '.join(sorted(interrupted)) or 'none'}; "
        f"living on: {', '.join(alive) or 'none'}"
    )
    return False


def _released(folder):
    done = unlock(folder)
    assert done.returncode == 0, done.stderr
    assert not workers(folder)


def _unchanged(folder, before, outcome):
    """What was committed is still there as it was written; returns what is committed now."""
    now = committed(folder)
    for path, moment in before.items():
        assert now.get(path, moment) == moment, f"{path} was committed and written again"
        assert path.is_file(), f"{path} was committed and is gone"
    outcome.kept += len(before)
    return {**before, **now}


def _logs(folder):
    logs = folder / "results" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    return logs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = torture(Path(folder), kills=options.kills, seed=options.seed)
    for title, counter in (("kills", outcome.kills), ("interrupted jobs", outcome.jobs)):
        print(f"\n{title}: {sum(counter.values())}")
        print(*(f"  {count:4d}  {name}" for name, count in counter.most_common()), sep="\n")
    print(f"\n{outcome.runs} runs ended, each with the bytes of the undisturbed one;")
    print(f"{outcome.kept} looks at committed chunks, none was written again")


if __name__ == "__main__":
    main()
