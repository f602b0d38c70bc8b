"""The comparison on a Dask cluster: the bytes that threads give, whoever dies meanwhile."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading

import psutil
import pytest

from neuronxa.alignment.budget import Budget
from neuronxa.alignment.engine import PROCESSES, engine
from neuronxa.alignment.products import ON_CPU
from neuronxa.alignment.reduction import reduce_alignment
from neuronxa.alignment.work import Recipe, Work
from neuronxa.errors import ConfigError, StoreError
from neuronxa.stores.activations import Activations

from .stores import filled_store
from .test_alignment import cut, reduction_of

LANGUAGES = ("eng_Latn", "deu_Latn", "rus_Cyrl", "jpn_Jpan", "swh_Latn", "hin_Deva")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    root = tmp_path_factory.mktemp("stores")
    for seed, code in enumerate(LANGUAGES):
        filled_store(root / code, seed=seed, sentences=12, neurons=40, hidden=16)
    return {code: root / code for code in LANGUAGES}


def files(folder):
    """Every file of a result; the record holds how much memory was foreseen, for fewer workers."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted((folder / "alignment.zarr").rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def by_threads(stores, tmp_path, monkeypatch):
    cut(monkeypatch, block=1, strip=2)
    reduce_alignment(reduction_of(stores), tmp_path / "threads", memory_gb=4, workers=2)
    return files(tmp_path / "threads")


def test_processes_give_the_bytes_of_threads(stores, by_threads, tmp_path):
    reduce_alignment(
        reduction_of(stores), tmp_path / "own", memory_gb=4, workers=2, scheduler=PROCESSES
    )
    assert files(tmp_path / "own") == by_threads


@pytest.fixture
def cluster():
    """A scheduler and two workers, as a user starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask = [sys.executable, "-m", "dask"]
    environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "50"}
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    port = address.rpartition(":")[2]
    host = ["--host", "127.0.0.1"]
    started = [
        subprocess.Popen([*dask, "scheduler", *host, "--port", port, "--no-dashboard"], **quiet)
    ]
    worker = [*dask, "worker", address, "--nthreads", "1", "--no-dashboard", *host]
    started += [subprocess.Popen(worker, **quiet) for _ in range(2)]
    yield address, started[1:]
    for process in reversed(started):
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


def test_workers_that_are_killed_cost_nothing(stores, by_threads, cluster, tmp_path):
    address, nannies = cluster
    ended, killed = threading.Event(), []

    def kill():
        """Kill a worker whenever there is one; its nanny starts another."""
        while not ended.wait(0.5) and len(killed) < 3:
            nanny = psutil.Process(nannies[len(killed) % 2].pid)
            for child in nanny.children(recursive=True):
                if "spawn_main" in " ".join(child.cmdline()):
                    os.kill(child.pid, signal.SIGKILL)
                    killed.append(child.pid)

    with engine(address, 2) as compute:  # waits until the cluster works
        import dask

        assert list(compute([dask.delayed(sum)([1, 2])])) == [3]
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        reduce_alignment(
            reduction_of(stores), tmp_path / "out", memory_gb=4, workers=2, scheduler=address
        )
    finally:
        ended.set()
        killer.join()
    assert killed
    assert files(tmp_path / "out") == by_threads


def test_an_address_where_nobody_answers_is_refused_in_words(monkeypatch):
    monkeypatch.setattr("neuronxa.alignment.engine._PATIENCE", 1)
    with (
        pytest.raises(ConfigError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:9'"),
        engine("tcp://127.0.0.1:9", 1),
    ):
        pass


def test_work_travels_as_a_recipe_and_finds_a_changed_store(stores, tmp_path):
    folders = {code: tmp_path / code for code in LANGUAGES[:2]}
    for code, folder in folders.items():
        filled_store(folder, seed=len(code), sentences=12)
    reduction = reduction_of(folders)
    budget = Budget(2, 12, 6, 2, 1, kept=True)
    work = Work(reduction, budget, ON_CPU, frozenset())
    sent = pickle.dumps(work)
    assert len(sent) < 2000
    assert pickle.loads(sent).reduction.fingerprints == reduction.fingerprints
    changed = Recipe.of(work)
    stores_of = [(c, f, "another") for c, f, _ in changed.stores]
    from dataclasses import replace

    from neuronxa.alignment.work import _made

    with pytest.raises(StoreError, match="is another one here"):
        _made(replace(changed, stores=tuple(stores_of)))
    assert isinstance(pickle.loads(sent).reduction.stores["eng_Latn"], Activations)
