"""How jobs have ended, by their logs: what those say that failed, and which were killed.

A job that fails writes so to its log. One that the system kills, most often for want of memory,
cannot: its log has a beginning and no end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from neuronxa.machine import control_groups

#: First and last words of a job in its log.
STARTED, FINISHED, FAILED = "started", "finished", "failed"
#: How a job tells its memory in its log.
MEMORY = "memory: {:.1f} GB at most so far"

_ENDS = re.compile(rf" (INFO {FINISHED}|ERROR {FAILED})$", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last):\n"
#: What a traceback ends with: the error, and its message to the end of the log.
_TOLD = re.compile(r"^([\w.]+)(?:: (.*))?\Z", re.MULTILINE | re.DOTALL)
_MEMORY = re.compile(re.escape(MEMORY).replace(re.escape("{:.1f}"), r"([0-9.]+)"))


@dataclass(frozen=True)
class Killed:
    """A job that was killed.

    Attributes
    ----------
    job
        Its log, below the folder of logs, without ending: rule and wildcards.
    log
        The log.
    memory_gb
        The most memory that it has told of; None if it has not.
    """

    job: str
    log: Path
    memory_gb: float | None


@dataclass(frozen=True)
class Failed:
    """A job that has failed.

    Attributes
    ----------
    log
        Its log.
    told
        What stopped it: a message for readers, or the error with its name.
    """

    log: Path
    told: str

    def __str__(self) -> str:
        return f"Error: {self.told}\n  Log: {self.log}"


def failed_jobs(logs: Path, *, since: float) -> Iterator[Failed]:
    """Jobs whose log ends with a failure.

    Parameters
    ----------
    logs
        Folder of logs.
    since
        Only logs that were written after this time, in seconds since the epoch.
    """
    for path, text in _logs(logs, since):
        if f" ERROR {FAILED}\n" in text:
            yield Failed(path, _error_of(text.rpartition(_TRACEBACK)[2].rstrip()))


def _error_of(traceback: str) -> str:
    """The error that a traceback ends with: its message alone where that is for readers."""
    found = _TOLD.search(traceback)
    if found is None:
        return "the job has failed"
    kind, message = found[1], found[2] or ""
    if kind.startswith("neuronxa.errors."):
        return message
    name = kind.rpartition(".")[2]
    return f"{name}: {message}" if message else name


def killed_jobs(logs: Path, *, since: float) -> Iterator[Killed]:
    """Jobs whose log has a beginning and no end.

    Parameters
    ----------
    logs
        Folder of logs.
    since
        Only logs that were written after this time, in seconds since the epoch.
    """
    for path, text in _logs(logs, since):
        if f" INFO {STARTED}\n" in text and not _ENDS.search(text):
            told = _MEMORY.findall(text)
            name = str(path.relative_to(logs).with_suffix(""))
            yield Killed(name, path, float(told[-1]) if told else None)


def _logs(logs: Path, since: float) -> Iterator[tuple[Path, str]]:
    for path in sorted(logs.rglob("*.log")):
        if path.stat().st_mtime >= since:
            yield path, path.read_text(encoding="utf-8", errors="replace")


def tell_killed(killed: Killed, *, for_memory: bool) -> str:
    """Say that a job was killed, why as far as is known, and what to do.

    Parameters
    ----------
    killed
        The job.
    for_memory
        Whether the system has killed a process for want of memory in the meantime.
    """
    machine = _machine_gb()
    used = "Its use of memory is not known."
    if killed.memory_gb:
        used = f"It used at least {killed.memory_gb:.1f} GB of {machine:.1f} GB."
    why = (
        "The system has killed a process for want of memory meanwhile."
        if for_memory
        else "Most often that is the system for want of memory, or a scheduler at a limit."
    )
    return (
        f"Error: the job {killed.job} was killed from outside. {used} {why}\n"
        "  Hint: nothing that was committed is lost; run the same command again, with more memory, "
        "fewer jobs at a time (--cores), or a smaller 'extraction.token_budget' or "
        "'alignment.memory_gb'\n"
        f"  Log: {killed.log}"
    )


def _machine_gb() -> float:
    """Memory that jobs can have here: the machine's, or what its control groups allow."""
    machine = int(psutil.virtual_memory().total)
    return min(machine, control_groups.limit() or machine) / 1e9
