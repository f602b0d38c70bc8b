"""How jobs have ended: what stopped one that failed; one that was killed cannot speak."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys

import pytest

from neuronxa.errors import CorpusError
from neuronxa.jobs.endings import failed_jobs, killed_jobs, tell_killed
from neuronxa.jobs.job import job

from .given import given

JOB = """
import os, signal, sys, time
from neuronxa.jobs import job as jobs
from tests.unit.given import given
jobs.MEMORY_EVERY = 0.05
with jobs.job(given(sys.argv[1])):
    kept = bytearray(300_000_000)
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_job_is_found_with_the_memory_that_it_told_of(tmp_path, repository):
    log = tmp_path / "logs" / "align_languages" / "m" / "c.log"
    environment = {**os.environ, "PYTHONPATH": f"{repository / 'workflow'}{os.pathsep}{repository}"}
    done = subprocess.run([sys.executable, "-c", JOB, str(log)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    (killed,) = killed_jobs(tmp_path / "logs", since=0)
    assert killed.job == "align_languages/m/c"
    assert 0.3 <= killed.memory_gb < 1
    told = tell_killed(killed, for_memory=True)
    assert "the job align_languages/m/c was killed from outside" in told
    assert f"It used at least {killed.memory_gb:.1f} GB of" in told
    assert "killed a process for want of memory" in told
    assert str(log) in told
    assert not list(killed_jobs(tmp_path / "logs", since=log.stat().st_mtime + 1))


def test_jobs_that_end_by_themselves_are_not_killed(tmp_path):
    with job(given(tmp_path / "good.log")):
        logging.getLogger("x").info("at work")
    with pytest.raises(ValueError, match="no"), job(given(tmp_path / "bad.log")):
        raise ValueError("no")
    assert not list(killed_jobs(tmp_path, since=0))
    (failed,) = failed_jobs(tmp_path, since=0)
    assert str(failed) == f"Error: ValueError: no\n  Log: {tmp_path / 'bad.log'}"
    assert not list(failed_jobs(tmp_path, since=(tmp_path / "bad.log").stat().st_mtime + 1))


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("distributed.scheduler.KilledWorker: 4 of them\nWorkerError: in words", None),
        ("pyarrow.lib.ArrowInvalid: no", "ArrowInvalid: no"),
        ("AssertionError", "AssertionError"),
        ("an error that is no class", "the job has failed"),
    ],
)
def test_every_error_has_an_end(tmp_path, told, shown):
    first = "Traceback (most recent call last):\n  x\nKeyError: 'first'\n\nDuring handling\n\n"
    last = f"Traceback (most recent call last):\n  File x\n    at\n{told}\n"
    (tmp_path / "a.log").write_text(f"now ERROR failed\n{first}{last}", "utf-8")
    (failed,) = failed_jobs(tmp_path, since=0)
    assert failed.told == (shown or "KilledWorker: 4 of them\nWorkerError: in words")


def test_what_stopped_a_job_is_the_message_that_it_has_shown(tmp_path, capsys):
    fault = CorpusError("two words: 7 lines", where="a.txt", allowed=["one"], remedy="mend it")
    with pytest.raises(SystemExit), job(given(tmp_path / "bad.log")):
        try:
            raise KeyError("first")
        except KeyError:
            raise fault  # noqa: B904
    (failed,) = failed_jobs(tmp_path, since=0)
    assert failed.told == "a.txt: two words: 7 lines\n  Allowed: one\n  Hint: mend it"
    assert capsys.readouterr().err == f"\n{failed}\n\n"
