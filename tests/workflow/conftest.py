"""Running the workflow as a process."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml


@pytest.fixture(scope="session")
def snakemake(repository):
    """Run Snakemake in a working directory that holds a ``config.yaml``."""

    def run(folder, *arguments, check=True):
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(repository / "Snakefile")]
        command += ["--configfile", str(folder / "config.yaml")]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, cwd=folder
        )
        if check and done.returncode:
            raise AssertionError(done.stderr[-5000:])
        return done

    return run


@pytest.fixture(scope="session")
def default_sheets(repository):
    """The sheets of the repository, for runs in other folders."""
    names = ("models", "languages", "corpora", "extractions", "tasks", "published")
    return {name: str(repository / f"config/{name}.tsv") for name in names}


def write_config(folder, config):
    """Write ``config.yaml``, and the empty default that the Snakefile names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "config.yaml").write_text("{}\n", "utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
