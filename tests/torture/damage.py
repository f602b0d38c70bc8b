"""Damage the results of a run at random, and see that every damage is found and can be repaired.

    python -m tests.torture.damage --trials 200 --seed 0

A tiny run is made once. Each trial flips a bit of one of its files or cuts one short, and asks
`neuronxa verify` (`find_damage`), and what reads the file in a run, for it. At the end one file of
each kind is damaged and repaired by the command that the message names, with Snakemake itself: the
results must be what they were, bit by bit, and nothing else may be left to do.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from neuronxa.damage import check_handle, find_damage
from neuronxa.errors import NeuronXAError
from neuronxa.provenance import check_file

from ..workflow.conftest import write_config
from ..workflow.project import make_project

REPOSITORY = Path(__file__).parents[2]

#: What can be damaged: kind -> patterns below the folder of a run.
KINDS = {
    "snapshot": ["resources/models/*/*.safetensors", "resources/models/*/tok*.json"],
    "card": ["resources/models/*/model.json"],
    "text": ["resources/corpora/*/*.txt"],
    "text record": ["resources/corpora/*/*.json"],
    "activation chunk": ["results/activations/**/c/**/*"],
    "activation metadata": ["results/activations/**/zarr.json"],
    "alignment chunk": ["results/alignment/**/c/**/*"],
    "alignment metadata": ["results/alignment/**/zarr.json"],
    "record": ["results/a*/**/record.json"],
    "manifest": ["results/a*/**/manifest.json"],
    "frame": ["results/**/*.parquet"],
    "table": ["results/tables/**/*.*"],
    "figure": ["results/figures/**/*.*"],
    "provenance": ["results/provenance/**/*.json", "resources/provenance/**/*.json"],
}
COMMAND = re.compile(r"run: (.*)$", flags=re.MULTILINE)


def make_run(folder, *, languages=3, models=("tiny-llama",), targets=()):
    """A finished run of the tiny project in a folder."""
    names = ("models", "languages", "corpora", "extractions", "tasks", "published")
    sheets = {name: str(REPOSITORY / f"config/{name}.tsv") for name in names}
    config = make_project(folder, sheets)
    config |= {"models": list(models), "languages": config["languages"][:languages]}
    write_config(folder, config)
    run_snakemake(folder, "--cores", "2", *targets)


def run_snakemake(folder, *arguments):
    """Run Snakemake on the project in a folder; what it printed."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
    command += ["--configfile", "config.yaml", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise AssertionError(done.stderr[-5000:])
    return done.stdout + done.stderr


def files_of(folder, kind):
    """The files of one kind."""
    found = {path for pattern in KINDS[kind] for path in folder.glob(pattern) if path.is_file()}
    return sorted(path for path in found if kind == "provenance" or "provenance" not in path.parts)


def damage(path, rng):
    """Flip one bit of a file, or cut it short; what was done."""
    data = bytearray(path.read_bytes())
    if not data:
        path.write_bytes(b"\0")
        return "a byte added"
    # a link leads to a file of the user's own
    path.unlink()
    if rng.random() < 0.3:
        length = int(rng.integers(len(data)))
        path.write_bytes(data[:length])
        return f"cut from {len(data)} to {length} bytes"
    bit = int(rng.integers(8 * len(data)))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    return f"bit {bit} flipped"


def named(error, path):
    """Whether a message names a damaged file, and a command that repairs it."""
    where = error.where.split(",")[0]
    of_chunk = where.endswith(".zarr") and path.is_relative_to(where)
    return (of_chunk or where == str(path)) and COMMAND.search(str(error)) is not None


def readers_refuse(folder, path):
    """Whether what reads a file in a run refuses it: the job that it goes into, or the store."""
    behind = [
        parent / name
        for parent in path.parents
        for name in ("manifest.json", "model.json")
        if parent.is_relative_to(folder) and (parent / name).is_file()
    ]
    refused = 0
    for check, handle in [(check_file, path), *((check_handle, handle) for handle in behind[:1])]:
        try:
            check(handle)
        except NeuronXAError:
            refused += 1
    return refused > 0


def one_trial(folder, kind, rng):
    """Damage one file and put it back; what went wrong, or nothing."""
    path = rng.choice(files_of(folder, kind))
    linked = path.readlink() if path.is_symlink() else None
    before = path.read_bytes()
    done = damage(path, rng)
    try:
        found = find_damage(folder / "results").damages
        if not any(named(error, path) for error in found):
            said = "; ".join(map(str, found)) or "nothing"
            return f"{path} ({done}): verify says {said}"
        if not readers_refuse(folder, path):
            return f"{path} ({done}): what reads it takes it"
    finally:
        path.unlink(missing_ok=True)
        path.symlink_to(linked) if linked else path.write_bytes(before)
    return ""


def contents(folder):
    """Every byte of the results and resources of a run, but for what tells of its jobs."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for top in ("resources", "results")
        for path in sorted((folder / top).rglob("*"))
        if path.is_file() and not {"logs", "timings"} & set(path.parts) and path.name != ".lock"
    }


def repair(folder):
    """Run the command of every damage that is found, from the top; the commands."""
    commands = []
    while found := find_damage(folder / "results").damages:
        command = COMMAND.search(str(found[0])).group(1)
        assert command not in commands, f"{command} does not repair: {found[0]}"
        commands.append(command)
        snakemake = f"{sys.executable} -m snakemake --snakefile {REPOSITORY / 'Snakefile'}"
        real = command.replace("--cores all", "--configfile config.yaml --cores 2")
        real = real.replace("snakemake ", f"{snakemake} ")
        done = subprocess.run(
            ["bash", "-c", real], capture_output=True, text=True, check=False, cwd=folder
        )
        assert done.returncode == 0, f"{command}:\n{done.stderr[-3000:]}"
    return commands


def main(arguments=None):
    """Run the trials; exit status 1 if a damage was let through or not repaired."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.damage", description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="folder of a run that `make_run` has made")
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary, "run")
        if options.folder is None:
            folder.mkdir()
            make_run(folder)
        assert not find_damage(folder / "results").damages
        wrong, tried = [], Counter()
        for trial in range(options.trials):
            kind = list(KINDS)[trial % len(KINDS)]
            tried[kind] += 1
            if problem := one_trial(folder, kind, rng):
                wrong.append(problem)
                print(problem, flush=True)
        print(f"{options.trials} damages, {options.trials - len(wrong)} found", dict(tried))
        before, repaired = contents(folder), 0
        for kind in KINDS:
            path = rng.choice(files_of(folder, kind))
            damage(path, rng)
            commands = repair(folder)
            changed = [name for name, data in contents(folder).items() if before[name] != data]
            left = run_snakemake(folder, "--dry-run")
            if changed or "Nothing to be done" not in left:
                wrong.append(f"{kind}, {path}: {changed} differ after {commands}; {left[-2000:]}")
                print(wrong[-1], flush=True)
            else:
                repaired += 1
                print(f"{kind}: repaired by {commands}", flush=True)
        print(f"{len(KINDS)} kinds, {repaired} repaired bit by bit")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
