"""Locks are released only when nobody works in the folder: real processes, real folders."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

import pytest

from neuronxa.errors import NeuronXAError
from neuronxa.owner import note_owner, release, workers

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def folder(tmp_path):
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("results/x\n")
    return tmp_path


@pytest.fixture
def start(folder):
    """Start a process in the folder that looks like Snakemake, or like one of its jobs."""
    started = []

    def of(name):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SLEEP)
        process = subprocess.Popen([sys.executable, str(path)], cwd=folder)
        started.append(process)
        while not any(worker.pid == process.pid for worker in workers(folder)):
            time.sleep(0.02)
        return process

    yield of
    for process in started:
        process.kill()
        process.wait()


def locked(folder):
    return any((folder / ".snakemake" / "locks").iterdir())


def test_a_lock_that_nobody_holds_is_released(folder):
    note_owner(folder)
    told = []
    assert release(folder, tell=told.append)
    assert not locked(folder)
    assert "nobody works in this folder" in told[0]
    assert not release(folder, tell=told.append)


def test_a_living_run_keeps_its_lock(folder, start):
    process = start("snakemake")
    with pytest.raises(NeuronXAError) as refused:
        release(folder)
    assert f"process {process.pid}, since" in str(refused.value)
    assert f"kill {process.pid}" in str(refused.value)
    assert locked(folder)
    process.kill()
    process.wait()
    assert release(folder)


def test_jobs_that_live_on_are_waited_for(folder, start):
    process = start(".snakemake/scripts/tmpab12.extract_activations.py")
    told = []
    waiting = threading.Thread(target=release, args=(folder,), kwargs={"tell": told.append})
    waiting.start()
    while not told:
        time.sleep(0.02)
    assert "the job extract_activations" in told[0]
    assert locked(folder)
    process.kill()
    process.wait()
    waiting.join(10)
    assert not locked(folder)


def test_a_run_elsewhere_is_not_taken_for_dead(folder):
    note = folder / ".snakemake" / "owner.json"
    note.write_text(json.dumps({"host": "another-machine", "pid": 1}))
    with pytest.raises(NeuronXAError, match="another-machine"):
        release(folder)
    assert locked(folder)


def test_a_run_in_another_folder_is_none_of_ours(folder, start, tmp_path_factory):
    start("snakemake")
    assert workers(tmp_path_factory.mktemp("other")) == []
