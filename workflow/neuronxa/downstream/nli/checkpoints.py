"""Checkpoints that are known to be whole.

Trainer writes the files of a checkpoint one after another. A seal, written last and atomically,
names the digest of each; a checkpoint without a fitting seal is thrown away, and the one before
serves.
"""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

from neuronxa.files import atomic_write_text, digest
from neuronxa.stores.journal import read_json

logger = logging.getLogger(__name__)

SEAL = "seal.json"
NAME = "checkpoint-"


def seal(folder: Path) -> None:
    """Name the digest of every file of a checkpoint that has just been written."""
    atomic_write_text(folder / SEAL, json.dumps(_digests(folder), indent=1) + "\n")


def latest(folder: Path) -> Path | None:
    """The last whole checkpoint; damaged ones after it are deleted.

    Parameters
    ----------
    folder
        Folder of all checkpoints; need not be there.
    """
    found = sorted(folder.glob(f"{NAME}*"), key=lambda path: int(path.name.removeprefix(NAME)))
    for path in reversed(found):
        if read_json(path / SEAL) == _digests(path):
            return path
        logger.warning("%s is not whole; the checkpoint before it is taken", path.name)
        shutil.rmtree(path)
    return None


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SEAL)
    return {str(path.relative_to(folder)): digest(path) for path in files}
