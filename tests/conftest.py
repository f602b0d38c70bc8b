"""What all tests share: small random models of true architectures, and the two real ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

# one BLAS thread each: small problems, and the same numbers however many cores there are
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY
