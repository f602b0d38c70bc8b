"""One writer per folder, held by an operating-system lock that dies with its owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; waits while another living process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield


@contextmanager
def claimed(paths: Iterable[Path]) -> Iterator[bool]:
    """Hold all of these lock files, or none: does not wait, and says whether they are held."""
    with ExitStack() as held:
        try:
            for path in sorted(paths):
                held.enter_context(FileLock(path, timeout=0))
        except Timeout:
            held.close()
            yield False
            return
        yield True
