"""Jobs that were killed from outside: they end without a word, so others must speak for them.

A job that fails writes so to its log. One that the system kills, most often for want of memory,
cannot: its log has a beginning and no end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: First and last words of a job in its log.
STARTED, FINISHED, FAILED = "started", "finished", "failed"
#: How a job tells its memory in its log.
MEMORY = "memory: {:.1f} GB at most so far"

_ENDS = re.compile(rf" (INFO {FINISHED}|ERROR {FAILED})$", re.MULTILINE)
_MEMORY = re.compile(re.escape(MEMORY).replace(re.escape("{:.1f}"), r"([0-9.]+)"))
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
#: Where Linux counts the processes that it kills for want of memory.
_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


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


def memory_kills() -> int:
    """How many processes the system has killed for want of memory; 0 where it does not count."""
    counts = [0]
    for path in _COUNTERS:
        try:
            counts += map(int, _KILLS.findall(path.read_text()))
        except OSError:
            continue
    return max(counts)


def killed_jobs(logs: Path, *, since: float) -> Iterator[Killed]:
    """Jobs whose log has a beginning and no end.

    Parameters
    ----------
    logs
        Folder of logs.
    since
        Only logs that were written after this time, in seconds since the epoch.
    """
    for path in sorted(logs.rglob("*.log")):
        if path.stat().st_mtime < since:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if f" INFO {STARTED}\n" in text and not _ENDS.search(text):
            told = _MEMORY.findall(text)
            name = str(path.relative_to(logs).with_suffix(""))
            yield Killed(name, path, float(told[-1]) if told else None)


def tell(killed: Killed, *, for_memory: bool) -> str:
    """Say that a job was killed, why as far as is known, and what to do.

    Parameters
    ----------
    killed
        The job.
    for_memory
        Whether the system has killed a process for want of memory in the meantime.
    """
    import psutil

    machine = psutil.virtual_memory().total / 1e9
    used = f"It used at least {killed.memory_gb:.1f} GB" if killed.memory_gb else "Its use of "
    used += f" of {machine:.1f} GB. " if killed.memory_gb else "memory is not known. "
    why = (
        "The system has killed a process for want of memory meanwhile. "
        if for_memory
        else "Most often that is the system for want of memory, or a scheduler at a limit. "
    )
    return (
        f"Error: the job {killed.job} was killed from outside. {used}{why}\n"
        "  Hint: nothing that was committed is lost; run the same command again, with more memory, "
        "fewer jobs at a time (--cores), or a smaller 'extraction.token_budget' or "
        "'alignment.memory_gb'\n"
        f"  Log: {killed.log}"
    )
