"""A run on a disk that fills up, and in folders that may not be written.

Usage::

    python -m tests.torture.disk            # every stage, at three fillings
    python -m tests.torture.disk --short    # two stages, at one filling

A whole run on a disk that is large enough gives the digests to end with. Then a disk of the same
size is filled by "another program" while the run is at work, so that each stage fails in turn:
each time the screen must tell it in words, nothing on the disk may be damaged, and the same command
must go on once space is made. In the end all digests must be those of the first run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from neuronxa.files import digest
from neuronxa.jobs.shards import cut_shards
from neuronxa.models.snapshot import read_card
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import Alignment

from ..workflow.conftest import write_config
from ..workflow.project import LANGUAGES, digests, make_project
from .small_disk import as_root, cannot_mount, fill, make_space, read_only, small_disk

REPOSITORY = Path(__file__).parents[2]
SIZE = 48 * 2**20
RUN = "tiny-llama/toy/default"
(SHARD,) = cut_shards(LANGUAGES[:4], 500)

#: Stage -> target that ends it, in the order of the run.
STAGES = {
    "texts": "resources/corpora/toy/corpus.json",
    "snapshot": "resources/models/tiny-llama/model.json",
    "extraction": f"results/activations/{RUN}/shard.{SHARD}.json",
    "alignment": f"results/alignment/{RUN}/scores.parquet",
    "tables": f"results/tables/{RUN}/measures.csv",
    "figures": f"results/figures/{RUN}/heatmap.svg",
}
#: Bytes that are left free when the disk is filled, by stage.
LEFT = {
    "texts": (0, 20_000, 45_000),
    "snapshot": (0, 12_000, 24_000),
    "extraction": (0, 100_000, 450_000),
    "alignment": (0, 100_000, 600_000),
    "tables": (0, 16_000, 28_000),
    "figures": (0, 60_000, 120_000),
}
#: What a user may lack: the right to write where the permissions forbid it.
WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@dataclass
class Report:
    """What was tried, and what went wrong."""

    failed: list[str] = field(default_factory=list)
    full: int = 0
    ended_well: int = 0
    refused: int = 0

    def expect(self, truth: object, what: str) -> None:
        """Note what is not as it must be."""
        if not truth:
            self.failed.append(what)
            print(f"  WRONG: {what}", flush=True)


def sheets() -> dict[str, str]:
    """The sheets of the repository, for runs in other folders."""
    names = ("models", "languages", "corpora", "extractions", "tasks", "published")
    return {name: str(REPOSITORY / f"config/{name}.tsv") for name in names}


def prepare(folder: Path) -> None:
    """One model, four languages, no tasks: a run of all stages that takes a minute."""
    config = make_project(folder, sheets())
    few = {"models": ["tiny-llama"], "languages": LANGUAGES[:4], "tasks": []}
    write_config(folder, {**config, **few})


def run(
    folder: Path, *targets: str, leave: int | None = None, prefix: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Run the workflow; with `leave`, the disk is filled once the run has begun.

    Returns
    -------
    tuple
        Exit status, and what was on the screen.
    """
    command = [*prefix, sys.executable, "-m", "snakemake", "--cores", "1", "--rerun-incomplete"]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", "config.yaml"]
    process = subprocess.Popen(
        [*command, "--", *targets],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": tempfile.gettempdir()},
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if leave is not None and line.startswith("Disk:"):
            fill(folder, leave)
    return process.wait(), "".join(lines)


def damaged(folder: Path) -> list[str]:
    """Everything on the disk that calls itself whole and is not."""
    found = []
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue  # a file or snapshot in the making
        try:
            if path.name == "manifest.json" and "activations" in path.parts:
                Activations(path.parent).verify()
            elif path.name == "manifest.json" and "alignment" in path.parts:
                Alignment(path.parent).verify()
            elif path.name == "model.json":
                files = read_card(path.parent).files
                assert {name: digest(path.parent / name) for name in files} == files
            elif path.suffix == ".parquet":
                pd.read_parquet(path)
            elif path.suffix == ".json":
                json.loads(path.read_text("utf-8"))
        except Exception as error:
            found.append(f"{path.relative_to(folder)}: {type(error).__name__} {error}")
    return found


def try_full(folder: Path, stage: str, leave: int, report: Report) -> None:
    """Fill the disk in one stage: the run must fail in words, and damage nothing."""
    status, screen = run(folder, STAGES[stage], leave=leave)
    what = f"{stage} with {leave:,} bytes left"
    print(f"{what}: exit status {status}", flush=True)
    if status == 0:
        report.ended_well += 1  # what was left sufficed
    else:
        report.full += 1
        told = re.search(
            r"(the disk is full|needs about [\d.]+ \w+ more), [\d.]+ \w+ are free", screen
        )
        report.expect(told, f"{what}: not told that the disk is full:\n{screen[-1500:]}")
        report.expect("make space" in screen, f"{what}: no way out is told")
    report.expect("Traceback" not in screen, f"{what}: a traceback on the screen")
    found = damaged(folder / "results") + damaged(folder / "resources")
    report.expect(not found, f"{what}: damaged: {found}")
    make_space(folder)


def try_refusals(folder: Path, report: Report) -> None:
    """Folders that cannot be written, and a disk that is too small from the start."""
    cases: list[tuple[str, tuple[int, str], str]] = []
    fill(folder, 2_000_000)
    cases.append(("too small", run(folder), r"the run needs about [\d.]+ MB more, [\d.]+ \wB are"))
    make_space(folder)
    with read_only(folder):
        cases.append(("read-only", run(folder), "mounted read-only: nothing can be written to"))
    (folder / "results").mkdir()
    for name in (".", "results"):
        (folder / name).chmod(0o555)
        done = run(folder, prefix=WITHOUT_RIGHTS)
        (folder / name).chmod(0o755)
        cases.append((f"no permission in {name}", done, "no permission: nothing can be written"))
    for what, (status, screen), told in cases:
        print(f"{what}: exit status {status}", flush=True)
        report.refused += 1
        report.expect(status, f"{what}: not refused")
        report.expect(len(re.findall(told, screen)) == 1, f"{what}: not told:\n{screen[-1500:]}")
        report.expect("Traceback" not in screen, f"{what}: a traceback on the screen")
        report.expect(not list((folder / "results").rglob("*.*")), f"{what}: something was made")


def torture(place: Path, *, short: bool) -> Report:
    """All cases, on a small disk at a folder."""
    report = Report()
    stages = ["texts", "extraction"] if short else list(STAGES)
    ends = [STAGES[stages[-1]]] if short else []
    with small_disk(place, SIZE):
        prepare(place)
        status, screen = run(place, *ends)
        report.expect(status == 0, f"the run on a large disk failed:\n{screen[-3000:]}")
        expected = digests(place)
    with small_disk(place, SIZE):
        prepare(place)
        if not short:
            try_refusals(place, report)
        for stage in stages:
            for leave in LEFT[stage][-1:] if short else LEFT[stage]:
                try_full(place, stage, leave, report)
            status, screen = run(place, STAGES[stage])
            report.expect(status == 0, f"{stage} does not go on:\n{screen[-3000:]}")
        status, screen = run(place, *ends)
        report.expect(status == 0, f"the end does not come:\n{screen[-3000:]}")
        report.expect(digests(place) == expected, "the results are others than on a large disk")
    return report


def main() -> int:
    """Run all cases; 0 = everything was as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="two stages, at one filling")
    options = parser.parse_args()
    as_root("tests.torture.disk", sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "disk"
        reason = cannot_mount(place)
        if reason:
            print(f"Not run: {reason}")
            return 0
        report = torture(place, short=options.short)
    print(
        f"{report.full} runs stopped by a full disk, {report.ended_well} for which the rest "
        f"sufficed, {report.refused} refused beforehand; {len(report.failed)} things wrong"
    )
    return bool(report.failed)


if __name__ == "__main__":
    sys.exit(main())
