"""From a result back to the models, texts and settings that it was made from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neuronxa.errors import StoreError
from neuronxa.files import digest
from neuronxa.models.snapshot import HANDLE, read_card
from neuronxa.provenance import place_of, read_record
from neuronxa.stores.journal import MANIFEST, fingerprint_of, read_manifest


@dataclass
class Lineage:
    """All that a file goes back to.

    Attributes
    ----------
    path, digest
        The file, and the SHA-256 that it has now.
    record
        The record of the job that made it; None for a store that no job made (`neuronxa.library`).
    models
        Snapshot -> what its card says, and its digest.
    texts
        Corpus or task folder -> language or name -> digest of the text.
    own
        The user's own files -> digest.
    steps
        Rule -> settings of its jobs, without repetition.
    """

    path: Path
    digest: str
    record: dict[str, Any] | None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def lineage_of(path: Path) -> Lineage:
    """Follow the records from a file, or from the folder of a store, to what it was made from.

    Raises
    ------
    StoreError
        There is no such file, it has no record, or a record is damaged.
    """
    path = next((path / name for name in (MANIFEST, HANDLE) if (path / name).is_file()), path)
    place, record = place_of(path), read_record(path)
    if place is None or record is None or not path.is_file():
        return _without_record(path)
    found = Lineage(path, digest(path), record)
    seen, waiting = {path}, [(path, record)]
    while waiting:
        current, made = waiting.pop()
        settings = found.steps.setdefault(made["rule"], [])
        if made["params"] not in settings:
            settings.append(made["params"])
        if current.name == HANDLE:
            _add_model(found, current)
        for name, known in sorted(made["inputs"].items()):
            source = place.base / name
            if source in seen:
                continue
            seen.add(source)
            before = read_record(source)
            if before is not None:
                waiting.append((source, before))
                if source.suffix in (".txt", ".tsv"):
                    found.texts.setdefault(str(Path(name).parent), {})[source.stem] = known
            elif place_of(Path(name)) is None:
                found.own[name] = known
    return found


def _without_record(path: Path) -> Lineage:
    """A store or snapshot that was made in Python."""
    if path.name not in (MANIFEST, HANDLE) or not path.is_file() or place_of(path) is not None:
        raise StoreError(
            "nothing is recorded of where it comes from",
            where=str(path),
            allowed="a file or store below 'results' or 'resources' of a run",
            remedy="a file that an older version has made gets its record when it is made again",
        )
    found = Lineage(path, digest(path), None)
    if path.name == HANDLE:
        _add_model(found, path)
    return found


def describe(found: Lineage) -> str:
    """A lineage in words, for the screen."""
    record = found.record
    lines = [str(found.path), f"  sha256      {found.digest}"]
    if record is not None:
        lines += [f"  made by     {record['rule']}"]
        lines += [f"  commit      {record['commit'] or 'unknown'}"]
        versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
        lines += [f"  versions    {versions}"]
    if found.path.name == MANIFEST:
        manifest = read_manifest(found.path.parent)
        lines += [f"  fingerprint {manifest['fingerprint']}"]
        if record is None:
            plain = {k: v for k, v in manifest["identity"].items() if not isinstance(v, list)}
            lines += ["made in Python, not by a job, of", *_pairs(plain)]
    for name, model in sorted(found.models.items()):
        lines += [f"model {name}", *_pairs(model)]
    for folder, texts in sorted(found.texts.items()):
        lines += [f"texts {folder}", f"  {len(texts)} files, digest {fingerprint_of(texts)}"]
    if found.own:
        lines += ["files of your own", *_pairs(found.own)]
    for rule, settings in found.steps.items():
        lines += [f"settings of {rule}"]
        lines += [f"  {json.dumps(one, sort_keys=True, ensure_ascii=False)}" for one in settings]
    return "\n".join(lines)


def _add_model(found: Lineage, handle: Path) -> None:
    card = read_card(handle.parent)
    names = ("source", "location", "revision", "stored_as", "source_digest")
    told = {name: getattr(card, name) for name in names if getattr(card, name)}
    found.models[card.model] = {"digest": card.digest, **told}


def _pairs(values: Mapping[str, Any]) -> Iterable[str]:
    return [f"  {name}  {value}" for name, value in sorted(values.items())]
