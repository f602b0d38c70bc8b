"""A run on a disk that fills up, in short; `make torture` has all stages."""

from __future__ import annotations

import pytest

from ..torture.disk import torture
from ..torture.small_disk import cannot_mount

pytestmark = pytest.mark.workflow


def test_a_run_whose_disk_fills_up_goes_on_and_ends_with_the_same_bytes(tmp_path):
    reason = cannot_mount(tmp_path / "disk")
    if reason:
        pytest.skip(reason)
    report = torture(tmp_path / "disk", short=True)
    assert report.failed == []
    assert report.full == 2
