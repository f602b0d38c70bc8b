"""A short torture: a few kills of a real run; `make torture` makes many more."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from neuronxa.owner import workers

from ..torture.kills import torture
from ..torture.runs import default_sheets, finish, start, unlock
from .project import make_project

pytestmark = pytest.mark.workflow


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path):
    ways = [(signal.SIGKILL, True), (signal.SIGKILL, False), (signal.SIGTERM, True)]
    outcome = torture(tmp_path, kills=3, seed=1, ways=ways)
    assert sum(outcome.kills.values()) == 3
    assert outcome.runs >= 1


def test_a_second_run_in_the_same_folder_is_refused_and_harms_nothing(tmp_path):
    make_project(tmp_path, default_sheets())
    target = "results/alignment/tiny-llama/toy/default/manifest.json"
    first = start(tmp_path, target)
    while not list((tmp_path / ".snakemake" / "locks").glob("*.lock")):
        assert first.poll() is None
    second = unlock(tmp_path)
    assert second.returncode == 1
    assert f"the workflow is running in this folder: a run of Snakemake, process {first.pid}" in (
        second.stderr
    )
    assert "Traceback" not in second.stderr
    assert first.wait() == 0
    assert "Nothing to be done" in finish(tmp_path, target)


def test_a_job_that_is_killed_says_so_and_the_run_goes_on(tmp_path):
    make_project(tmp_path, default_sheets())
    target = "results/alignment/tiny-llama/toy/default/manifest.json"
    process = start(tmp_path, target, output=subprocess.PIPE)
    log = tmp_path / "results/logs/align_languages/tiny-llama/toy/default.log"
    while not (log.is_file() and "started" in log.read_text("utf-8")):
        assert process.poll() is None
        time.sleep(0.02)
    (job,) = [worker for worker in workers(tmp_path) if "align_languages" in worker.what]
    os.kill(job.pid, signal.SIGKILL)
    _, shown = process.communicate()
    assert process.returncode
    assert "the job align_languages/tiny-llama/toy/default was killed from outside" in shown
    assert "run the same command again" in shown
    finish(tmp_path, target)
