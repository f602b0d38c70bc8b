"""How fast the comparison of all pairs is: every speed a ratio of two things measured in one run.

Run by ``make bench``. On made-up activation states of the width of a 7B model, and on real
activation stores where a folder of them is named. Prints a table and writes a JSON file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.distance import cosine
from threadpoolctl import threadpool_limits

from neuronxa.alignment.engine import PROCESSES, THREADS
from neuronxa.alignment.layer import Layer
from neuronxa.alignment.measures import ALWAYS, MEASURES
from neuronxa.alignment.products import ON_CPU
from neuronxa.alignment.question import Reduction
from neuronxa.alignment.reduction import reduce_alignment
from neuronxa.alignment.work import Work
from neuronxa.config import ExtractionRow
from neuronxa.stores.activations import Activations, ActivationStore
from neuronxa.stores.alignment import AlignmentLayout
from neuronxa.stores.layout import Layout

from .extraction import memory, table

#: Neurons of a layer of a 7B or 8B model.
UNITS = 14336
SENTENCES = 100
LANGUAGES = 204
FEW_LANGUAGES = 50
#: Side of the matrix product that tells the machine's rate.
GEMM = 4096
#: Sentences of the double loop, which is that slow.
LOOP = 20
ARRAYS = ("nas_gate", "active_gate", "tokens", "pooling_weight")


def main() -> None:
    """Measure and print."""
    options = arguments()
    if options.peak:
        print(json.dumps(peak_memory(options)))
        return
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        made = make_stores(Path(folder), options.languages, options.units)
        name = f"made up, {options.units} units"
        results[name] = measure(made, ("nas_gate",), options)
        results[name] |= peaks(Path(folder), options)
        print(f"\n{name}: {options.languages} languages\n{table(results[name])}", flush=True)
    for stores in options.stores:
        real = read_stores(stores)
        for representation in next(iter(real.values())).representations:
            name = f"{stores.parent.parent.name}, {representation}"
            results[name] = measure(real, (representation,), options)
            print(f"\n{name}: {len(real)} languages\n{table(results[name])}", flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\nWritten to {options.output}")


def arguments() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--stores", type=Path, nargs="*", default=[], help="folders with a store per language")
    add("--languages", type=int, default=LANGUAGES)
    add("--units", type=int, default=UNITS)
    add("--layers", type=int, default=2, help="layers of a representation")
    add("--rounds", type=int, default=3)
    add("--workers", type=int, default=len(os.sched_getaffinity(0)))
    add("--memory-gb", type=float, default=4.0)
    add("--output", type=Path, default=Path("results/bench/alignment.json"))
    add(
        "--peak", type=Path, help="only compare the stores of this folder, and tell the peak memory"
    )
    return parser.parse_args()


def make_stores(folder: Path, languages: int, units: int) -> dict[str, Activations]:
    """Activation states that translations share in part, one layer."""
    rng = np.random.default_rng(0)
    meaning = rng.normal(size=(SENTENCES, units)).astype(np.float32)
    layout = Layout(SENTENCES, SENTENCES, 1, units, 1, ARRAYS)
    for number in range(languages):
        code = f"q{chr(97 + number // 26)}{chr(97 + number % 26)}_Latn"
        weight = rng.integers(200, 900, SENTENCES).astype(np.uint32)
        share = 1 / (1 + np.exp(-meaning - 2 * rng.normal(size=meaning.shape).astype(np.float32)))
        store = ActivationStore(folder / code, layout, identity=identity(code))
        store.commit(
            0,
            {
                "nas_gate": (share * weight[:, None]).astype(np.uint32)[None],
                "active_gate": np.zeros((1, 1, units), np.uint32),
                "tokens": np.full(SENTENCES, 30, np.uint32),
                "pooling_weight": weight,
            },
        )
        store.finish({})
        store.publish()
    return read_stores(folder)


def identity(code: str) -> dict[str, Any]:
    """What a store of made-up states says of itself."""
    return {
        "model": "made-up",
        "corpus": "made-up",
        "language": code,
        "extraction": ExtractionRow(extraction="default", label="default").model_dump(),
        "rows": list(range(SENTENCES)),
        "sides": [0] * SENTENCES,
    }


def read_stores(folder: Path) -> dict[str, Activations]:
    """The published stores of a folder."""
    return {p.parent.name: Activations(p.parent) for p in sorted(folder.glob("*/manifest.json"))}


def measure(
    stores: dict[str, Activations], representations: tuple[str, ...], options: argparse.Namespace
) -> dict[str, float]:
    """All ratios for some representations; the best of the rounds counts."""
    best: dict[str, float] = {}
    layers = options.layers
    ranks = reduction_of(stores, representations, ALWAYS, layers)
    everything = reduction_of(stores, representations, tuple(MEASURES), layers)
    fewer = dict(list(stores.items())[:FEW_LANGUAGES])
    few = reduction_of(fewer, representations, ALWAYS, layers)
    # compiles, and starts threads
    reduced(
        reduction_of(dict(list(stores.items())[:3]), representations, tuple(MEASURES), 1),
        options,
        1,
    )
    ways: dict[str, Callable[[], float]] = {
        "gemm": lambda: multiply(options.workers),
        "ranks": lambda: reduced(ranks, options, options.workers),
        "ranks, processes": lambda: reduced(ranks, options, options.workers, PROCESSES),
        "every measure": lambda: reduced(everything, options, options.workers),
        "every measure, processes": lambda: reduced(
            everything, options, options.workers, PROCESSES
        ),
        "ranks of few, one thread": lambda: reduced(few, options, 1),
        "ranks of few, plain loop": lambda: looped(few, options),
        "double loop": lambda: double_loop(stores, representations[0]),
    }
    for _ in range(options.rounds):
        for name, way in ways.items():
            best[name] = min(best.get(name, np.inf), way())
    first = next(iter(stores.values()))
    width = first.layer(representations[0], 0).shape[1]
    n, count = ranks.sentences, len(stores)
    layers = sum(ranks.store_layout().layers.values())
    pairs, few_pairs = (k * (k + 1) / 2 * layers for k in (count, len(fewer)))
    # each pair counts once, since both directions follow from one product
    work = pairs * 2 * n * n * width
    rate = 2 * GEMM**3 * options.workers / best["gemm"]
    return {
        "share of the GEMM rate, ranks": work / best["ranks"] / rate,
        "share of the GEMM rate, every measure (products of both forms)": 2
        * work
        / best["every measure"]
        / rate,
        "speed against the double loop, ranks, one thread": best["double loop"]
        * n
        * n
        * few_pairs
        / best["ranks of few, one thread"],
        "time of Dask and the store against a plain loop": best["ranks of few, one thread"]
        / best["ranks of few, plain loop"],
        "time of a Dask cluster of processes against threads, ranks": best["ranks, processes"]
        / best["ranks"],
        "time of a Dask cluster of processes against threads, every measure": best[
            "every measure, processes"
        ]
        / best["every measure"],
        "for scale: milliseconds per pair and layer, ranks": best["ranks"] / pairs * 1e3,
        "for scale: milliseconds per pair and layer, every measure": best["every measure"]
        / pairs
        * 1e3,
        "for scale: microseconds per sentence pair of the double loop": best["double loop"] * 1e6,
        "for scale: seconds per layer, ranks": best["ranks"] / layers,
        "for scale: seconds per layer, every measure": best["every measure"] / layers,
        "for scale: GEMM rate (GFLOP/s)": rate / 1e9,
    }


class SomeLayers(Reduction):
    """A reduction of the first layers alone."""

    most = 1

    def store_layout(self) -> AlignmentLayout:
        """Sizes of the alignment store, cut."""
        whole = super().store_layout()
        layers = {name: min(self.most, count) for name, count in whole.layers.items()}
        return replace(whole, layers=layers)


def reduction_of(
    stores: dict[str, Activations],
    representations: tuple[str, ...],
    measures: tuple[str, ...],
    layers: int,
) -> Reduction:
    """All pairs of all languages, the first one the pivot, in the first layers."""
    kind = type("SomeLayers", (SomeLayers,), {"most": layers})
    return kind(stores, next(iter(stores)), "parallel", representations, True, measures)


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def multiply(workers: int) -> float:
    """As many large matrix products at once as there are workers, each on one thread."""
    factors = [np.ones((GEMM, GEMM), np.float32) for _ in range(2)]
    with threadpool_limits(limits=1), ThreadPoolExecutor(workers) as pool:
        return timed(lambda: list(pool.map(lambda _: factors[0] @ factors[1], range(workers))))


def reduced(
    reduction: Reduction, options: argparse.Namespace, workers: int, scheduler: str = THREADS
) -> float:
    """The whole reduction into a store of its own: reading, deciding and writing included."""
    with tempfile.TemporaryDirectory() as folder:
        return timed(
            lambda: reduce_alignment(
                reduction,
                Path(folder),
                memory_gb=options.memory_gb,
                workers=workers,
                scheduler=scheduler,
            )
        )


def looped(reduction: Reduction, options: argparse.Namespace) -> float:
    """The same tiles in a plain loop: no Dask, nothing written."""
    budget = reduction.budget().fitted(workers=1, memory_gb=options.memory_gb)
    layout = reduction.store_layout()
    work = Work(reduction, budget, ON_CPU, frozenset())
    blocks = budget.blocks(list(layout.languages), set())
    places = [[layout.languages.index(code) for code in block] for block in blocks]

    def run() -> None:
        for representation, layers in layout.layers.items():
            for number in range(layers):
                layer = Layer(layout, representation, number, "")
                for first in range(0, len(blocks), budget.strip):
                    for found in strip(representation, number, first):
                        layer.enter(found)

    def strip(representation: str, number: int, first: int) -> Iterator[Any]:
        chosen = range(first, min(first + budget.strip, len(blocks)))
        held = {b: work.load(blocks[b], representation, number) for b in chosen}
        for passing in range(first, len(blocks)):
            target = held.get(passing) or work.load(blocks[passing], representation, number)
            sources = [(places[b], held[b]) for b in chosen if b <= passing]
            yield from work.compare(representation, sources, places[passing], target)

    with threadpool_limits(limits=1):
        return timed(run)


def double_loop(stores: dict[str, Activations], representation: str) -> float:
    """Seconds of one sentence pair in the double loop over SciPy's cosine, as the peer has it."""
    x, y = (
        store.layer(representation, 0).values[:LOOP].astype(np.float32)
        for store in list(stores.values())[:2]
    )
    return timed(lambda: [[1 - cosine(u, v) for v in y] for u in x]) / len(x) / len(y)


def peaks(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Peak memory of the comparison of few and of all languages, each in its own process."""
    found = {}
    for count in (FEW_LANGUAGES, options.languages):
        command = [sys.executable, "-m", "tests.benchmarks.alignment", "--peak", str(folder)]
        command += ["--languages", str(count), "--workers", str(options.workers)]
        command += ["--memory-gb", str(options.memory_gb)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        for name, value in json.loads(done.stdout).items():
            found[f"{name}, {count} languages (GiB)"] = value / 2**30
    return found


def peak_memory(options: argparse.Namespace) -> dict[str, int]:
    """Peak of a process that measures everything, and what was projected, in bytes."""
    stores = dict(list(read_stores(options.peak).items())[: options.languages])
    reduction = reduction_of(stores, ("nas_gate",), tuple(MEASURES), 1)
    reduced(reduction, options, options.workers)
    budget = reduction.budget().fitted(workers=options.workers, memory_gb=options.memory_gb)
    return {"peak memory": memory("VmHWM"), "of it projected": budget.bytes}


if __name__ == "__main__":
    main()
