"""A case: how a good project is spoilt, and what the user then sees.

The good project is that of the workflow's tests, with every sheet beside it and with the texts and
one snapshot already made. What was made must survive every refusal.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from neuronxa.config.files import names_of, read_configuration
from neuronxa.errors import NeuronXAError
from neuronxa.planning.plan import make_plan

from ..torture.runs import REPOSITORY, SHEETS, environment, finish, snakemake
from ..workflow.project import make_project

#: What is made before the project is spoilt.
MADE = [
    "resources/corpora/toy/corpus.json",
    "resources/models/tiny-llama/model.json",
    "results/benchmarks/quiz.parquet",
]
#: How a message begins on the screen: of a plan that is refused, and of a job.
#: Snakemake adds where in its rules it happened.
PLAN = re.compile(
    r"^(?:WorkflowError(?: in file .*)?:\n|Error: )(.*?)(?=\n  File \"|\Z)",
    re.MULTILINE | re.DOTALL,
)
JOB = re.compile(r"^Error: (.*?)\n  Log: (?P<log>.*)$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One way to spoil a project.

    Attributes
    ----------
    title
        What is wrong, in the words of a heading.
    spoil
        Changes the project in a folder.
    target
        What is asked for, where a job has to find the fault; empty where the plan is refused,
        before any job.
    variables
        Of the environment.
    remade
        Part of the paths of what is rightly made anew, since its source has changed.
    """

    title: str
    spoil: Callable[[Path], object]
    target: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    remade: str = ""


@dataclass(frozen=True)
class Refusal:
    """What came of a case.

    Attributes
    ----------
    status
        Exit status of the run.
    screen
        All that the user saw.
    message
        The message in it, with the folder of the project left out.
    lost
        Files that had been made before and are not as they were.
    """

    status: int
    screen: str
    message: str
    lost: list[str]


def make_good_project(folder: Path) -> None:
    """The project that every case starts from; nothing in it names the folder."""
    make_project(folder, {})
    for path in folder.glob("*.tsv"):
        path.write_text(path.read_text("utf-8").replace(f"{folder}/", ""), "utf-8")
    for name in SHEETS:
        if not (folder / f"{name}.tsv").exists():
            shutil.copyfile(REPOSITORY / f"config/{name}.tsv", folder / f"{name}.tsv")
    config(folder, sheets={name: f"{name}.tsv" for name in SHEETS})
    finish(folder, *MADE)


def refuse(good: Path, folder: Path, case: Case, *, really: bool = False) -> Refusal:
    """Spoil a copy of the good project, and run it.

    A plan is made as the rules make it, but here, which is quick; `really` starts `make run`.
    """
    shutil.copytree(good, folder, symlinks=True)
    made = _contents(folder)
    case.spoil(folder)
    if case.target or really:
        status, screen = _run(folder, case)
    else:
        status, screen = _plan(folder)
    found = (JOB if case.target else PLAN).search(screen)
    message = found[1].strip() if found else ""
    for place in (f"{folder}/", f"{folder.resolve()}/"):
        message = message.replace(place, "")
    now = _contents(folder)
    # what the refused job itself makes anew is not kept
    own = case.remade or Path(case.target).stem
    lost = [
        path
        for path, content in made.items()
        if now.get(path) != content and not (own and own in path)
    ]
    return Refusal(status, screen, message, lost)


def _run(folder: Path, case: Case) -> tuple[int, str]:
    """Start Snakemake; exit status and screen."""
    command = [sys.executable, "-m", "neuronxa", "run", "--config", "config.yaml", "--"]
    done = subprocess.run(
        [*command, *snakemake(*[case.target] * bool(case.target))],
        cwd=folder,
        env={**environment(), **case.variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def _plan(folder: Path) -> tuple[int, str]:
    """Plan as the rules do; exit status and screen."""
    files = [Path("config.yaml"), Path("config/config.yaml")]
    with contextlib.chdir(folder):
        try:
            make_plan(read_configuration(reversed(files)), where=names_of(files))
        except NeuronXAError as error:
            return 1, f"WorkflowError:\n{error}"
    return 0, ""


def _contents(folder: Path) -> dict[str, tuple[int, str]]:
    """What was made: when, and its digest."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for name in ("results", "resources")
        for path in (folder / name).rglob("*")
        if path.is_file() and path.suffix != ".log"
    }


def config(folder: Path, **changes: object) -> None:
    """Change keys of the config; a mapping changes the keys in it, None takes the key away."""
    path = folder / "config.yaml"
    content = yaml.safe_load(path.read_text("utf-8"))
    for key, value in changes.items():
        if isinstance(value, dict):
            content[key] = {**content.get(key, {}), **value}
        elif value is None:
            del content[key]
        else:
            content[key] = value
    path.write_text(yaml.safe_dump(content), "utf-8")


def setting(**changes: object) -> Callable[[Path], None]:
    """A case's change of the config."""
    return lambda folder: config(folder, **changes)


def written(name: str, content: str | bytes) -> Callable[[Path], object]:
    """A case in which a file has another content."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    """A case in which a file has another text at one place."""

    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text("utf-8")
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new, 1), "utf-8")

    return change


def cell(name: str, column: str, value: str) -> Callable[[Path], object]:
    """A case in which the first row of a sheet has another value in a column."""

    def change(folder: Path) -> None:
        path = folder / f"{name}.tsv"
        lines = path.read_text("utf-8").splitlines()
        first = next(i for i, line in enumerate(lines) if not line.startswith("#"))
        header, row = (lines[first + i].split("\t") for i in (0, 1))
        if column not in header:
            header.append(column)
        row += [""] * (len(header) - len(row))
        row[header.index(column)] = value
        lines[first : first + 2] = ["\t".join(header), "\t".join(row)]
        path.write_text("\n".join(lines) + "\n", "utf-8")

    return change


def removed(name: str) -> Callable[[Path], object]:
    """A case in which a file or folder is not there."""

    def change(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def both(*changes: Callable[[Path], object]) -> Callable[[Path], object]:
    """A case of several changes."""
    return lambda folder: [change(folder) for change in changes]
