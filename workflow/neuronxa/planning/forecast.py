"""How long a run will take, told from its plan before it begins, and checked against what has run.

==============  ==================================================================================
extraction      weights / reading + 2 parameters x tokens / rate
comparison      2 pairs x sentences^2 x units of all layers and representations / rate
tasks           what their jobs ask of a scheduler, which is more than they should need
==============  ==================================================================================

Tokens are those of the texts at three bytes each where the texts are there, else 60 a sentence. The
rates were measured (docs/clusters.md). Where jobs of a kind have run in this folder, what is still
to come is scaled by what they took against what was foretold of them.
"""

from __future__ import annotations

import csv
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neuronxa.activations.memory import ITEM_BYTES
from neuronxa.config import Shape
from neuronxa.models.shapes import shape_of
from neuronxa.planning.plan import Plan
from neuronxa.planning.resources import PROGRAM, READING, WEIGHTS, task_hours
from neuronxa.stores.registry import representations_of

#: Operations a second of an extraction, stores written, by the bytes of a number: of a GPU, and of
#: one thread of a processor (half precision: one that computes in it).
GPU_RATE = {2: 2.4e14, 4: 2e13}
THREAD_RATE = {2: 1.6e11, 4: 4e10}
#: Operations a second of a comparison in one thread: with mu and retrieval alone, and with all.
COMPARE_RATE, MEASURES_RATE = 6e10, 1.4e10
#: Seconds until a job works: Python, torch, and the proof of a model's sites.
START = 20.0

_TOKENS, _TOKEN_BYTES = 60, 3
_TIMINGS = "results/timings"


@dataclass(frozen=True)
class Machine:
    """What jobs run on.

    Attributes
    ----------
    gpus
        Number of GPUs; 0 = everything runs on processors.
    threads
        Threads of a job on processors.
    """

    gpus: int
    threads: int


@dataclass(frozen=True)
class Work:
    """One job of a run.

    Attributes
    ----------
    kind
        ``extraction``, ``comparison`` or ``task``.
    name
        What it is about.
    seconds
        What is foretold; None where the shape of the model is not known.
    memory
        Bytes of the machine's memory.
    done
        Seconds that it took, where it has run.
    """

    kind: str
    name: str
    seconds: float | None
    memory: float
    done: float | None


@dataclass(frozen=True)
class Forecast:
    """The jobs of a run that take long.

    Attributes
    ----------
    works
        The jobs.
    machine
        What they run on.
    """

    works: tuple[Work, ...]
    machine: Machine

    def of(self, kind: str) -> tuple[Work, ...]:
        """The jobs of one kind."""
        return tuple(work for work in self.works if work.kind == kind)

    def scale(self, kind: str) -> float | None:
        """What jobs of a kind took against what was foretold of them; None where none has run."""
        ran = [w for w in self.of(kind) if w.done is not None and w.seconds]
        foretold = sum(w.seconds or 0.0 for w in ran)
        return sum(w.done or 0.0 for w in ran) / foretold if foretold else None

    def to_come(self, kinds: Iterable[str]) -> list[float]:
        """Seconds of each job that has not run, scaled by those that have."""
        return [
            work.seconds * (self.scale(kind) or 1.0)
            for kind in kinds
            for work in self.of(kind)
            if work.done is None and work.seconds is not None
        ]

    def wall(self, kinds: Iterable[str]) -> float:
        """Seconds until the last of the jobs that have not run ends, the longest begun first."""
        free = [0.0] * max(1, self.machine.gpus)
        for seconds in sorted(self.to_come(kinds), reverse=True):
            heapq.heapreplace(free, free[0] + seconds)
        return max(free)


def foretell(plan: Plan, machine: Machine, root: Path = Path()) -> Forecast:
    """The jobs of a run that take long, with what each will take.

    Parameters
    ----------
    plan
        The run.
    machine
        What it runs on.
    root
        The working directory.
    """
    works = [*_extractions(plan, machine, root), *_comparisons(plan, machine, root)]
    return Forecast((*works, *_tasks(plan, root)), machine)


