"""Kill a run at random moments and start it again by the same command, until it ends.

    python -m tests.torture.kills --kills 50 --seed 0

A run is killed with SIGKILL, SIGTERM or SIGINT, the whole process group or the main process alone.
A kill comes at a moment drawn from the clock, or when something happens: a block or strip is
committed, a job begins, the folder is locked. After each kill the same command goes on. In the
end every result must have the bytes of a run that nobody disturbed, and what was committed before a
kill must not have been written again.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import random
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from neuronxa.jobs.endings import killed_jobs
from neuronxa.upkeep.owner import workers

from ..workflow.project import make_project
from .runs import committed, contents, default_sheets, finish, start, written

#: (signal, whether the whole process group gets it)
WAYS = [
    (number, group)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    for group in (True, False)
]
#: What a kill waits for, and the most seconds that it comes after it.
EVENTS = {"the clock": 0.0, "a commit": 0.05, "a job": 4.0, "the lock": 1.0}
#: Kills that a whole run is to see, about.
PER_RUN = 12
#: Seconds that a run gets to end by itself after a signal that it can handle.
PATIENCE = 300


@dataclass
class Outcome:
    """What happened.

    Attributes
    ----------
    kills
        How many, by signal and target.
    events
        How many, by what was waited for.
    jobs
        How often a job of each rule was at work.
    outlived
        Kills that left jobs which lived on.
    runs
        How many runs came to their end.
    kept
        Committed chunks that were looked at after kills; none of them was written again.
    last
        The last kill, in words.
    """

    kills: collections.Counter = field(default_factory=collections.Counter)
    events: collections.Counter = field(default_factory=collections.Counter)
    jobs: collections.Counter = field(default_factory=collections.Counter)
    outlived: int = 0
    runs: int = 0
    kept: int = 0
    last: str = ""


def torture(folder, *, kills, seed, ways=WAYS, events=tuple(EVENTS), targets=(), tell=print):
    """Run, kill and go on in a folder until so many kills were survived.

    Parameters
    ----------
    folder
        An empty folder.
    kills
        How many.
    seed
        Of the moments.
    ways, events
        How to kill, and what to wait for.
    targets
        What the workflow is asked for; by default everything.
    tell
        Gets a line for every kill.

    Raises
    ------
    AssertionError
        A run did not go on, or its results are others.
    """
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    make_project(undisturbed, default_sheets())
    shutil.copytree(undisturbed, disturbed)
    began = time.monotonic()
    finish(undisturbed, *targets)
    length = time.monotonic() - began
    expected = contents(undisturbed)
    tell(f"an undisturbed run takes {length:.0f} s and leaves {len(expected)} files")
    drawn, outcome, ways = random.Random(seed), Outcome(), itertools.cycle(ways)
    while sum(outcome.kills.values()) < kills:
        for name in ("results", "resources", ".snakemake"):
            shutil.rmtree(disturbed / name, ignore_errors=True)
        before, over = {}, False
        while not over and sum(outcome.kills.values()) < kills:
            event = drawn.choice(events)
            latest = drawn.uniform(2, 2 * length / PER_RUN) if event == "the clock" else length
            began, process = time.time(), start(disturbed, *targets)
            came = _await(process, disturbed, event, latest, drawn)
            over = process.poll() is not None
            if over:
                assert process.returncode == 0, "the run failed by itself"
            else:
                _kill(process, disturbed, next(ways), began, outcome)
                outcome.events[came] += 1
                tell(f"{outcome.last}; by {came}")
            before = _unchanged(disturbed, before, outcome)
        finish(disturbed, *targets)
        _unchanged(disturbed, before, outcome)
        found = contents(disturbed)
        different = {path for path in {*found, *expected} if found.get(path) != expected.get(path)}
        assert not different, f"other results than undisturbed: {sorted(different)[:10]}"
        outcome.runs += 1
        tell(f"run {outcome.runs} ended with the same bytes")
    return outcome


def _await(process, folder, event, latest, drawn):
    """Wait for the event, at most so many seconds, or the end; returns what came."""
    began, seen = time.monotonic(), _signs(folder, event)
    later = drawn.uniform(0, EVENTS[event])
    while process.poll() is None and time.monotonic() - began < latest:
        if not _signs(folder, event) <= seen:
            time.sleep(later)
            return event
        time.sleep(0.01)
    return "the clock"


def _signs(folder, event):
    """What is there to be seen of an event; more of it once it happens."""
    if event == "a commit":
        # a new store has a record too, which names no part yet
        return {
            (path, part)
            for path in (folder / "results").rglob("record.json")
            for part in json.loads(path.read_text("utf-8"))["parts"]
        }
    if event == "a job":
        return set((folder / "results" / "logs").rglob("*.log"))
    if event == "the lock":
        return {(path, written(path)) for path in (folder / ".snakemake/locks").glob("*")}
    return set()


def _kill(process, folder, way, began, outcome):
    """Send the signal, and note what was at work and what lives on."""
    number, group = way
    moment = time.time() - began
    if group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    process.wait(timeout=PATIENCE)
    alive = [worker.what for worker in workers(folder)]
    at_work = {one.job.split("/")[0] for one in killed_jobs(_logs(folder), since=began)}
    target = "group" if group else "main process"
    outcome.kills[f"{number.name} to the {target}"] += 1
    outcome.jobs.update(at_work or {"none"})
    outcome.outlived += bool(alive)
    outcome.last = (
        f"{number.name} to the {target} after {moment:.1f} s; at work: "
        f"{', '.join(sorted(at_work)) or 'none'}; living on: {', '.join(alive) or 'none'}"
    )


def _unchanged(folder, before, outcome):
    """What was committed is still there as it was written; returns what is committed now."""
    now = committed(folder)
    for path, first in before.items():
        assert path.is_file(), f"{path} was committed and is gone"
        assert now.get(path, first) == first, f"{path} was committed and written again"
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
    tables = {"kills": outcome.kills, "by": outcome.events, "jobs at work": outcome.jobs}
    for title, counter in tables.items():
        print(f"\n{title}: {sum(counter.values())}")
        print(*(f"  {count:4d}  {name}" for name, count in counter.most_common()), sep="\n")
    print(f"\n{outcome.outlived} kills left jobs that lived on")
    print(f"{outcome.runs} runs ended, each with the bytes of the undisturbed one")
    print(f"{outcome.kept} looks at committed chunks, none was written again")


if __name__ == "__main__":
    main()
