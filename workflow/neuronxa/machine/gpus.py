"""A GPU of one's own, on a machine with several.

Snakemake counts how many GPUs its jobs use, but does not say which. A job takes the operating
system's lock of one that is free and shows CUDA that one alone; the lock dies with the job. A
scheduler that shows a job its own GPUs only, as Slurm and Kubernetes do, leaves nothing to choose.
"""

from __future__ import annotations

import getpass
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
#: Seconds between two looks for a free GPU.
_PAUSE = 1.0


@contextmanager
def own_gpus(count: int) -> Iterator[None]:
    """Show CUDA as many GPUs as a job has asked for; waits until they are free.

    Enter before torch looks for GPUs.

    Parameters
    ----------
    count
        How many. Where no more are visible, all stay so.
    """
    visible = visible_gpus() if count else []
    if len(visible) <= count:
        yield
        return
    before = os.environ.get(VISIBLE)
    with ExitStack() as held:
        own = _take(visible, count, held)
        os.environ[VISIBLE] = ",".join(own)
        logger.info("on GPU %s of %s", os.environ[VISIBLE], ", ".join(visible))
        try:
            yield
        finally:
            os.environ.pop(VISIBLE)
            if before is not None:
                os.environ[VISIBLE] = before


def visible_gpus() -> list[str]:
    """The GPUs that CUDA may use, by index or name; none where there is no driver."""
    told = os.environ.get(VISIBLE)
    if told is not None:
        return [one.strip() for one in told.split(",") if one.strip()]
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.split()


def _take(visible: list[str], count: int, held: ExitStack) -> list[str]:
    """Lock the first GPUs that are free, for as long as `held` is open."""
    folder = Path(tempfile.gettempdir()) / f"neuronxa-gpus-{getpass.getuser()}"
    folder.mkdir(exist_ok=True)
    own: list[str] = []
    while len(own) < count:
        for gpu in visible:
            if gpu in own or len(own) == count:
                continue
            try:
                held.enter_context(FileLock(folder / f"{gpu}.lock", timeout=0))
            except Timeout:
                continue
            own.append(gpu)
        if len(own) < count:
            time.sleep(_PAUSE)
    return own
