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
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from neuronxa.errors import NeuronXAError
from neuronxa.provenance import RECORDS, check_file
from neuronxa.upkeep.damage import check_handle, find_damage

from ..workflow.conftest import write_config
from ..workflow.project import add_tasks, make_project
from .runs import REPOSITORY, default_sheets, plain_snakemake

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
    "record": ["results/*/**/record.json"],
    "manifest": ["results/*/**/manifest.json"],
    "shard": ["results/*/**/shard.*.json"],
    "answers": ["results/rankings/*/*/*/rankings/*"],
    "judgements": ["results/nli/*/*/*/*.*"],
    "adapter": ["results/fine_tuning/*/*/weights/*"],
    "pairs": ["resources/tasks/*/*.tsv"],
    "frame": ["results/**/*.parquet"],
    "table": ["results/tables/**/*.*"],
    "figure": ["results/figures/**/*.*"],
    "provenance": ["results/provenance/**/*.json", "resources/provenance/**/*.json"],
}
COMMAND = re.compile(r"run: (.*)$", flags=re.MULTILINE)


def make_run(folder, *, languages=3, models=("tiny-llama",), targets=(), tasks=False):
    """A finished run of the tiny project in a folder, with tasks of every kind if asked for."""
    config = make_project(folder, default_sheets())
    if tasks:
        config = add_tasks(folder, config)
    config |= {"models": list(models), "languages": config["languages"][:languages]}
    write_config(folder, config)
    run_snakemake(folder, "--cores", "2", *targets)


def run_snakemake(folder, *arguments):
    """Run Snakemake on the project in a folder; what it printed."""
    command = plain_snakemake(*arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise AssertionError(done.stderr[-5000:])
    return done.stdout + done.stderr


def files_of(folder, kind):
    """The files of one kind."""
    patterns = KINDS[kind]
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    found = {path for path in found if path.name != ".lock"}
    return sorted(path for path in found if kind == "provenance" or RECORDS not in path.parts)


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
    if RECORDS in path.parts:  # read with the file that it is of
        path = Path(*(part for part in path.parts if part != RECORDS)).with_suffix("")
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
    """Every byte of a run, but for logs, times and locks, and the commit in records."""
    found = {}
    for top in ("resources", "results"):
        for path in sorted((folder / top).rglob("*")):
            if (
                path.is_file()
                and not {"logs", "timings"} & set(path.parts)
                and path.name != ".lock"
            ):
                data = path.read_bytes()
                if RECORDS in path.parts:
                    data = re.sub(rb'"(commit|seal)": .*', b"", data)
                found[str(path.relative_to(folder))] = data
    return found


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


def other_bytes(folder, again):
    """Do the same work in another folder; what has other bytes there."""
    again.mkdir()
    for path in (*folder.glob("*.tsv"), *folder.glob("*.csv"), folder / "config.yaml"):
        shutil.copy(path, again)
    shutil.copytree(folder / "config", again / "config")
    run_snakemake(again, "--cores", "2")
    mine, theirs = contents(folder), contents(again)
    wrong = sorted(mine.keys() ^ theirs.keys())
    wrong += [name for name, data in mine.items() if theirs.get(name, data) != data]
    print(f"two folders: {len(mine)} files, {len(wrong)} differ", flush=True)
    return wrong


def let_through(folder, trials, rng):
    """Damage files of all kinds in turn; the damages that were let through."""
    assert not find_damage(folder / "results").damages
    wrong, tried = [], Counter()
    for trial in range(trials):
        kind = list(KINDS)[trial % len(KINDS)]
        tried[kind] += 1
        if problem := one_trial(folder, kind, rng):
            wrong.append(problem)
    print(f"{trials} damages, {trials - len(wrong)} found: {dict(tried)}", flush=True)
    return wrong


def not_repaired(folder, rng):
    """Damage a file of each kind and run the commands that are named; what is not as before."""
    before, wrong = contents(folder), []
    for kind in KINDS:
        path = rng.choice(files_of(folder, kind))
        damage(path, rng)
        commands = repair(folder)
        after = contents(folder)
        changed = [name for name, data in before.items() if after.get(name) != data]
        if changed:
            wrong.append(f"{kind}, {path}: {changed} differ after {commands}")
        print(f"{kind}: {commands}, {len(changed)} files differ", flush=True)
    if "Nothing to be done" not in (left := run_snakemake(folder, "--dry-run")):
        wrong.append(f"after the repairs a run has more to do: {left[-2000:]}")
    return wrong


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
        wrong = []
        if options.folder is None:
            folder.mkdir()
            make_run(folder, tasks=True)
            wrong += other_bytes(folder, Path(temporary, "again"))
        wrong += let_through(folder, options.trials, rng)
        wrong += not_repaired(folder, rng)
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
