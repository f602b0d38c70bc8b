"""Stores that are filled together and published one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from neuronxa.stores.journal import Journal
from neuronxa.stores.lock import LOCK, writing


def publish_one(
    journal: Callable[[], Journal], stores: Iterable[Path], fill: Callable[[], None]
) -> Path:
    """Publish one of the stores that a shard fills; whoever comes first fills all that is pending.

    Parameters
    ----------
    journal
        Reads the journal of the store that is asked for.
    stores
        Folders of all stores that are filled together; their locks are held meanwhile.
    fill
        Fills the pending ones, the one that is asked for among them.

    Returns
    -------
    Path
        The manifest.
    """
    if not journal().complete:
        with writing(*(store / LOCK for store in stores)):
            # another process may have filled it while this one waited
            if not journal().complete:
                fill()
    return journal().publish()
