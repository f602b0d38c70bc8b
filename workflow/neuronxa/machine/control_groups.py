"""The memory that the control groups of Linux leave to this process.

Schedulers and containers set limits there. Groups lie in one another, each may have a limit, and
the least room counts. Both versions of the interface are read; where there is neither, nothing is
limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
#: Which groups a process is in.
MEMBERSHIP = Path("/proc/self/cgroup")
#: What the whole machine counts.
MACHINE = Path("/proc/vmstat")

#: Files of a group in version 2 and 1: limit, use, and the line of memory.stat that tells how many
#: bytes are copies of files, which are given back when memory is asked for.
_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
#: Version 1 writes "no limit" as the largest number there is.
_NO_LIMIT = 2**62
#: Where a group counts the processes that were killed for want of memory.
_COUNTERS = ("memory.events", "memory.oom_control")
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def room() -> int | None:
    """Bytes that this process may still take in its groups; None where there is no limit."""
    return min((max(0, most - used) for most, used in _limits()), default=None)


def limit() -> int | None:
    """Bytes that the narrowest group of this process may hold; None where there is no limit."""
    return min((most for most, _ in _limits()), default=None)


def memory_kills() -> int:
    """How many kills for want of memory are counted, by this machine and the groups.

    One kill may be counted in several places: only whether the number has risen has a meaning.
    """
    found = 0
    for path in (MACHINE, *(group / name for group in _groups() for name in _COUNTERS)):
        try:
            found += sum(map(int, _KILLS.findall(path.read_text())))
        except OSError:
            continue
    return found


def _limits() -> Iterator[tuple[int, int]]:
    """Limit and use of every group of this process that has a limit, in bytes."""
    for group in _groups():
        for limit_file, use_file, kept in _FILES:
            try:
                most = int((group / limit_file).read_text())
                used = int((group / use_file).read_text())
                lines = (group / "memory.stat").read_text().splitlines()
            except (OSError, ValueError):  # not there, or the word "max"
                continue
            if most >= _NO_LIMIT:
                continue
            files = sum(int(line.split()[1]) for line in lines if line.startswith(f"{kept} "))
            yield most, used - files


def _groups() -> Iterator[Path]:
    """The folders of this process's groups, from its own to the outermost that can be seen."""
    try:
        memberships = MEMBERSHIP.read_text().splitlines()
    except OSError:
        return
    for line in memberships:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        roots = [ROOT / "memory"] if controllers else [ROOT, ROOT / "unified"]
        for root in roots:
            own = root / path.lstrip("/")
            # a container may see its own group as the root, and yet be told a longer path
            yield from (group for group in (own, *own.parents) if group.is_relative_to(root))
