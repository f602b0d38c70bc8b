"""Locks are released only when nobody works in the folder: real processes, real folders."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from neuronxa.__main__ import main
from neuronxa.errors import NeuronXAError
from neuronxa.jobs.endings import STARTED
from neuronxa.upkeep.owner import note_owner, release, turn, workers

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


def test_the_turn_is_one_process_s_and_dies_with_it(folder, repository):
    hold = (
        "import sys, time\nfrom pathlib import Path\nfrom neuronxa.upkeep.owner import turn\n"
        "with turn(Path()):\n print('held', flush=True)\n time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", hold],
        cwd=folder,
        env={"PYTHONPATH": str(repository / "workflow")},
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(NeuronXAError, match=f"process {process.pid} on .*, since 2"), turn(folder):
        pass
    process.kill()
    process.wait()
    with turn(folder):
        pass


def test_a_program_that_a_process_becomes_keeps_the_turn(folder, repository):
    run = [sys.executable, "-m", "neuronxa", "run", "--"]
    environment = {**os.environ, "PYTHONPATH": str(repository / "workflow")}
    sleep = [sys.executable, "-c", "print('at work', flush=True); import time; time.sleep(60)"]
    first = subprocess.Popen([*run, *sleep], cwd=folder, env=environment, stdout=subprocess.PIPE)
    assert b"is released" in first.stdout.readline()
    assert not locked(folder)
    assert first.stdout.readline() == b"at work\n"
    second = subprocess.run(
        [*run, sys.executable, "-c", "print('never')"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (second.returncode, second.stdout) == (1, "")
    assert f"process {first.pid} on" in second.stderr
    assert "Traceback" not in second.stderr
    first.kill()
    first.wait()


def test_jobs_that_were_killed_with_their_run_are_named_at_the_next_start(folder):
    note_owner(folder)
    log = folder / "results" / "logs" / "align_languages" / "m.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"2026-01-01 INFO {STARTED}\n")
    told = []
    assert release(folder, tell=told.append)
    assert "the job align_languages/m was killed from outside" in told[1]


def test_a_turn_that_a_full_disk_does_not_take_is_one_message(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "write", full)
    assert main(["run", "--", "true"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"Error: {tmp_path}: ")
    assert "are free" in told
