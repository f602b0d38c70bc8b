"""What all tests share: small random models of true architectures, and the two real ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

REPOSITORY = Path(__file__).parents[1]

# one BLAS thread each: small problems, and the same numbers however many cores there are
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def snapshots(repository, tmp_path_factory):
    """Folder of each real snapshot: of an earlier `make run`, else made once for all processes."""
    from neuronxa.config import ModelRow
    from neuronxa.models.snapshot import make_snapshot
    from neuronxa.sheets import read_sheet

    from .snapshots.names import MODELS

    folder = repository / "resources" / "models"
    if not all((folder / model / "model.json").is_file() for model in MODELS):
        folder = tmp_path_factory.getbasetemp()
        if "PYTEST_XDIST_WORKER" in os.environ:
            folder = folder.parent
        folder /= "snapshots"
        rows = read_sheet(repository / "config" / "models.tsv", ModelRow, key="model")
        folder.mkdir(exist_ok=True)
        with FileLock(folder / ".lock"):
            for model in MODELS:
                if not (folder / model / "model.json").is_file():
                    make_snapshot(rows[model], folder / model)
    return {model: folder / model for model in MODELS}
