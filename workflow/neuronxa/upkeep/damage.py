"""What is damaged in the results of a run: every file and every chunk, compared with its digest."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import joblib

from neuronxa.downstream.harness.scores import read_language
from neuronxa.downstream.nli.evaluation import read_predictions
from neuronxa.downstream.nli.training import check_weights
from neuronxa.downstream.rankings import read_rankings
from neuronxa.errors import NeuronXAError, StoreError
from neuronxa.models.snapshot import HANDLE, check_snapshot
from neuronxa.progress import SILENT, Counter
from neuronxa.provenance import RECORDS, TOPS, check_file, place_of
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import Alignment
from neuronxa.stores.journal import MANIFEST, RECORD, read_manifest

#: Folders of results that no number is read from.
UNCHECKED = {"logs", "timings", "bench", RECORDS}
#: Files beside results that are none.
_OTHER = {"README.md", "report.html"}


@dataclass(frozen=True)
class Findings:
    """What was found in a results folder.

    Attributes
    ----------
    files
        Number of files that were compared with a record.
    stores
        Number of snapshots and stores whose contents were compared with their digests.
    unfinished
        Stores without a manifest: a run goes on with them.
    unrecorded
        Files without a record, made by an older version or not by a run.
    damages
        What is damaged, each with the command that repairs it.
    """

    files: int
    stores: int
    unfinished: tuple[Path, ...]
    unrecorded: tuple[Path, ...]
    damages: tuple[NeuronXAError, ...]


def find_damage(results: Path, *, progress: Counter = SILENT) -> Findings:
    """Check everything that a results folder holds, and the snapshots and texts beside it.

    Parameters
    ----------
    results
        Folder ``results`` of a run; ``resources`` lies beside it.
    progress
        Counts files and stores.

    Raises
    ------
    StoreError
        There is no such folder.
    """
    if results.name != TOPS[0] or not results.is_dir():
        raise StoreError(
            "there are no results of a run",
            where=str(results),
            remedy="name the folder 'results' of a run; its 'resources' lie beside it",
        )
    base = results.parent
    recorded = sorted(_recorded(base))
    files = sorted(_files(base))
    handles = [path for path in files if path.name in (MANIFEST, HANDLE)]
    inside = {path.parent for path in handles}
    checks: list[Callable[[], object]] = [partial(check_file, path) for path in recorded]
    checks += [partial(check_handle, path) for path in handles]
    progress.start(len(checks))
    with ThreadPoolExecutor(max_workers=joblib.cpu_count()) as pool:
        found = []
        for error in pool.map(_run, checks):
            found.append(error)
            progress.advance(1)
    known = set(recorded)
    damages = {str(error): error for error in found if error is not None}
    return Findings(
        files=len(recorded),
        stores=len(handles),
        unfinished=tuple(
            path.parent for path in files if path.name == RECORD and path.parent not in inside
        ),
        unrecorded=tuple(
            path
            for path in files
            if path not in known and path.name != RECORD and not _is_behind(path, inside)
        ),
        damages=tuple(sorted(damages.values(), key=_flow)),
    )


def check_handle(path: Path) -> None:
    """Compare everything that a ``manifest.json`` or ``model.json`` stands for with its digests.

    Raises
    ------
    NeuronXAError
        Something is missing or damaged.
    """
    folder = path.parent
    if path.name == HANDLE:
        check_snapshot(folder)
        return
    manifest = read_manifest(folder)
    if (folder / RECORD).read_bytes() != path.read_bytes():
        raise StoreError(
            "the record is not that of the published store",
            where=str(folder / RECORD),
            remedy=f"run: cp {shlex.quote(str(path))} {shlex.quote(str(folder / RECORD))}",
        )
    place = place_of(path)
    read = _READERS.get(place.below.parts[1]) if place else None
    if "evaluation" in manifest["parts"]:
        read = read_language
    if read is not None:
        read(folder)


#: What reads everything in a folder, by the folder of results that it lies in.
_READERS: dict[str, Callable[[Path], object]] = {
    "activations": lambda folder: Activations(folder).verify(),
    "alignment": lambda folder: Alignment(folder).verify(),
    "rankings": read_rankings,
    "nli": read_predictions,
    "fine_tuning": check_weights,
}


#: Folders of results that others go into come first, so that repairs can be run from the top.
_LATE = {"correlation": 1, "figures": 2, "tables": 2, "site": 3}


def _flow(error: NeuronXAError) -> tuple[bool, int, bool]:
    """Where in the flow of a run something is damaged."""
    place = place_of(Path(error.where.split(",")[0]))
    if place is None:
        return True, 0, False
    top, folder, *_ = place.below.parts
    of_store = folder in _READERS
    return top == TOPS[0], _LATE.get(folder, 0), not of_store


def _run(check: Callable[[], object]) -> NeuronXAError | None:
    try:
        check()
    except NeuronXAError as error:
        return error
    return None


def _recorded(base: Path) -> Iterator[Path]:
    """The files that have a record."""
    for top in TOPS:
        records = base / top / RECORDS
        for path in records.rglob("*.json"):
            below = path.relative_to(records)
            yield base / top / below.with_name(below.name.removesuffix(".json"))


def _files(base: Path) -> Iterator[Path]:
    """The files of a run, without what lies inside of Zarr stores."""
    for top in TOPS:
        for folder, names, files in os.walk(base / top):
            inside = Path(folder) != base / top
            names[:] = [
                name
                for name in names
                if not name.endswith(".zarr")
                and not name.startswith(".")
                and (inside or name not in UNCHECKED)
            ]
            for name in files:
                if not name.startswith(".") and (inside or name not in _OTHER):
                    yield Path(folder, name)


def _is_behind(path: Path, inside: set[Path]) -> bool:
    """Whether a file belongs to a snapshot or store that is checked as a whole."""
    return any(parent in inside for parent in path.parents)
