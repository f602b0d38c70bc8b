"""One writer per store, held by an operating-system lock that dies with its owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

#: Name of the lock file in the folder of a store.
LOCK = ".lock"


@contextmanager
def writing(*paths: Path) -> Iterator[None]:
    """Hold lock files; waits while another living process holds one of them."""
    with ExitStack() as held:
        for path in sorted(paths):  # always in one order, so that no two wait for each other
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(path))
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
