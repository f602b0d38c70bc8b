"""The stored rankings of one language, from which every statistic of a probe follows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from neuronxa.downstream.answers import TABLE
from neuronxa.errors import StoreError
from neuronxa.files import digest
from neuronxa.frames import read_frame
from neuronxa.stores.journal import read_manifest


def read_rankings(folder: Path) -> pd.DataFrame:
    """The rankings of one language, checked against the digest in its manifest.

    Raises
    ------
    StoreError
        Not published, missing or damaged.
    """
    manifest = read_manifest(folder)
    path = folder / TABLE
    if not path.is_file() or digest(path) != manifest["parts"][TABLE][TABLE][0]:
        raise StoreError(
            "the rankings are missing or damaged",
            where=str(path),
            remedy=f"delete {folder} and run the workflow again",
        )
    return read_frame(path)