def _extractions(plan: Plan, machine: Machine, root: Path) -> Iterator[Work]:
    """A job for each shard of each model, corpus and way to extract."""
    for model, corpus, extraction in plan.runs():
        item = ITEM_BYTES[plan.settings.extractions[extraction].dtype]
        shape = _shape(plan, model, root)
        rate = GPU_RATE[item] if machine.gpus else machine.threads * THREAD_RATE[item]
        for shard, languages in plan.corpus_shards(corpus).items():
            seconds, memory = None, PROGRAM
            if shape is not None:
                tokens = sum(_tokens(plan, corpus, code, root) for code in languages)
                weights = shape.parameters * item
                memory += WEIGHTS * weights
                seconds = START + weights / READING + 2 * shape.parameters * tokens / rate
            run = f"{model}/{corpus}/{extraction}"
            timing = root / _TIMINGS / "extract_activations" / run / f"{shard}.tsv"
            yield Work("extraction", f"{run}/{shard}", seconds, memory, _took(timing))


def _comparisons(plan: Plan, machine: Machine, root: Path) -> Iterator[Work]:
    """A job for each model, corpus and way to extract."""
    asked = plan.settings.file.alignment
    rate = (MEASURES_RATE if asked.measures else COMPARE_RATE) * machine.threads
    for model, corpus, extraction in plan.runs():
        shape, seconds = _shape(plan, model, root), None
        if shape is not None:
            languages = len(plan.corpus_languages[corpus])
            names = representations_of(plan.settings.extractions[extraction])
            hidden = sum(name.startswith("hidden") for name in names)
            units = shape.layers * shape.neurons * (len(names) - hidden)
            units += (shape.layers + 1) * shape.hidden_size * hidden
            pairs = languages * (languages - 1) / 2
            work = 2 * pairs * plan.settings.corpora[corpus].sentences ** 2 * units
            seconds = START + work / rate
        run = f"{model}/{corpus}/{extraction}"
        took = _took(root / _TIMINGS / "align_languages" / f"{run}.tsv")
        yield Work("comparison", run, seconds, PROGRAM + asked.memory_gb * 1e9, took)


def _tasks(plan: Plan, root: Path) -> Iterator[Work]:
    """A job for each model and task that a model runs, with what it asks for."""
    method = plan.settings.file.fine_tuning.method
    for model in plan.settings.models:
        shape = _shape(plan, model, root)
        for task, row in plan.settings.tasks.items():
            if row.kind == "scores":
                continue
            seconds, memory = None, PROGRAM
            if shape is not None:
                trained = method if row.kind == "nli" else ""
                seconds = 3600 * task_hours(shape.parameters, trained=trained)
                memory += (4 if trained == "full" else WEIGHTS) * shape.parameters * 4
            yield Work("task", f"{model}/{task}", seconds, memory, None)


def _shape(plan: Plan, model: str, root: Path) -> Shape | None:
    return shape_of(plan.settings.models[model], root / "resources/models" / model)


def _tokens(plan: Plan, corpus: str, language: str, root: Path) -> float:
    """Tokens of a language: of its text where it is there, else of its sentences."""
    row = plan.settings.corpora[corpus]
    texts = [root / "resources/corpora" / corpus / f"{language}.txt"]
    if row.layout == "pairs":
        texts.append(texts[0].with_name(f"{language}.pivot.txt"))
    if all(path.is_file() for path in texts):
        return sum(path.stat().st_size for path in texts) / _TOKEN_BYTES
    return float(row.sentences * len(texts) * _TOKENS)


def _took(timing: Path) -> float | None:
    """Seconds that a job took, from Snakemake's benchmark file; None where it has not run."""
    try:
        with timing.open(encoding="utf-8", newline="") as file:
            return sum(float(row["s"]) for row in csv.DictReader(file, delimiter="\t"))
    except (OSError, ValueError, KeyError):
        return None
