"""A GPU of one's own: real processes, and a driver that is made up."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from neuronxa.machine.gpus import VISIBLE, own_gpus, visible_gpus


@pytest.fixture
def locks(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_gpus_are_those_that_cuda_may_use(monkeypatch, tmp_path):
    monkeypatch.setenv(VISIBLE, "2, GPU-8f,")
    assert visible_gpus() == ["2", "GPU-8f"]
    monkeypatch.setenv(VISIBLE, "")
    assert visible_gpus() == []
    monkeypatch.delenv(VISIBLE)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == []
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 0\necho 1\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert visible_gpus() == ["0", "1"]
    driver.write_text("#!/bin/sh\necho no driver\nexit 9\n")
    assert visible_gpus() == []


@pytest.mark.parametrize(("count", "told"), [(0, "0,1"), (1, "3"), (2, "0,1"), (1, "")])
def test_what_leaves_no_choice_stays(locks, monkeypatch, count, told):
    monkeypatch.setenv(VISIBLE, told)
    with own_gpus(count):
        assert os.environ[VISIBLE] == told
    assert not list(locks.iterdir())


def test_a_gpu_that_is_held_is_passed_over_and_given_back(locks, monkeypatch):
    monkeypatch.setenv(VISIBLE, "0,1,2")
    with own_gpus(1):
        assert os.environ[VISIBLE] == "0"
        monkeypatch.setenv(VISIBLE, "0,1,2")
        with own_gpus(2):
            assert os.environ[VISIBLE] == "1,2"
        assert os.environ[VISIBLE] == "0,1,2"
    monkeypatch.setenv(VISIBLE, "0,1,2")
    with own_gpus(1):
        assert os.environ[VISIBLE] == "0"


JOB = """
import os, sys, time
from pathlib import Path
from neuronxa.machine.gpus import own_gpus
with own_gpus(1):
    mine = Path(sys.argv[1], os.environ["CUDA_VISIBLE_DEVICES"])
    mine.mkdir()  # fails where another job holds the same GPU
    time.sleep(0.2)
    mine.rmdir()
    print(mine.name)
"""


def test_jobs_at_the_same_time_never_share_a_gpu(tmp_path, repository):
    environment = {
        **os.environ,
        VISIBLE: "0,1",
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(repository / "workflow"),
    }
    held = tmp_path / "held"
    held.mkdir()

    def run(_):
        command = [sys.executable, "-c", JOB, str(held)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(run, range(4))) <= {"0", "1"}
