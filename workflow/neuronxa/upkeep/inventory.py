"""What lies in a working directory, how much disk it takes, and what of it no run asks for.

Something is *stale* where no configuration asks for it, where the next run makes it anew (another
model, text, setting or version), or where a kill left it behind. What is asked for and unfinished
is not stale: the next run goes on from it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from neuronxa.activations.texts import EXTRACTION_VERSION, Text, identity_of
from neuronxa.alignment import ALIGNMENT_VERSION
from neuronxa.downstream.answers import RANKINGS_VERSION
from neuronxa.downstream.harness.evaluation import HARNESS_VERSION
from neuronxa.downstream.nli.evaluation import EVALUATION_VERSION
from neuronxa.downstream.nli.training import TRAINING_VERSION
from neuronxa.machine.disk import used_bytes
from neuronxa.models.snapshot import HANDLE, read_card
from neuronxa.planning.plan import Plan
from neuronxa.stores.journal import FORMAT, MANIFEST, RECORD, read_json, sealed

#: Key of a record's identity -> the version that runs make today.
VERSIONS: Mapping[str, int] = {
    "extraction_version": EXTRACTION_VERSION,
    "alignment_version": ALIGNMENT_VERSION,
    "rankings_version": RANKINGS_VERSION,
    "training_version": TRAINING_VERSION,
    "evaluation_version": EVALUATION_VERSION,
    "harness_version": HARNESS_VERSION,
}

#: Kind -> names of the levels of its folders below ``results``.
LEVELS: Mapping[str, tuple[str, ...]] = {
    "activations": ("model", "corpus", "extraction", "language"),
    "alignment": ("model", "corpus", "extraction"),
    "neurons": ("model", "corpus", "extraction"),
    "rankings": ("model", "task", "language"),
    "fine_tuning": ("model", "task"),
    "nli": ("model", "task", "language"),
    "harness": ("model", "task"),
}
#: Folders of ``resources``, by level.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "models": ("model",),
    "corpora": ("corpus",),
    "tasks": ("task",),
}
#: Kinds that have no record.
_PLAIN = frozenset({"neurons", *INPUTS})

#: What a finished store has no more use for.
_SPENT = {"alignment": ("earlier", "partial.npz"), "fine_tuning": ("checkpoints",)}
#: Half-written files and folders of processes that are gone.
_PARTS = (".*.part", ".*.partial")
#: Seconds without a change after which no living process writes them.
_SILENT_SECONDS = 3600

#: Text of an item that is unfinished and asked for.
UNFINISHED = "unfinished; the next run goes on"
#: Text of an item whose record cannot be trusted.
DAMAGED = "damaged; `make verify` says how to repair it"


@dataclass(frozen=True)
class Item:
    """One thing on the disk.

    Attributes
    ----------
    kind
        Name of its folder in ``results`` or ``resources``.
    parts
        Model, corpus, extraction, language or task, as far as they name it.
    path
        File or folder.
    size
        Bytes on the disk.
    stale
        Why no run will use it; empty = it is in use.
    note
        What else is to be said.
    """

    kind: str
    parts: tuple[str, ...]
    path: Path
    size: int
    stale: str = ""
    note: str = ""


class Inventory:
    """Everything in ``results`` and ``resources``.

    Parameters
    ----------
    plans
        The runs that share the folder: what any of them asks for is in use.
    root
        The working directory.
    results
        Folder of results; by default that of the working directory.
    """

    def __init__(
        self, plans: Sequence[Plan], *, root: Path = Path(), results: Path | None = None
    ) -> None:
        self.plans = plans
        self.resources = root / "resources"
        self.results = results or root / "results"

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """All items, stale ones included, in the order of their paths."""
        found: list[Item] = []
        for base, kinds in ((self.results, LEVELS), (self.resources, INPUTS)):
            for kind, levels in kinds.items():
                found += self._walk(kind, base / kind, (), len(levels))
        others = [p for p in _folders(self.results) if p.name not in LEVELS]
        found += [Item(p.name, (), p, used_bytes(p)) for p in others]
        found += self._left()
        return tuple(found)

    @property
    def stale(self) -> tuple[Item, ...]:
        """What can go."""
        return tuple(item for item in self.items if item.stale)

    def _walk(self, kind: str, folder: Path, parts: tuple[str, ...], depth: int) -> Iterator[Item]:
        for path in _folders(folder):
            names = (*parts, path.name)
            if names not in self._asked[kind]:
                yield Item(kind, names, path, used_bytes(path), "no configuration asks for it")
            elif len(names) < depth:
                yield from self._walk(kind, path, names, depth)
            else:
                stale, note = ("", "") if kind in _PLAIN else self._state(kind, path, names)
                yield Item(kind, names, path, used_bytes(path), stale, note)
                if not stale and not note:
                    spent = [path / name for name in _SPENT.get(kind, ())]
                    for one in spent:
                        if one.exists():
                            yield Item(
                                kind, (*names, one.name), one, used_bytes(one), "spent: "
                                "the finished store has no more use for it",
                            )  # fmt: skip

    def _left(self) -> Iterator[Item]:
        """What killed processes have left half-written, outside of what is stale as a whole."""
        now = time.time()
        for base in (self.results, self.resources):
            for pattern in _PARTS:
                for path in sorted(base.rglob(pattern)):
                    if now - _changed(path) > _SILENT_SECONDS:
                        yield Item(
                            "leftover", (path.name,), path, used_bytes(path), "left by a kill"
                        )

    @cached_property
    def _asked(self) -> Mapping[str, frozenset[tuple[str, ...]]]:
        """Kind -> names that some run asks for, and all their beginnings."""
        whole: dict[str, set[tuple[str, ...]]] = {kind: set() for kind in (*LEVELS, *INPUTS)}
        for plan in self.plans:
            settings = plan.settings
            for run in plan.runs():
                codes = plan.stored_languages(run[1])
                whole["activations"] |= {(*run, code) for code in codes}
                whole["alignment"].add(run)
                whole["neurons"].add(run)
            whole["models"] |= {(name,) for name in settings.models}
            whole["corpora"] |= {(name,) for name in settings.corpora}
            whole["tasks"] |= {(name,) for name in settings.tasks}
            for model in settings.models:
                for task, row in settings.tasks.items():
                    for kind in _TASK_KINDS.get(row.kind, ()):
                        codes = plan.task_languages.get(task, ())
                        whole[kind].add((model, task))
                        if len(LEVELS[kind]) == 3:
                            whole[kind] |= {(model, task, code) for code in codes}
        return {
            kind: frozenset(start for one in names for start in accumulate((name,) for name in one))
            for kind, names in whole.items()
        }

    def _state(self, kind: str, path: Path, names: tuple[str, ...]) -> tuple[str, str]:
        """Why a store that is asked for is stale, and what else is to be said of it."""
        records = [one for n in (MANIFEST, RECORD) if (one := read_json(path / n)) is not None]
        if not records:
            damaged = any((path / name).exists() for name in (MANIFEST, RECORD))
            return ("", DAMAGED) if damaged else ("half-made: nothing of it is committed", "")
        record = next((one for one in records if sealed(one)), None)
        if record is None:
            return "", DAMAGED  # what it says of itself is no reason to delete it
        if record.get("format") != FORMAT:
            return f"of format {record.get('format')}, today's is {FORMAT}", ""
        identity = record.get("identity", {})
        for key, today in VERSIONS.items():
            if key in identity and identity[key] != today:
                return f"made by {key.replace('_', ' ')} {identity[key]}, today's is {today}", ""
        if kind == "activations":
            differing = self._differing(names, identity)
            if differing:
                return f"of another {', '.join(differing)}", ""
        return "", "" if (path / MANIFEST).is_file() else UNFINISHED

    def _differing(self, names: tuple[str, ...], identity: Mapping[str, Any]) -> list[str]:
        """What is another today in the identity of an activation store, as far as can be told."""
        model, corpus, extraction, language = names
        for plan in self.plans:
            if names not in _stores_of(plan):
                continue
            snapshot = self.resources / "models" / model
            text = self._text(corpus, language, plan.settings.corpora[corpus].layout)
            if text is None or not (snapshot / HANDLE).is_file():
                return []
            today = identity_of(
                text,
                card=read_card(snapshot),
                corpus=corpus,
                extraction=plan.settings.extractions[extraction],
            )
            differing = [key for key, value in today.items() if identity.get(key) != value]
            if not differing:
                return []
        words = {"model_digest": "model", "text_digest": "text", "rows": "text", "sides": "text"}
        return list(dict.fromkeys(words.get(key, key) for key in differing))

    @lru_cache(maxsize=512)  # noqa: B019 - an inventory lives as long as the process
    def _text(self, corpus: str, language: str, layout: str) -> Text | None:
        """The prepared text of a language, where it is there."""
        own = self.resources / "corpora" / corpus / f"{language}.txt"
        pivot = own.with_name(f"{language}.pivot.txt") if layout == "pairs" else None
        if not own.is_file() or (pivot is not None and not pivot.is_file()):
            return None
        return Text.read(language, own, pivot)


#: Kind of a task -> folders that its results have.
_TASK_KINDS = {
    "facts": ("rankings",),
    "bmlama": ("rankings",),
    "nli": ("fine_tuning", "nli"),
    "harness": ("harness",),
}


def _stores_of(plan: Plan) -> set[tuple[str, ...]]:
    return {(*run, code) for run in plan.runs() for code in plan.stored_languages(run[1])}


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _changed(path: Path) -> float:
    """Moment of the last change of a file, or of anything in a folder."""
    try:
        return max(one.lstat().st_mtime for one in (path, *path.rglob("*")))
    except FileNotFoundError:
        return time.time()  # in use
