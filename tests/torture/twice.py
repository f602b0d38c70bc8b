"""Start two runs in one folder at the same moment: one of them works, or both do no harm.

    python -m tests.torture.twice

Both as `make run` does, both with plain Snakemake, and both with Snakemake's lock switched off, so
that only the locks of the stores stand between them. In the end every result must have the bytes
of a run that was alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ..workflow.project import make_project
from .runs import contents, default_sheets, finish, launch, make_run, snakemake

#: Way to start -> how many of the two may fail.
WAYS = {"make run": 1, "snakemake": 1, "snakemake --nolock": 2}
TARGETS = [
    f"results/alignment/tiny-{kind}/toy/default/manifest.json" for kind in ("llama", "gemma")
]


def twice(folder, ways=tuple(WAYS), targets=TARGETS, tell=print):
    """Start two runs at once in every way, and compare what they leave.

    Returns
    -------
    dict
        Way to start -> (exit status, screen) of both runs.

    Raises
    ------
    AssertionError
        More runs failed than may, or the results are others.
    """
    alone, ended = folder / "alone", {}
    make_project(alone, default_sheets())
    for way in ways:
        shutil.copytree(alone, folder / way)
    finish(alone, *targets)
    expected = contents(alone)
    for way in ways:
        together = folder / way
        ended[way] = _both(together, _command(way, targets))
        failed = [status for status, _ in ended[way] if status]
        assert len(failed) <= WAYS[way], ended[way]
        finish(together, *targets)
        assert contents(together) == expected
        tell(f"{way}: {len(failed)} of 2 refused or failed; the same bytes in the end")
    return ended


def _command(way, targets):
    if way == "make run":
        return make_run(*targets)
    return snakemake(*targets, *(word for word in way.split() if word.startswith("--")))


def _both(folder, command):
    runs = [launch(folder, command, output=subprocess.PIPE) for _ in range(2)]
    screens = ["".join(run.communicate()) for run in runs]
    return [(run.returncode, screen) for run, screen in zip(runs, screens, strict=True)]


def main():
    with tempfile.TemporaryDirectory() as folder:
        ended = twice(Path(folder))
    for way, runs in ended.items():
        for status, screen in runs:
            last = [line for line in screen.splitlines() if "Error" in line or "Exception" in line]
            print(f"{way}: exit status {status} {last[:3]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
