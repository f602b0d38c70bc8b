"""What every job does: check inputs, write a log, show progress, record outputs, end readably."""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from neuronxa.errors import NeuronXAError
from neuronxa.provenance import JobRecord

logger = logging.getLogger("neuronxa")

#: Seconds between two lines of progress in the log.
LOG_EVERY = 15.0


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Log to a file, refuse damaged inputs, record the outputs; a user's fault is one message.

    Parameters
    ----------
    snakemake
        The object that Snakemake gives a script. The traceback of any failure goes to its log; the
        screen shows the message, and the exit status is 1.
    """
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    warnings.filterwarnings("once")
    try:
        logger.info("started")
        record = JobRecord.of(snakemake)
        record.start()
        yield
        record.finish()
        logger.info("finished")
    except NeuronXAError as error:
        logger.exception("failed")
        print(f"\nError: {error}\n  Log: {path}\n", file=sys.stderr)
        sys.exit(1)
    except BaseException:
        logger.exception("failed")
        raise
    finally:
        root.removeHandler(handler)
        handler.close()


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
