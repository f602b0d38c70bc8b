"""What every job does: check inputs, write a log, show progress, record outputs, end readably."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
from tqdm import tqdm

from neuronxa.errors import NeuronXAError
from neuronxa.jobs.endings import FAILED, FINISHED, MEMORY, STARTED
from neuronxa.machine.disk import explain_disk
from neuronxa.provenance import JobRecord

logger = logging.getLogger("neuronxa")

#: Where access tokens may stand, and how those of the Hugging Face hub look.
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
TOKEN = re.compile(r"hf_[A-Za-z0-9]{20,}")
BLOT = "hf_***"

#: Seconds between two lines of progress in the log.
LOG_EVERY = 15.0
#: Seconds between two looks at the memory.
MEMORY_EVERY = 2.0


@contextmanager
def job(snakemake: Any) -> Iterator[JobRecord]:
    """Log to a file, refuse damaged inputs, record the outputs; a user's fault is one message.

    Parameters
    ----------
    snakemake
        The object that Snakemake gives a script. The traceback of any failure goes to its log; the
        screen shows the message, and the exit status is 1.

    Yields
    ------
    JobRecord
        The record, for a job that makes more than it has declared.
    """
    path = Path(snakemake.log[0])
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    # a line that a full disk does not take must not become a traceback on the screen
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    warnings.filterwarnings("once")
    over = Event()
    handler: logging.Handler = logging.NullHandler()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, mode="w", encoding="utf-8")
        handler.setFormatter(_WithoutTokens("%(asctime)s %(levelname)s %(message)s"))
        root.addHandler(handler)
        logger.info(STARTED)
        Thread(target=_tell_memory, args=(over,), daemon=True).start()
        record = JobRecord.of(snakemake)
        record.start()
        yield record
        record.finish()
        logger.info(FINISHED)
    except Exception as error:
        logger.exception(FAILED)
        told = error if isinstance(error, NeuronXAError) else explain_disk(error, folder=Path())
        if told is None:
            raise
        print(f"\nError: {without_tokens(str(told))}\n  Log: {path}\n", file=sys.stderr)
        sys.exit(1)
    except BaseException:
        logger.exception(FAILED)
        raise
    finally:
        over.set()
        root.removeHandler(handler)
        with suppress(OSError):  # the last lines may not fit on the disk
            handler.close()


def _tell_memory(over: Event) -> None:
    """Write to the log how much memory the process takes: a job that is killed for it cannot."""
    told, process = 0.0, psutil.Process()
    while not over.wait(MEMORY_EVERY):
        used = process.memory_info().rss / 1e9
        if used > 1.1 * told:
            told = used
            logger.info(MEMORY.format(used))


def without_tokens(text: str) -> str:
    """A text with the access tokens of the environment, and what looks like one, blotted out."""
    for name in TOKEN_VARIABLES:
        value = os.environ.get(name)
        if value:
            text = text.replace(value, BLOT)
    return TOKEN.sub(BLOT, text)


class _WithoutTokens(logging.Formatter):
    """Log lines and tracebacks with tokens blotted out: libraries put them into messages too."""

    def format(self, record: logging.LogRecord) -> str:
        return without_tokens(super().format(record))


def share_library(folder: Path) -> None:
    """Let the processes that jobs start import the library from a folder, installed or not."""
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in inherited if entry and entry != str(folder)]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *kept])


class Progress:
    """A bar on a terminal, and lines with rate and remaining time in the log.

    Parameters
    ----------
    title
        What is being done.
    unit
        What is counted.
    """

    def __init__(self, title: str, *, unit: str) -> None:
        self._title, self._unit = title, unit
        self._total = self._done = 0
        self._began = self._logged = time.monotonic()
        self._bar: Any | None = None

    def start(self, total: int) -> None:
        """Begin to count."""
        self._total = total
        self._began = self._logged = time.monotonic()
        # drawn on a terminal only
        self._bar = tqdm(total=total, desc=self._title, unit=f" {self._unit}", disable=None)
        logger.info("%s: %d %s to do", self._title, total, self._unit)

    def advance(self, amount: int) -> None:
        """Count on."""
        if self._bar is not None:
            self._bar.update(amount)
        self._done += amount
        now = time.monotonic()
        if now - self._logged < LOG_EVERY and self._done < self._total:
            return
        self._logged = now
        rate = self._done / max(now - self._began, 1e-9)
        logger.info(
            "%s: %d of %d %s, %.1f per second, %s left",
            self._title,
            self._done,
            self._total,
            self._unit,
            rate,
            tqdm.format_interval((self._total - self._done) / max(rate, 1e-9)),
        )
        if self._done >= self._total and self._bar is not None:
            self._bar.close()
