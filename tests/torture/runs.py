"""Runs of a tiny workflow as `make run` makes them, and what they leave behind."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LIBRARY = REPOSITORY / "workflow"
SHEETS = ("models", "languages", "corpora", "extractions", "tasks", "published")

#: What differs from run to run: when, and how long.
VOLATILE = ("logs", "timings", "report.html")


def default_sheets():
    """The sheets of the repository, for runs in other folders."""
    return {name: str(REPOSITORY / f"config/{name}.tsv") for name in SHEETS}


def environment():
    """One thread each, and the library of this repository whatever is installed."""
    return {**os.environ, "PYTHONPATH": str(LIBRARY), "OMP_NUM_THREADS": "1"}


def unlock(folder):
    """Release the lock of a killed run, for plain Snakemake."""
    command = [sys.executable, "-m", "neuronxa", "unlock"]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def start(folder, *arguments, output=subprocess.DEVNULL):
    """Start the workflow as `make run` does, in a process group of its own."""
    return launch(folder, make_run(*arguments), output=output)


def make_run(*arguments):
    """The command of `make run`."""
    return [sys.executable, "-m", "neuronxa", "run", "--", *snakemake(*arguments)]


def snakemake(*arguments):
    """The command of plain Snakemake, on this machine."""
    return plain_snakemake("--cores", "2", "--rerun-incomplete", *arguments)


def plain_snakemake(*arguments):
    """The command of plain Snakemake: where jobs run is for the caller to say."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
    return [*command, "--configfile", "config.yaml", *arguments]


def launch(folder, command, output=subprocess.DEVNULL):
    """Start a command in a process group of its own."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=output,
        stderr=output,
        text=True,
        start_new_session=True,
    )


def finish(folder, *arguments):
    """Run the workflow to its end; returns what the screen showed.

    Raises
    ------
    AssertionError
        It did not end well.
    """
    process = start(folder, *arguments, output=subprocess.PIPE)
    out, err = process.communicate()
    assert process.returncode == 0, (out + err)[-5000:]
    return out + err


def contents(folder):
    """Digest of every file of the results that is not volatile, by path.

    Half-written files that a kill left behind are no results: they are never read.
    """
    results = folder / "results"
    found = {}
    for path in sorted(results.rglob("*")):
        below = path.relative_to(results)
        if not path.is_file() or below.parts[0] in VOLATILE:
            continue
        if path.suffix in {".lock", ".part"}:
            continue
        found[str(below)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def committed(folder):
    """The chunks that records name as committed: path -> what `written` says."""
    found = {}
    for record in sorted((folder / "results").rglob("record.json")):
        parts = json.loads(record.read_text("utf-8"))["parts"]
        for part, arrays in parts.items():
            for pattern in _chunks(part, arrays):
                for path in record.parent.glob(pattern):
                    if path.is_file():
                        found[path] = written(path)
    return found


def written(path):
    """When a file was written, and as which file; None where it is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino


def _chunks(part, arrays):
    """Where the chunks of a part lie: a block of an activation store, a layer of an alignment."""
    if "/" in part:
        representation, layer = part.split("/")
        return [f"alignment.zarr/{representation}/{name}/c/{layer}/**/*" for name in arrays]
    layered = {name for name in arrays if name.startswith(("nas", "nav", "hidden"))}
    return [
        f"store.zarr/{name}/c/*/{part}/*" if name in layered else f"store.zarr/{name}/c/{part}*"
        for name in arrays
    ]
