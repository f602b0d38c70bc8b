"""Tidy tables on disk, as Parquet files that are whole or not there."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pandas as pd

from neuronxa.errors import StoreError
from neuronxa.files import atomic_write_bytes
from neuronxa.provenance import remake


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame atomically; the same frame gives the same bytes."""
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False)
    atomic_write_bytes(path, buffer.getvalue())


def read_frame(path: Path) -> pd.DataFrame:
    """Read a frame.

    Raises
    ------
    StoreError
        The file is missing or damaged.
    """
    try:
        return pd.read_parquet(path)
    except Exception as error:  # damaged bytes fail wherever they lead the reader to
        raise StoreError(
            f"the table cannot be read ({type(error).__name__})",
            where=str(path),
            remedy=f"run: {remake(Path(path))}",
        ) from None


def read_frames(paths: list[Path]) -> pd.DataFrame:
    """Read tables with the same columns, one under the other.

    Raises
    ------
    StoreError
        There is none, or one of them is missing or damaged.
    """
    if not paths:
        raise StoreError("there is no table to read")
    return pd.concat([read_frame(path) for path in paths], ignore_index=True)
