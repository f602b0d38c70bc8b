"""What each engine costs: the same run on this machine, on a Dask cluster, with a bucket, on Slurm.

    python -m tests.benchmarks.engines [--tiny | --config FILE] [--engines processes bucket slurm]

Every run starts in an empty folder. Prints its time against the local run, and whether it has left
the same bytes; exits with 1 where it has not. Slurm is one of its own on this machine (root,
Debian), the bucket an S3 server on it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml

from ..s3 import s3_server
from ..slurm.cluster import Cluster, missing
from ..torture.runs import LIBRARY, REPOSITORY, default_sheets, plain_snakemake
from ..workflow.conftest import write_config
from ..workflow.project import digests, make_project

#: As many threads as the machine has cores, wherever a job runs: what the local run has too.
CORES = len(os.sched_getaffinity(0))
MODEL_JOBS = ("extract_activations", "rank_candidates", "align_languages", "census_neurons")
SLURM = [
    *("--workflow-profile", str(REPOSITORY / "workflow/profiles/slurm")),
    *("--jobs", "2", "--slurm-init-seconds-before-status-checks", "3"),
    *("--set-threads", *(f"{rule}={CORES}" for rule in MODEL_JOBS)),
]
LOCAL = ["--cores", str(CORES)]

Run = Callable[[Path], float]


def main() -> int:
    """Run everything, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="two tiny models, not the default run")
    parser.add_argument("--config", type=Path, help="what differs from the default run")
    parser.add_argument("--engines", nargs="*", choices=ENGINES, default=list(ENGINES))
    options = parser.parse_args()
    if "slurm" in options.engines and (told := missing()):
        print(f"No Slurm: {told}")
        options.engines.remove("slurm")
    expected: Mapping[str, bytes] = {}
    differ = 0
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs"
        config = tiny_project(inputs) if options.tiny else default_run(options.config)
        local = 0.0
        for name in dict.fromkeys(("local", *options.engines)):
            place = Path(folder) / name
            write_config(place, config)
            seconds = ENGINES[name](place)
            found = digests(place)
            local, expected = (seconds, found) if name == "local" else (local, expected)
            wrong = [
                path
                for path in expected.keys() | found.keys()
                if expected.get(path) != found.get(path)
            ]
            differ += len(wrong)
            print(
                f"{name}: {seconds:.0f} s, {seconds / local:.2f} times the local run, "
                f"{len(found)} files, {len(wrong)} of them other bytes {sorted(wrong)[:5] or ''}",
                flush=True,
            )
    return bool(differ)


def default_run(changes: Path | None) -> dict[str, object]:
    """The config of the default run, and what a file changes of it."""
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text("utf-8"))
    changed = yaml.safe_load(changes.read_text("utf-8")) if changes else {}
    return {**config, **changed, "sheets": {**default_sheets(), **changed.get("sheets", {})}}


def tiny_project(folder: Path) -> dict[str, object]:
    """A config of two tiny models; its paths are absolute, so that all runs see the same files."""
    config = make_project(folder, default_sheets())
    own = {kind: str(folder / f"{kind}.tsv") for kind in ("models", "corpora", "tasks")}
    return {**config, "sheets": {**config["sheets"], **own}}


def timed(
    folder: Path, command: Sequence[str], environment: Mapping[str, str] = os.environ
) -> float:
    """Seconds of a command that must succeed; what it says stands in `run.log`."""
    environment = {**environment, "PYTHONPATH": str(LIBRARY)}
    began = time.perf_counter()
    with (folder / "run.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=log, stderr=log, check=False
        )
    if done.returncode:
        text = (folder / "run.log").read_text("utf-8")
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{text[-4000:]}")
    return time.perf_counter() - began


def run_local(folder: Path) -> float:
    """Jobs on this machine."""
    return timed(folder, plain_snakemake(*LOCAL))


def run_processes(folder: Path) -> float:
    """Jobs on this machine, their comparisons on a Dask cluster of processes."""
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text("utf-8"))
    config["alignment"] = {**config.get("alignment", {}), "scheduler": "processes"}
    path.write_text(yaml.safe_dump(config), "utf-8")
    return timed(folder, plain_snakemake(*LOCAL))


def run_bucket(folder: Path) -> float:
    """Jobs on this machine, their results also in a bucket; its last upload included."""
    with s3_server() as url:
        run = [sys.executable, "-m", "neuronxa", "run", "--bucket", f"{url}/one", "--"]
        push = [sys.executable, "-m", "neuronxa", "bucket", "push", f"{url}/one"]
        return timed(folder, [*run, *plain_snakemake(*LOCAL)]) + timed(folder, push)


def run_slurm(folder: Path) -> float:
    """Jobs through the profile, on a controller and two nodes of this machine."""
    cluster = Cluster(folder / "slurm")
    try:
        cluster.start()
        return timed(folder, plain_snakemake(*SLURM), cluster.environment)
    finally:
        cluster.stop()


ENGINES: dict[str, Run] = {
    "local": run_local,
    "processes": run_processes,
    "bucket": run_bucket,
    "slurm": run_slurm,
}


if __name__ == "__main__":
    sys.exit(main())
