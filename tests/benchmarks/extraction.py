"""How fast and how large extraction is: every speed a ratio of two things measured side by side.

Run by ``make bench``. Each round times everything once, so that what else the machine does falls on
all alike; the best of the rounds counts. Prints a table and writes a JSON file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from neuronxa.activations.batches import Batch, plan_batches
from neuronxa.activations.extraction import Extractor, open_store
from neuronxa.activations.packing import forward
from neuronxa.activations.texts import Text, identity_of
from neuronxa.activations.tokens import Tokens, tokenise
from neuronxa.config import ExtractionRow
from neuronxa.models.loading import load_base, load_causal, load_tokenizer
from neuronxa.models.snapshot import ModelCard, read_card
from neuronxa.stores.activations import STORE, Activations

EXTRACTION = ExtractionRow(extraction="default", label="default")
#: Of how many sentences one is run alone, as the peers run all: they are that slow.
ALONE = 10
#: Languages that every way runs before the next way has its turn.
GROUP = 2
#: Size of the square matrix product that tells the machine's rate.
GEMM = 2048


def main() -> None:
    """Measure the models and print."""
    options = arguments()
    if options.peak:
        print(json.dumps(peak_memory(options)))
        return
    texts = read_texts(options.texts, options.languages, options.sentences)
    results = {}
    for snapshot in options.models:
        results[snapshot.name] = measure(snapshot, texts, options)
        print(
            f"\n{describe(snapshot, texts, options)}\n{table(results[snapshot.name])}", flush=True
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\nWritten to {options.output}")


def arguments() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("models", type=Path, nargs="+", help="folders of snapshots")
    add("--texts", type=Path, required=True, help="folder with one file per language")
    add("--languages", type=int, default=8)
    add("--sentences", type=int, default=100)
    add("--rounds", type=int, default=3)
    add("--peak-sentences", type=int, default=25, help="sentences of the runs for peak memory")
    add("--token-budget", type=int, default=1024)
    add("--device", default="cpu")
    add("--dtype", default="float32", help="precision of every forward pass")
    add("--threads", type=int, default=torch.get_num_threads())
    add("--output", type=Path, default=Path("results/bench/extraction.json"))
    add("--peak", action="store_true", help="only run the extraction, and tell its peak memory")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def read_texts(folder: Path, languages: int, sentences: int) -> list[Text]:
    """Languages spread evenly over a folder's files; the first lines that all of them have."""
    files = sorted(p for p in folder.iterdir() if p.suffix in (".txt", ".devtest"))
    chosen = [files[i * len(files) // languages] for i in range(min(languages, len(files)))]
    columns = [path.read_text(encoding="utf-8").split("\n") for path in chosen]
    lines = [line for line in zip(*columns, strict=False) if all(map(str.strip, line))][:sentences]
    texts = zip(chosen, zip(*lines, strict=True), strict=True)
    return [Text(path.stem, text, (0,) * len(text)) for path, text in texts]


def measure(snapshot: Path, texts: list[Text], options: argparse.Namespace) -> dict[str, Any]:
    """All figures of one model."""
    card = read_card(snapshot)
    budget = options.token_budget
    extraction = extraction_of(options)
    loading, extractor = timed(
        lambda: Extractor(snapshot, extraction, device=options.device, token_budget=budget)
    )
    tokens = tokens_of(snapshot, texts)
    with tempfile.TemporaryDirectory() as folder:
        seconds = race(snapshot, extractor, texts, tokens, Path(folder), options)
        sizes = bytes_per_value(Path(folder) / "0", texts)
    rate = 2 * GEMM**3 / seconds["gemm"]
    count = sum(len(sentence.ids) for one in tokens for sentence in one)
    count_alone = sum(len(sentence.ids) for one in tokens for sentence in one[::ALONE])
    work = 2 * card.parameters * count  # floating-point operations of the layers
    packed, padded = seconds["bare packed forward"], seconds["bare padded forward"]
    slow = seconds["one at a time"] / count_alone
    return {
        "share of the GEMM rate, extraction": work / seconds["extraction"] / rate,
        "share of the GEMM rate, bare packed forward": work / packed / rate,
        "time against a bare packed forward": seconds["extraction"] / packed,
        "of that, the forward with its hooks": seconds["forward with hooks"] / packed,
        "time against a bare padded forward": seconds["extraction"] / padded,
        "speed against one at a time with head": slow * count / seconds["extraction"],
        "time to load against a language": loading * len(texts) / seconds["extraction"],
        **peaks(snapshot, options),
        **{f"bytes per value, {name}": size for name, size in sizes.items()},
        "for scale: tokens per second": count / seconds["extraction"],
        "for scale: GEMM rate (GFLOP/s)": rate / 1e9,
        "for scale: time to load (s)": loading,
        "seconds": seconds,
        "tokens": count,
        "threads": options.threads,
    }


def race(
    snapshot: Path,
    extractor: Extractor,
    texts: list[Text],
    tokens: list[Any],
    folder: Path,
    options: argparse.Namespace,
) -> dict[str, float]:
    """Best seconds of each way, summed over groups of languages that all ways run in turn.

    Small groups, so that a disturbance from outside falls on few of them and the best of the
    rounds is free of it.
    """
    budget, card = options.token_budget, read_card(snapshot)
    device, dtype, model = options.device, options.dtype, extractor.capture.model
    padded = load_base(snapshot, dtype=dtype, device=device)
    causal = load_causal(snapshot, dtype=dtype, device=device)
    factors = torch.randn(2, GEMM, GEMM).to(device, getattr(torch, dtype))
    best: dict[tuple[str, int], float] = {}
    for turn in range(options.rounds):
        for first in range(0, len(texts), GROUP):
            group = slice(first, first + GROUP)
            some, alone = tokens[group], [s for one in tokens[group] for s in one[::ALONE]]
            ways: dict[str, Callable[[], Any]] = {
                "gemm": partial(torch.mm, *factors),
                "bare packed forward": partial(bare, model, some, budget, batching="packed"),
                "forward with hooks": partial(hooked, extractor, some),
                "extraction": partial(
                    extract,
                    extractor,
                    card,
                    texts[group],
                    some,
                    folder / str(turn),
                ),
                "bare padded forward": partial(bare, padded, some, budget, batching="padded"),
                "one at a time": partial(one_at_a_time, causal, alone),
            }
            for name, way in ways.items():
                key = (name, 0 if name == "gemm" else first)
                repeats = 10 if name == "gemm" else 1
                times = [timed(way)[0] for _ in range(repeats)]
                best[key] = min(best.get(key, np.inf), *times)
    names = dict.fromkeys(name for name, _ in best)
    return {name: sum(s for (one, _), s in best.items() if one == name) for name in names}


def tokens_of(snapshot: Path, texts: list[Text]) -> list[list[Tokens]]:
    """The sentences of each language as tokens."""
    tokenizer = load_tokenizer(snapshot)
    found = [tokenise(tokenizer, text.sentences, EXTRACTION) for text in texts]
    return [[sentence for sentence in one if sentence is not None] for one in found]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds until everything is done, on a GPU too, and what the work gave."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    wait()
    began = time.perf_counter()
    result = work()
    wait()
    return time.perf_counter() - began, result


def bare(model: Any, tokens: list[list[Tokens]], budget: int, *, batching: Any) -> None:
    """The base model on the same sentences, with nothing looking at it."""
    with torch.inference_mode():
        for batch in batches_of(tokens, budget, batching):
            forward(model, batch, device=str(model.device), packed=batching == "packed")


def hooked(extractor: Extractor, tokens: list[list[Tokens]]) -> None:
    """The forward pass with its hooks, and nothing that is done with what they pooled."""
    batching = extractor.capture.architecture.batching
    with extractor.capture.hooked():
        for batch in batches_of(tokens, extractor.token_budget, batching):
            extractor.capture.run(batch)


def batches_of(tokens: list[list[Tokens]], budget: int, batching: Any) -> list[Batch]:
    """The batches of each language."""
    return [
        batch
        for one in tokens
        for batch in plan_batches(enumerate(one), token_budget=budget, batching=batching)
    ]


def one_at_a_time(model: Any, sentences: list[Tokens]) -> None:
    """As the peers do: whole causal model, all hidden states, each layer pooled afterwards."""
    with torch.no_grad():
        for sentence in sentences:
            ids = torch.from_numpy(sentence.ids)[None].to(model.device)
            output = model(ids, output_hidden_states=True)
            weights = torch.arange(1, len(sentence.ids) + 1, device=model.device)[None, :, None]
            for layer in output.hidden_states:
                ((layer * weights).sum(dim=1) / weights.sum()).float().cpu().numpy()
                layer[:, -1].float().cpu().numpy()


def extract(
    extractor: Extractor,
    card: ModelCard,
    texts: list[Text],
    tokens: list[Any],
    folder: Path,
) -> None:
    """The whole extraction, stores written and published."""
    stores = [
        open_store(
            folder / text.language,
            card=card,
            identity=identity_of(text, card=card, corpus="bench", extraction=extractor.extraction),
            block_sentences=100,
        )
        for text in texts
    ]
    extractor.run(stores, tokens)
    for store in stores:
        store.publish()


def bytes_per_value(folder: Path, texts: list[Text]) -> dict[str, float]:
    """Bytes on disk of each value of each representation; every chunk is read back and checked."""
    stored = {text.language: Activations(folder / text.language) for text in texts}
    sizes = {}
    for name in next(iter(stored.values())).representations:
        files = [p for code in stored for p in (folder / code / STORE / name / "c").rglob("*")]
        values = sum(one.layers(name) * one.layer(name, 0).size for one in stored.values())
        sizes[name] = sum(p.stat().st_size for p in files if p.is_file()) / values
    for one in stored.values():
        one.verify()
    return sizes


def extraction_of(options: argparse.Namespace) -> ExtractionRow:
    """How the bench extracts."""
    return EXTRACTION.model_copy(update={"dtype": options.dtype})


def peaks(snapshot: Path, options: argparse.Namespace) -> dict[str, float]:
    """Peak memory with few and with many languages: of processes, or of the GPU so far."""
    if options.device != "cpu":
        peak_gpu = torch.cuda.max_memory_allocated()
        return {"for scale: peak of the GPU, three models loaded (GiB)": peak_gpu / 2**30}
    found = {languages: peak(snapshot, languages, options) for languages in (4, 40)}
    return {
        **{
            f"peak above the model, {languages} languages (GiB)": (one["peak"] - one["loaded"])
            / 2**30
            for languages, one in found.items()
        },
        "for scale: loaded model (GiB)": found[4]["loaded"] / 2**30,
    }


def peak(snapshot: Path, languages: int, options: argparse.Namespace) -> dict[str, int]:
    """Peak memory of an extraction in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.extraction", str(snapshot), "--peak"]
    command += ["--texts", str(options.texts), "--languages", str(languages)]
    command += ["--sentences", str(options.peak_sentences), "--threads", str(options.threads)]
    command += ["--token-budget", str(options.token_budget), "--dtype", options.dtype]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def peak_memory(options: argparse.Namespace) -> dict[str, int]:
    """Memory once the model is loaded, and the peak from there on, in bytes."""
    (snapshot,) = options.models
    texts = read_texts(options.texts, options.languages, options.sentences)
    tokens = tokens_of(snapshot, texts)
    budget = options.token_budget
    extractor = Extractor(snapshot, extraction_of(options), device="cpu", token_budget=budget)
    for parameter in extractor.capture.model.parameters():
        parameter.sum()  # weights are read from the disk only once they are touched
    loaded = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # begin a new peak
    with tempfile.TemporaryDirectory() as folder:
        extract(extractor, read_card(snapshot), texts, tokens, Path(folder))
    return {"loaded": loaded, "peak": memory("VmHWM")}


def memory(key: str) -> int:
    """Resident memory of this process (``VmRSS``) or its peak (``VmHWM``) in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(key)


def describe(snapshot: Path, texts: list[Text], options: argparse.Namespace) -> str:
    """What was measured, in one line."""
    sentences = sum(len(text.sentences) for text in texts)
    how = f"{options.dtype} on {options.device}"
    return f"{snapshot.name}: {sentences} sentences of {len(texts)} languages, {how}"


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    rows = [(name, value) for name, value in result.items() if isinstance(value, float)]
    return str(
        pd.DataFrame(rows, columns=["figure", "value"]).to_markdown(index=False, floatfmt=".3f")
    )


if __name__ == "__main__":
    main()
