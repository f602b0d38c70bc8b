"""Short tortures of real runs; `make torture` has the long ones."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from neuronxa.upkeep.owner import workers

from ..torture.kills import torture
from ..torture.runs import default_sheets, finish, launch, snakemake, start, unlock
from ..torture.small_memory import cannot_limit, small_memory, within
from ..torture.twice import twice
from .project import make_project

pytestmark = pytest.mark.workflow

SNAPSHOT = "resources/models/tiny-llama/model.json"
ALIGNMENT = "results/alignment/tiny-llama/toy/default/manifest.json"


@pytest.fixture
def folder(tmp_path):
    make_project(tmp_path, default_sheets())
    return tmp_path


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path):
    ways = [(signal.SIGKILL, True), (signal.SIGKILL, False), (signal.SIGTERM, True)]
    outcome = torture(
        tmp_path, kills=3, seed=1, ways=ways, events=("a commit",), targets=[ALIGNMENT]
    )
    assert sum(outcome.kills.values()) == 3
    assert outcome.runs >= 1
    assert outcome.kept > 0


def test_of_two_runs_at_once_one_is_refused(tmp_path):
    runs = twice(tmp_path, ways=("make run",), targets=[SNAPSHOT])["make run"]
    assert sorted(status for status, _ in runs) == [0, 1]
    (refused,) = (screen for status, screen in runs if status)
    assert "the workflow is running in this folder: process " in refused
    assert "since 2" in refused
    assert "Traceback" not in refused


def test_a_run_of_plain_snakemake_keeps_its_lock(folder):
    first = launch(folder, snakemake(SNAPSHOT))
    while not list((folder / ".snakemake" / "locks").glob("*.lock")):
        assert first.poll() is None
    second = unlock(folder)
    assert second.returncode == 1
    assert f"running in this folder: a run of Snakemake, process {first.pid}" in second.stderr
    assert first.wait() == 0
    assert "Nothing to be done" in finish(folder, SNAPSHOT)


def test_a_job_that_is_killed_says_so_and_the_run_goes_on(folder):
    process = start(folder, SNAPSHOT, output=subprocess.PIPE)
    log = folder / "results/logs/snapshot_model/tiny-llama.log"
    while not (log.is_file() and "started" in log.read_text("utf-8")):
        assert process.poll() is None
        time.sleep(0.02)
    (job,) = [worker for worker in workers(folder) if "snapshot_model" in worker.what]
    os.kill(job.pid, signal.SIGKILL)
    _, shown = process.communicate()
    assert process.returncode == 1
    assert "the job snapshot_model/tiny-llama was killed from outside" in shown
    assert "run the same command again" in shown
    finish(folder, SNAPSHOT)


@pytest.mark.skipif(bool(cannot_limit()), reason=cannot_limit())
def test_a_job_that_the_system_kills_for_memory_says_so(folder):
    with small_memory(325_000_000) as group:  # enough for the run, not for a job beside it
        process = launch(folder, within(group, snakemake(SNAPSHOT)), output=subprocess.PIPE)
        _, shown = process.communicate()
    assert process.returncode == 1
    assert "the job snapshot_model/tiny-llama was killed from outside" in shown
    # how much it used is told only if it lived long enough to say so
    assert "The system has killed a process for want of memory" in shown
    finish(folder, SNAPSHOT)
