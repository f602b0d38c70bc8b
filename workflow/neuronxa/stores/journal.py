"""The record of a store that is filled part by part: what is committed, and with which digests.

On disk, beside the store::

    record.json     the parts that are committed, and the digest of each of their chunks
    manifest.json   a copy of the finished record, written last: the handle that rules ask for

A part counts only once the record names it, so a half-written one can never pass for whole. The
record also names the digests of the store's other files (metadata, coordinates) and its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from neuronxa.errors import StoreError
from neuronxa.files import atomic_write_bytes, atomic_write_text, digest
from neuronxa.provenance import remake

#: Raised when the layout of stores or records changes; older ones are then made anew.
FORMAT = 1
MANIFEST = "manifest.json"
RECORD = "record.json"

#: The store of activations beside its record.
STORE = "store.zarr"

#: Digests of the chunks of one part, by array.
Digests = dict[str, list[str]]


class Journal:
    """The record of a store that is being filled.

    Parameters
    ----------
    folder
        Folder of the record; the store lies beside it.
    identity
        Everything that the content depends on, as plain values; another identity means another
        content.
    layout
        Sizes of the store, as plain values.
    """

    def __init__(
        self,
        folder: Path,
        *,
        identity: Mapping[str, Any],
        layout: Mapping[str, Any],
    ) -> None:
        self.folder = folder
        self._content: dict[str, Any] = {
            "format": FORMAT,
            "fingerprint": fingerprint_of(identity),
            "identity": dict(identity),
            "layout": dict(layout),
            "complete": False,
            "facts": {},
            "parts": {},
        }

    @classmethod
    def of(cls, folder: Path, identity: Mapping[str, Any], *, store: str) -> Journal:
        """The record of this content in a folder, resumed if it and the store are there."""
        journal = cls(folder, identity=identity, layout={})
        if (folder / store).exists():
            journal.resume()
        return journal

    @property
    def layout(self) -> dict[str, Any]:
        """Sizes of the store that the record describes."""
        return dict(self._content["layout"])

    @property
    def fingerprint(self) -> str:
        """Digest of what the content depends on."""
        return str(self._content["fingerprint"])

    @property
    def facts(self) -> dict[str, Any]:
        """What was recorded at the end."""
        return dict(self._content["facts"])

    @property
    def complete(self) -> bool:
        """Whether all parts are committed and the end is recorded."""
        return bool(self._content["complete"])

    @property
    def parts(self) -> dict[str, Digests]:
        """Digests of the committed parts."""
        return dict(self._content["parts"])

    def resume(self) -> bool:
        """Take over the record on disk if it is of the same content.

        A complete record may have another layout, which changes no number; an unfinished one must
        have the same.
        """
        record = read_json(self.folder / RECORD)
        if (
            record is None
            or not sealed(record)
            or record.get("format") != FORMAT
            or record.get("fingerprint") != self._content["fingerprint"]
            or not (record.get("complete") or record.get("layout") == self._content["layout"])
        ):
            return False
        self._content = record
        return True

    def start(self) -> None:
        """Begin a new record; an older manifest is withdrawn first."""
        (self.folder / MANIFEST).unlink(missing_ok=True)
        self._write()

    def withdraw(self) -> None:
        """Delete record and manifest: none may stand beside a store that it does not describe."""
        for name in (MANIFEST, RECORD):
            (self.folder / name).unlink(missing_ok=True)

    def has(self, part: str) -> bool:
        """Whether a part is committed."""
        return part in self._content["parts"]

    def commit(self, part: str, digests: Digests) -> None:
        """Name the digests of a part whose chunks are on disk."""
        self._content["parts"][part] = digests
        self._write()

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Record the end, with what is known of the making (versions, measurements)."""
        self._content["facts"] = dict(facts)
        self._content["complete"] = True
        named = {name for part in self.parts.values() for name in part}
        if files := other_files(self.folder, named):
            self._content["files"] = files
        self._write()

    def publish(self) -> Path:
        """Write the manifest: from now on others may read the store.

        One that says the same already stays as it is, so that nothing that hangs on it is stale.

        Raises
        ------
        StoreError
            The end is not recorded.
        """
        if not self.complete:
            raise StoreError("the store is not complete", where=str(self.folder))
        path = self.folder / MANIFEST
        record = (self.folder / RECORD).read_bytes()
        if not (path.is_file() and path.read_bytes() == record):
            atomic_write_bytes(path, record)
        return path

    def _write(self) -> None:
        self._content["seal"] = _seal(self._content)
        text = json.dumps(self._content, indent=1, sort_keys=True)
        atomic_write_text(self.folder / RECORD, text)


def fingerprint_of(identity: Mapping[str, Any]) -> str:
    """SHA-256 of an identity, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a published store.

    Raises
    ------
    StoreError
        There is none, or it is damaged.
    """
    manifest = read_json(folder / MANIFEST)
    if manifest is not None and manifest.get("complete") and manifest.get("format") != FORMAT:
        raise StoreError(
            f"the store is of format {manifest.get('format')}, this version reads {FORMAT}",
            where=str(folder / MANIFEST),
            remedy=f"it is made anew; run: {remake(folder / MANIFEST)}",
        )
    if manifest is None or not sealed(manifest) or not manifest.get("complete"):
        raise StoreError(
            "the store is not published, or its manifest is damaged",
            where=str(folder / MANIFEST),
            remedy=f"it goes on from the last committed part; run: {remake(folder / MANIFEST)}",
        )
    return manifest


def check_files(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Compare the metadata and coordinates of a published store with the manifest.

    Raises
    ------
    StoreError
        One of them is missing or damaged.
    """
    for name, expected in manifest.get("files", {}).items():
        path = folder / name
        if not path.is_file() or digest(path) != expected:
            raise StoreError(
                "a file of the store is missing or damaged",
                where=str(path),
                remedy=f"run: {remake(folder / MANIFEST, delete=folder)}",
            )


def other_files(folder: Path, named: Collection[str]) -> dict[str, str]:
    """Digests of the files of a Zarr store that are no chunk of the named arrays."""
    return {
        path.relative_to(folder).as_posix(): digest(path)
        for store in sorted(folder.glob("*.zarr"))
        for path in sorted(store.rglob("*"))
        if path.is_file() and _array_of(path.relative_to(store)) not in named
    }


def sealed(record: Mapping[str, Any]) -> bool:
    """Whether a record is as it was written; older ones have no seal."""
    return "seal" not in record or record["seal"] == _seal(record)


def _seal(content: Mapping[str, Any]) -> str:
    return fingerprint_of({key: value for key, value in content.items() if key != "seal"})


def _array_of(path: Path) -> str:
    """Name of the array that a chunk belongs to; empty for other files."""
    parts = path.parts
    return parts[parts.index("c") - 1] if "c" in parts[1:] else ""


def digest_of(value: np.ndarray) -> str:
    """128-bit xxHash of the bytes of an array in C order."""
    return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(value).view(np.uint8).data)


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None where the file is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
