"""Deleting what is stale, and never what a living process holds."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from neuronxa.errors import StoreError
from neuronxa.inventory import Item
from neuronxa.stores.journal import MANIFEST, RECORD
from neuronxa.stores.lock import claimed

LOCK = ".lock"


def delete(item: Item, *, within: Path) -> bool:
    """Delete one item, unless a living process holds it.

    Parameters
    ----------
    item
        What `neuronxa.inventory` calls stale.
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
        return held


def refuse_running(root: Path = Path()) -> None:
    """Refuse to delete while a run is at work in a folder.

    Snakemake's lock counts: not everything that a run writes has a lock of its own.

    Raises
    ------
    StoreError
        There is such a lock.
    """
    locks = root / ".snakemake/locks"
    if locks.is_dir() and any(locks.iterdir()):
        raise StoreError(
            "a run is at work here, or was killed",
            where=str(root.absolute()),
            remedy="let it end; after a kill run `snakemake --unlock`",
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
