"""What a job asks of a scheduler: memory, run time, disk and GPUs, from the sizes of its work.

Snakemake looks at these on a cluster; on one machine it looks only at those that a limit is given
for. They are meant to be safe, not tight: a job that asks for too little is killed and starts again
with more. With ``a`` the attempt, memory grows by ``(1 + a) / 2`` and run time by ``a``.

=============  ===================================================================================
extraction     memory = 2 GB + 1.3 weights + states of a layer + blocks of sentences
               run time = 10 min + weights / (0.2 GB/s) + 3 x 2 parameters x tokens / speed
               disk = what the stores take without compression
reduction      memory = 2 GB + ``alignment.memory_gb``
               run time = 20 min + 3 x 2 x pairs x sentences^2 x units / speed
other models   memory = 2 GB + 1.3 weights (fully fine-tuned: 4 weights)
               run time = 30 min + 1 h for each 10^9 parameters (fine-tuning: 4 h)
=============  ===================================================================================

Tokens are two bytes of text each, which is more than tokenizers make of most scripts. Speeds are
low guesses for one GPU and for one thread of a processor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neuronxa.activations.memory import ITEM_BYTES, Need
from neuronxa.config import ExtractionRow
from neuronxa.config.settings import ConfigFile
from neuronxa.models.snapshot import count_parameters, read_card

#: Python with torch and its libraries, in bytes.
PROGRAM = 2e9
#: Room for weights beside themselves while they are loaded.
WEIGHTS = 1.3
#: Bytes of text that make a token, at least.
TOKEN_BYTES = 2
#: Bytes per second at which weights are read from a shared file system.
READING = 2e8
#: Operations per second of a GPU, by the bytes of a number, and of one thread of a processor.
GPU_SPEED = {4: 1e13, 2: 1e14}
THREAD_SPEED = 1e10
#: How much slower than these speeds a job may be.
SLOW = 3
#: What a model's neurons and layers come to where the model is not looked at: those of an 8B model.
UNITS = 32 * 14336


@dataclass(frozen=True)
class Request:
    """What a job asks for.

    Attributes
    ----------
    mem_mb
        Memory of the machine, in MB.
    runtime
        Wall time, in minutes.
    disk_mb
        Room for what it writes, in MB.
    """

    mem_mb: int
    runtime: int
    disk_mb: int = 1000

    @classmethod
    def of(cls, *, memory: float, seconds: float, disk: float = 1e9, attempt: int) -> Request:
        """Make a request from bytes and seconds of a first attempt."""
        return cls(
            mem_mb=math.ceil(memory / 1e6 * (1 + attempt) / 2),
            runtime=math.ceil(seconds / 60) * attempt,
            disk_mb=math.ceil(disk / 1e6),
        )


def gpus(device: str) -> dict[str, int]:
    """What a job asks of GPUs: one, where its device is ``auto`` or ``cuda``.

    ``cpu`` needs none, and ``cuda:<index>`` is taken at its word.
    """
    return {"gpu": 1} if device in ("auto", "cuda") else {}


def extraction(
    model: Path,
    row: ExtractionRow,
    file: ConfigFile,
    *,
    texts: Sequence[Path],
    sentences: int,
    threads: int,
    attempt: int,
) -> Request:
    """Ask for the extraction of a shard.

    Parameters
    ----------
    model
        ``model.json`` of the snapshot.
    row
        How to extract.
    file
        The config.
    texts
        The texts of the shard.
    sentences
        Sentences of one text.
    threads
        Threads of the job.
    attempt
        1, and more after a failure.

    Raises
    ------
    FileNotFoundError
        The snapshot or a text is not made yet.
    """
    _check_made(model)
    card = read_card(model.parent)
    settings = file.extraction
    need = Need.of(
        model.parent,
        card,
        row,
        token_budget=settings.token_budget,
        block_sentences=settings.block_sentences,
    )
    item = ITEM_BYTES[row.dtype]
    tokens = sum(path.stat().st_size for path in texts) / TOKEN_BYTES
    speed = threads * THREAD_SPEED if settings.device == "cpu" else GPU_SPEED[item]
    work = SLOW * 2 * card.parameters * tokens / speed
    # two blocks are held at a time
    stores = need.blocks / 2 / settings.block_sentences * sentences * len(texts)
    return Request.of(
        memory=PROGRAM + WEIGHTS * need.weights + need.states + need.blocks,
        seconds=600 + need.weights / READING + work,
        disk=stores,
        attempt=attempt,
    )


def reduction(
    file: ConfigFile, *, languages: int, sentences: int, threads: int, attempt: int
) -> Request:
    """Ask for the comparison of all languages of a store."""
    pairs = languages * (languages + 1) / 2
    speed = threads * THREAD_SPEED if file.alignment.device == "cpu" else GPU_SPEED[4]
    return Request.of(
        memory=PROGRAM + file.alignment.memory_gb * 1e9,
        seconds=1200 + SLOW * 2 * pairs * sentences**2 * UNITS / speed,
        attempt=attempt,
    )


def model_run(model: Path, *, attempt: int, trained: str = "") -> Request:
    """Ask for a job that runs a whole model in float32, or trains it.

    Parameters
    ----------
    model
        ``model.json`` of the snapshot.
    attempt
        1, and more after a failure.
    trained
        ``lora`` or ``full`` where it is fine-tuned.
    """
    _check_made(model)
    parameters = count_parameters(model.parent)
    copies = 4 if trained == "full" else WEIGHTS
    return Request.of(
        memory=PROGRAM + copies * parameters * ITEM_BYTES["float32"],
        seconds=3600 * task_hours(parameters, trained=trained),
        attempt=attempt,
    )


def task_hours(parameters: int, *, trained: str = "") -> float:
    """Hours that a job asks for which runs a whole model of so many parameters, or trains it."""
    return 0.5 + parameters / 1e9 * (4 if trained else 1)


def languages_per_shard(loading: float, language: float, *, share: float = 0.1) -> int:
    """Languages of a shard in which loading the model is a small share of the time.

    Parameters
    ----------
    loading
        Seconds until a loaded model runs, the wait for an allocation included if it matters.
    language
        Seconds that one language takes.
    share
        Largest share of `loading` in the whole.
    """
    return max(1, math.ceil(loading * (1 - share) / share / language))


def _check_made(path: Path) -> None:
    """Tell Snakemake that a resource is known only later."""
    if not path.is_file():
        raise FileNotFoundError(2, "not made yet", str(path))
