"""Deleting what is stale, and never what a living process holds."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from neuronxa.errors import StoreError
from neuronxa.provenance import forget
from neuronxa.stores.journal import MANIFEST, RECORD
from neuronxa.stores.lock import claimed
from neuronxa.upkeep.inventory import Item
from neuronxa.upkeep.owner import workers

LOCK = ".lock"


def delete(item: Item, *, within: Path) -> bool:
    """Delete one item, unless a living process holds it.

    Parameters
    ----------
    item
        What `neuronxa.upkeep.inventory` calls stale.
    within
        Folder whose locks count: ``results`` or ``resources``.

    Returns
    -------
    bool
        False where a living process holds the store, or one beside it with the same model load.
    """
    above = [folder / LOCK for folder in item.path.parents if within in folder.parents]
    locks = {path for path in above if path.is_file()}
    if item.path.is_dir():
        locks |= set(item.path.rglob(LOCK))
    with claimed(locks) as held:
        if held:
            _delete(item.path)
            forget(item.path)
        return held


def refuse_running(root: Path = Path()) -> None:
    """Refuse to delete while a run is at work in a folder, or may be.

    Snakemake's lock counts: not everything that a run writes has a lock of its own.

    Raises
    ------
    StoreError
        Somebody works there, or there is such a lock.
    """
    at_work = workers(root)
    locks = root / ".snakemake/locks"
    if at_work or (locks.is_dir() and any(locks.iterdir())):
        who = f": {at_work[0]}" if at_work else ", or was killed"
        raise StoreError(
            f"a run is at work here{who}",
            where=str(root.absolute()),
            remedy="let it end; after a kill run `python -m neuronxa unlock`",
        )


def total(items: Iterable[Item]) -> int:
    """Bytes of several items."""
    return sum(item.size for item in items)


def _delete(path: Path) -> None:
    """A manifest goes first: none may stand beside a store that is half gone."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for name in (MANIFEST, RECORD):
        for one in path.rglob(name):
            one.unlink(missing_ok=True)
    shutil.rmtree(path)
