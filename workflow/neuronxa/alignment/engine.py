"""Who runs the tasks of a reduction: threads of this process, or a Dask cluster.

The numbers do not depend on it: every product is made by one thread, of the same operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dask
from threadpoolctl import threadpool_limits

from neuronxa.errors import ConfigError

#: Threads of this process; and a cluster of processes on this machine. Else an address.
THREADS, PROCESSES = "threads", "processes"
#: Workers that may die under a task before it counts as the task's fault.
_DEATHS = 10
#: Seconds to wait for the scheduler of a cluster.
_PATIENCE = 30

#: Computes tasks, and gives their results in order.
Compute = Callable[[Sequence[Any]], Iterable[Any]]


@contextmanager
def engine(scheduler: str, workers: int) -> Iterator[Compute]:
    """Something that computes tasks.

    Parameters
    ----------
    scheduler
        `THREADS`, `PROCESSES`, or the address of a Dask scheduler such as ``tcp://host:8786``,
        whose workers must see the same files and run the same version.
    workers
        Threads or processes of this machine.

    Raises
    ------
    ConfigError
        No scheduler answers at the address.
    """
    if scheduler == THREADS:
        with (
            threadpool_limits(limits=1),
            dask.config.set(scheduler="threads", num_workers=workers),
        ):
            yield lambda tasks: dask.compute(*tasks)
        return
    with _client(scheduler, workers) as client:
        yield lambda tasks: client.gather(client.compute(list(tasks)))


@contextmanager
def _client(scheduler: str, workers: int) -> Iterator[Any]:
    """A client of a cluster; a cluster of this machine lives as long as the client."""
    from distributed import Client
    from distributed.deploy.subprocess import SubprocessCluster

    if scheduler == PROCESSES:
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS}),
            # not forked: a script that Snakemake runs would be run again by each worker
            SubprocessCluster(
                host="127.0.0.1",
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=None,
                worker_kwargs={"memory_limit": None, "dashboard": False},
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=_PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError(
            f"no Dask scheduler answers at '{scheduler}' ({error})",
            where="alignment.scheduler",
            allowed=(THREADS, PROCESSES),
            remedy="start one with `dask scheduler` and workers with `dask worker`, or use threads",
        ) from None
    with client:
        yield client
