"""Who works in a folder: the run that owns it, and jobs that have outlived their run.

Snakemake's own lock is a file that a killed run leaves behind. It may be taken away only when
nobody works in the folder any more. The processes of this machine are asked for that; a run notes
its machine when it starts, because those of another one cannot be seen.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from neuronxa.errors import NeuronXAError
from neuronxa.files import atomic_write_text
from neuronxa.stores.journal import read_json

#: Seconds between two looks at jobs that are waited for.
_PAUSE = 0.5
_LOCKS = Path(".snakemake", "locks")
_NOTE = Path(".snakemake", "owner.json")


@dataclass(frozen=True)
class Worker:
    """A process that works in a folder.

    Attributes
    ----------
    pid
        Its number.
    since
        When it was started.
    what
        What it does, in words.
    run
        Whether it is a run of Snakemake, not one of its jobs.
    """

    pid: int
    since: datetime
    what: str
    run: bool

    def __str__(self) -> str:
        return f"{self.what}, process {self.pid}, since {self.since:%Y-%m-%d %H:%M:%S}"


def note_owner(folder: Path) -> None:
    """Write down that this process runs the workflow in a folder, and on which machine."""
    note = {"host": socket.gethostname(), "pid": os.getpid()}
    atomic_write_text(folder / _NOTE, json.dumps(note))


def workers(folder: Path) -> list[Worker]:
    """The processes of this machine that run the workflow in a folder, or one of its jobs.

    Processes that this user may not look into are passed over.
    """
    folder = folder.resolve()
    # a shell that started this process, or a test of it, is no worker
    own = {process.pid for process in [psutil.Process(), *psutil.Process().parents()]}
    found = []
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            if Path(process.cwd()) != folder or process.status() == psutil.STATUS_ZOMBIE:
                continue
            worker = _worker(process)
        except (psutil.Error, OSError):
            continue
        if worker is not None:
            found.append(worker)
    return sorted(found, key=lambda worker: worker.pid)


def release(folder: Path, *, tell: Callable[[str], None] = print) -> bool:
    """Take away the lock of a run that is over, once nobody works in the folder.

    Jobs that have outlived their run are waited for: what they write is not lost.

    Parameters
    ----------
    folder
        Working directory of the workflow.
    tell
        Gets a line for everything that a user should know.

    Returns
    -------
    bool
        Whether there was a lock to take away.

    Raises
    ------
    NeuronXAError
        A run works in the folder, or may do so on another machine.
    """
    orphans: list[Worker] = []
    while True:
        at_work = workers(folder)
        if runs := [worker for worker in at_work if worker.run]:
            raise NeuronXAError(
                f"the workflow is running in this folder: {runs[0]}",
                where=str(folder.resolve()),
                remedy=f"wait for its end, or stop it with `kill {runs[0].pid}`",
            )
        if at_work and at_work != orphans:
            tell(
                f"A run was killed, and {len(at_work)} of its jobs live on. Waiting for "
                + "; ".join(map(str, at_work))
                + f". To go on without: kill {' '.join(str(w.pid) for w in at_work)}"
            )
        orphans = at_work
        if not at_work:
            break
        time.sleep(_PAUSE)
    locks = sorted((folder / _LOCKS).glob("*.lock"))
    if not locks:
        return False
    host = (read_json(folder / _NOTE) or {}).get("host", socket.gethostname())
    if host != socket.gethostname():
        raise NeuronXAError(
            f"the folder is locked by a run on the machine '{host}', which cannot be seen from "
            f"'{socket.gethostname()}'",
            where=str(folder.resolve()),
            remedy="make sure that it is over, then run `snakemake --unlock`",
        )
    for lock in locks:
        lock.unlink(missing_ok=True)
    tell("The lock of a run that was killed is released: nobody works in this folder any more.")
    return True


def _worker(process: psutil.Process) -> Worker | None:
    """What a process does for the workflow; None if nothing."""
    command = process.cmdline()
    since = datetime.fromtimestamp(process.create_time())
    scripts = [word for word in command if "/.snakemake/scripts/" in word and word.endswith(".py")]
    if scripts:
        # tmpab12cd34.rank_candidates.py
        name = Path(scripts[0]).stem.partition(".")[2]
        return Worker(process.pid, since, f"the job {name}", run=False)
    if "--unlock" in command or not any(Path(word).name == "snakemake" for word in command[:4]):
        return None
    # a job of Python code is a Snakemake of its own, told which job it is
    job = "--target-jobs" in command
    return Worker(process.pid, since, "a job" if job else "a run of Snakemake", run=not job)
