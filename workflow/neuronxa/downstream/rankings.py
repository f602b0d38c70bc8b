"""The stored rankings of one language, from which every statistic of a probe follows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from neuronxa.downstream.answers import BLOCKS
from neuronxa.errors import StoreError
from neuronxa.files import digest
from neuronxa.frames import read_frames
from neuronxa.provenance import remake
from neuronxa.stores.journal import MANIFEST, read_manifest


def read_rankings(folder: Path) -> pd.DataFrame:
    """The rankings of one language, every block checked against its digest in the manifest.

    Raises
    ------
    StoreError
        Not published, missing or damaged.
    """
    parts = read_manifest(folder)["parts"]
    paths = [folder / BLOCKS / name for name in sorted(parts)]
    for path in paths:
        if not path.is_file() or digest(path) != parts[path.name][path.name][0]:
            raise StoreError(
                "the rankings are missing or damaged",
                where=str(path),
                remedy=f"run: {remake(folder / MANIFEST, delete=folder)}",
            )
    return read_frames(paths)
