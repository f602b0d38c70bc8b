"""The tiny workflow on a real Slurm, through the profile that users are given.

``make test-slurm`` runs it; it needs root, Slurm and munge, and takes some minutes.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress

import psutil
import pytest

from ..torture.runs import default_sheets, plain_snakemake
from ..workflow.conftest import write_config
from ..workflow.project import digests, make_project
from .cluster import NODES, Cluster, missing

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(missing()), reason=missing() or "there is Slurm"),
]

#: What a laptop changes of the profile: jobs at a time, and how soon they are looked at.
HERE = ["--jobs", "4", "--slurm-init-seconds-before-status-checks", "3"]
#: A first attempt that hangs meets its limit, in minutes; Slurm looks every half minute.
LIMIT = "extract_activations:runtime=3 + 10 * (attempt - 1)"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    one = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        one.start()
        yield one
    finally:
        one.stop()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The tiny project; on devices that may be a GPU, so that its jobs ask for one."""
    folder = tmp_path_factory.mktemp("project")
    config = make_project(folder, default_sheets())
    config["extraction"]["device"] = "auto"
    write_config(folder, config)
    return folder


def slurm(repository, *options):
    profile = repository / "workflow/profiles/slurm"
    return plain_snakemake("--workflow-profile", str(profile), *HERE, *options)


@pytest.fixture(scope="module")
def local(project):
    """What a run on this machine ends with, and how many seconds it takes."""
    start = time.monotonic()
    subprocess.run(plain_snakemake("--cores", "2"), cwd=project, check=True)
    seconds = time.monotonic() - start
    found = digests(project)
    forget(project)
    return found, seconds


def forget(project):
    for name in ("results", "resources", ".snakemake"):
        shutil.rmtree(project / name)


def same(found, expected):
    """Names that differ: a message that can be read."""
    return sorted(
        name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
    )


def test_the_results_are_those_of_a_local_run(cluster, project, repository, local):
    expected, seconds = local
    start = time.monotonic()
    subprocess.run(slurm(repository), cwd=project, env=cluster.environment, check=True)
    ratio = (time.monotonic() - start) / seconds
    states = Counter(cluster.states())
    print(f"\nSlurm: {dict(states)}, {ratio:.2f} times the {seconds:.0f} s of the local run")
    assert set(states) == {"COMPLETED"}
    assert states["COMPLETED"] > 10
    assert same(digests(project), expected) == []
    again = subprocess.run(
        slurm(repository),
        cwd=project,
        env=cluster.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Nothing to be done" in again.stdout + again.stderr
    forget(project)


def extracting(cluster, node):
    """The job on a node that extracts, once it has begun to fill a store."""
    for process in cluster.on_node(node):
        with suppress(psutil.Error):
            if process.cmdline()[-1].endswith("extract_activations.py"):
                return process
    return None


def stop_when_begun(cluster, project, run):
    """Stop the extractions of both nodes once a store has a record; the node that fills it."""
    stopped = {}
    while set(stopped) != set(NODES):
        assert run.poll() is None
        found = {node: extracting(cluster, node) for node in NODES if node not in stopped}
        if stopped or list(project.glob("results/activations/*/*/*/*/record.json")):
            for node, process in found.items():
                if process is not None:
                    process.send_signal(signal.SIGSTOP)
                    stopped[node] = process
        time.sleep(0.02)
    record = next(project.glob("results/activations/*/*/*/*/record.json"))
    return cluster.node_of(record.relative_to(project).parts[2])


def test_a_run_survives_a_node_a_limit_and_the_controller(cluster, project, repository, local):
    expected, _ = local
    before = Counter(cluster.states())
    run = subprocess.Popen(
        slurm(repository, "--set-resources", LIMIT), cwd=project, env=cluster.environment
    )
    try:
        # each node has one GPU, so each extracts one model; the one that is not killed hangs
        lost = stop_when_begun(cluster, project, run)
        assert not list(project.glob("results/activations/*/*/*/shard.*.json"))
        killed = cluster.kill_node(lost)
        cluster.wait_for({lost: "down*"}, seconds=120)
        cluster.kill_controller()
        time.sleep(5)
        cluster.start_controller()
        cluster.start_node(lost)
        assert run.wait(timeout=1500) == 0
    finally:
        if run.poll() is None:
            run.kill()
    states = Counter(cluster.states())
    print(f"\nSlurm: {killed} processes of a node killed; {dict(states - before)}")
    assert states["NODE_FAIL"] >= 1
    assert states["TIMEOUT"] >= 1
    assert same(digests(project), expected) == []
