"""Shards: the languages that one job takes through one load of a model, and the record of it.

A shard's record is what rules ask for; each language keeps a store and a manifest of its own. A
job that runs again, for an added language or after a kill, loads the model for what is pending
alone and leaves the rest as it is. On disk, beside the folders of the languages::

    shard.<name>.json   its languages, and the digest of each manifest; written last

The name stands for the languages: with another one it is another record, so that no record of fewer
languages can pass for that of more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from neuronxa.errors import StoreError
from neuronxa.files import atomic_write_text, digest
from neuronxa.provenance import manifests_of


def cut_shards(languages: Sequence[str], size: int) -> dict[str, tuple[str, ...]]:
    """Name -> languages of every shard.

    Parameters
    ----------
    languages
        In the order of the config: one that is added at the end changes the last shard alone.
    size
        Most languages of one shard.
    """
    shards = {}
    for start in range(0, len(languages), size):
        codes = tuple(languages[start : start + size])
        name = hashlib.sha256(" ".join(codes).encode()).hexdigest()[:8]
        shards[f"{start // size}-{name}"] = codes
    return shards


def write_record(record: Path, languages: Sequence[str], publish: Callable[[str], Path]) -> None:
    """Publish every language of a shard, then its record.

    Parameters
    ----------
    record
        File of the record; the languages' folders lie beside it.
    languages
        Languages of the shard.
    publish
        Makes sure that a language is complete and gives its manifest. The first that is asked for
        completes all that share its load of the model.
    """
    manifests = {language: digest(publish(language)) for language in languages}
    atomic_write_text(record, json.dumps({"manifests": manifests}, indent=1) + "\n")


def folders_of(records: Iterable[str | Path]) -> dict[str, Path]:
    """Language -> folder of all languages of some shards, in their order.

    Raises
    ------
    StoreError
        A record is missing or damaged.
    """
    found: dict[str, Path] = {}
    for path in map(Path, records):
        manifests = manifests_of(path)
        if not manifests:
            raise StoreError(
                "the record of a shard is missing or damaged",
                where=str(path),
                remedy="run the workflow again; what is complete is not made again",
            )
        found |= {manifest.parent.name: manifest.parent for manifest in manifests}
    return found


def withdraw_false(records: Iterable[str | Path]) -> list[Path]:
    """Delete records that say too much: that are damaged, or name a manifest that is not there.

    A plan that believed them would not make what is missing. What is there stays, and is not made
    again.

    Parameters
    ----------
    records
        Those that a plan asks for; one that is not there is passed over.

    Returns
    -------
    list of Path
        Records that were deleted.
    """
    withdrawn = []
    for path in map(Path, records):
        manifests = manifests_of(path)
        if path.is_file() and not (manifests and all(one.is_file() for one in manifests)):
            path.unlink(missing_ok=True)
            withdrawn.append(path)
    return withdrawn
