"""One writer per folder, held by an operating-system lock that dies with its owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; waits while another living process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield
