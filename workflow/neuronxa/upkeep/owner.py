"""Who works in a folder: the run that owns it, and jobs that have outlived their run.

Snakemake's own lock is a file that a killed run leaves behind. It may be taken away only when
nobody works in the folder any more. Two things tell that:

- A lock of the operating system, the *turn*. Whoever releases locks must have it, and `make run`
  keeps it to its end: its process becomes Snakemake. It dies with the process.
- The processes of this machine, for runs of plain Snakemake and for jobs that have outlived their
  run. Those of another machine cannot be seen, so a run notes its machine when it starts.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from neuronxa.errors import NeuronXAError
from neuronxa.files import atomic_write_text
from neuronxa.jobs.endings import killed_jobs, tell_killed
from neuronxa.machine.control_groups import memory_kills
from neuronxa.stores.journal import read_json

_TIME = "%Y-%m-%d %H:%M:%S"
#: Seconds between two looks at jobs that are waited for.
_PAUSE = 0.5
_LOCKS = Path(".snakemake", "locks")
_NOTE = Path(".snakemake", "owner.json")
_TURN = Path(".snakemake", "turn.lock")
_LOGS = Path("results", "logs")


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
        return f"{self.what}, process {self.pid}, since {self.since:{_TIME}}"


def note_owner(folder: Path) -> None:
    """Write down that this process runs the workflow in a folder, and on which machine.

    The kills that the system has counted so far let the next start tell whether one came since.
    """
    note = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": time.time(),
        "memory_kills": memory_kills(),
    }
    atomic_write_text(folder / _NOTE, json.dumps(note))


@contextmanager
def turn(folder: Path) -> Iterator[int]:
    """Have the turn in a folder: nobody else gets it meanwhile.

    Parameters
    ----------
    folder
        Working directory of the workflow.

    Yields
    ------
    int
        The open file that holds it. Programs that this process becomes may inherit it.

    Raises
    ------
    NeuronXAError
        Another process has it.
    """
    path = folder / _TURN
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.read(handle, 1000).decode("utf-8", "replace").strip() or "another process"
            raise _busy(folder, who) from None
        os.truncate(handle, 0)
        note = f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():{_TIME}}"
        os.write(handle, note.encode())
        yield handle
    finally:
        os.close(handle)


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

    The caller has the turn. Jobs that have outlived their run are waited for: what they write is
    not lost. Those that were killed with it are named, since nobody could do so then.

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
            raise _busy(folder, str(runs[0]), f", or stop it with `kill {runs[0].pid}`")
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
    note = read_json(folder / _NOTE) or {}
    host = note.get("host", socket.gethostname())
    if host != socket.gethostname():
        raise NeuronXAError(
            f"the folder is locked by a run on the machine '{host}', which cannot be seen from "
            f"'{socket.gethostname()}'",
            where=str(folder.resolve()),
            remedy="make sure that it is over, then run `snakemake --unlock`",
        )
    for lock in locks:
        lock.unlink(missing_ok=True)
    for_memory = memory_kills() > note.get("memory_kills", memory_kills())
    tell(
        "The lock of a run that was killed is released: nobody works in this folder any more."
        + " The system has killed a process for want of memory since that run began." * for_memory
    )
    for one in killed_jobs(folder / _LOGS, since=note.get("since", time.time())):
        tell(tell_killed(one, for_memory=for_memory))
    return True


def _busy(folder: Path, who: str, or_else: str = "") -> NeuronXAError:
    return NeuronXAError(
        f"the workflow is running in this folder: {who}",
        where=str(folder.resolve()),
        remedy=f"wait for its end{or_else}",
    )


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
