"""A run whose results follow to a bucket, on a real S3 server: machines die, others go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import obstore
import psutil
import pytest
import xarray as xr
from obstore.store import from_url
from zarr.storage import ObjectStore

from neuronxa.bucket.bucket import Bucket

from ..s3 import s3_server
from ..torture.runs import (
    committed,
    contents,
    default_sheets,
    environment,
    finish,
    launch,
    snakemake,
)
from .conftest import write_config
from .project import LANGUAGES, make_project

pytestmark = pytest.mark.workflow

TARGET = "results/tables/tiny-llama/toy/default/measures.csv"
STORE = "results/activations/tiny-llama/toy/default/deu_Latn/store.zarr"


@pytest.fixture(scope="module")
def url():
    with s3_server() as server:
        yield f"{server}/runs/one"


def command(url, *options):
    run = [sys.executable, "-m", "neuronxa", "run", "--bucket", url, "--every", "0.2", *options]
    return [*run, "--", *snakemake(TARGET)]


def followers(folder):
    found = []
    for process in psutil.process_iter():
        try:
            if "follow" in process.cmdline() and process.cwd() == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def die(folder, process):
    """What a lost node does: everything on it ends at once, and its disk is gone."""
    for follower in followers(folder):
        follower.kill()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def without_locks(folder):
    """What a run has left; a folder that was fetched whole was never locked."""
    return {path: one for path, one in contents(folder).items() if not path.endswith(".lock")}


def wait_for(process, what):
    while not what():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)


def test_another_machine_goes_on_and_ends_with_the_same_bytes(tmp_path, url):
    # paths of the project are part of no result: all machines see the same sheets
    project = tmp_path / "project"
    config = make_project(project, default_sheets())
    config |= {"models": ["tiny-llama"], "languages": LANGUAGES[:4], "tasks": []}
    sheets = dict(config["sheets"])
    for kind in ("models", "corpora", "tasks"):
        sheets[kind] = str(project / f"{kind}.tsv")
    alone, first, second, third = (tmp_path / n for n in ("alone", "first", "second", "third"))
    for folder in (alone, first, second, third):
        folder.mkdir()
        write_config(folder, {**config, "sheets": sheets})
    finish(alone, TARGET)

    process = launch(first, command(url))
    wait_for(process, lambda: list(Bucket(url)._read().files).count(f"{STORE}/nas_gate/zarr.json"))
    die(first, process)

    refused = subprocess.run(
        command(url), cwd=second, env=environment(), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "another run writes there: process" in refused.stderr
    assert "--take-over" in refused.stderr

    process = launch(second, command(url, "--take-over"))
    done = "results/alignment/tiny-llama/toy/default/manifest.json"
    wait_for(process, lambda: done in Bucket(url)._read().files)
    die(second, process)

    fetched = Bucket(url)._read().files
    outcome = subprocess.run(
        command(url, "--take-over"),
        cwd=third,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr[-5000:]
    expected = without_locks(alone)
    assert without_locks(third) == expected

    # what was committed on the lost machines was not computed again: it has their times
    chunks = {str(path.relative_to(third)): path for path in committed(third)}
    kept = [path for path in chunks if path in fetched]
    assert len(kept) > 20
    assert all(chunks[path].stat().st_mtime_ns == fetched[path].mtime_ns for path in kept)

    while followers(third):
        time.sleep(0.1)
    index = Bucket(url)._read()
    assert index.active is False
    held = {path.removeprefix("results/"): entry.sha256 for path, entry in index.files.items()}
    assert {path: held[path] for path in expected} == expected

    # and a reader needs no copy
    there = xr.open_zarr(
        ObjectStore(from_url(f"{url}/{STORE}"), read_only=True), consolidated=False
    )
    xr.testing.assert_identical(
        there.load(), xr.open_zarr(alone / STORE, consolidated=False).load()
    )
    assert b"planted-secret" not in bytes(obstore.get(from_url(url), "index.json").bytes())
    for path in third.rglob("*"):
        if path.is_file():
            assert b"planted-secret" not in path.read_bytes()
