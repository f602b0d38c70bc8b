"""A folder's results in a bucket of an object store, so that another machine can go on with them.

Jobs work on the disk; the bucket follows. Beside the files lies one object, the *index*: it names
every file with its digest, and who writes. It decides everything:

- What it names is whole. Objects are uploaded first and the index last, in one write, so a reader
  sees the state of one moment, and what a kill left half-uploaded is in no index.
- Files that name others (records, manifests) are read before these, so none names what is missing.
- It is written on the condition that nobody else has written it since (``If-Match``), so of two
  runs one is refused, and a run that was taken for dead cannot write after the other has begun.

A run renews the index while it lives. One that has not done so for ten minutes is taken for dead.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event, Lock, Thread

from neuronxa.bucket.folder import FOLDERS, names_others, naming_in, paths_in
from neuronxa.bucket.index import INDEX, Entry, Index, same
from neuronxa.bucket.objects import Objects, OvertakenError, UnreachableError
from neuronxa.errors import StoreError
from neuronxa.files import atomic_write_text, digest
from neuronxa.provenance import RECORDS
from neuronxa.stores.journal import read_json

logger = logging.getLogger(__name__)

#: Seconds between two writes of the index, and after how many a writer is taken for dead.
EVERY, DEAD = 60.0, 600.0
THREADS = 16
_STATE = Path(".snakemake", "bucket.json")
_RECORDS = f"/{RECORDS}/"


class Bucket:
    """The results of one folder in a bucket.

    Parameters
    ----------
    url
        Bucket and prefix, as ``s3://lab/runs/one``. Keys, region and endpoint come from the
        environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL`` ...).
    root
        Working directory of the workflow.

    Raises
    ------
    ConfigError
        No such address.
    """

    def __init__(self, url: str, *, root: Path = Path()) -> None:
        self.url, self.root = url, root
        self._objects = Objects(url)
        self._index, self._tag = Index(), ""
        self._writing = Lock()
        self._over = Event()
        state = read_json(root / _STATE) or {}
        known = state if state.get("url") == url else {}
        #: Tells this folder from others that write here.
        self._token = str(known.get("token") or secrets.token_hex(16))
        #: What the files of this folder were when last looked at: it spares digesting them again.
        self._seen = {path: Entry(**entry) for path, entry in known.get("files", {}).items()}

    def open(self, *, take_over: bool = False) -> int:
        """Claim the bucket for this folder, and fetch what another folder has written since.

        Parameters
        ----------
        take_over
            Whether the run that writes there is known to be dead.

        Returns
        -------
        int
            Files that were fetched.

        Raises
        ------
        StoreError
            Another run writes there, the bucket cannot be reached, or an object is damaged.
        """
        found = self._read()
        elsewhere = found.active and found.writer != self._token
        if elsewhere and not take_over and (age := self._objects.age(INDEX)) < DEAD:
            raise self._taken(found, age)
        behind = found.writer not in ("", self._token)
        if behind:
            # noted only once all is here: a kill before must not make this folder look ahead
            self._token = secrets.token_hex(16)
        self._write(replace(found, writer=self._token, who=_who(), active=True))
        Thread(target=self._renew, daemon=True).start()
        fetched = self._fetch(found.files) if behind else 0
        self._note()
        return fetched

    def pull(self) -> int:
        """Fetch what the bucket holds, without claiming it; returns the files fetched.

        What this folder has written there itself may be newer here: then only what is missing is
        fetched.
        """
        while True:
            found, tag = self._read(), self._tag
            mine = found.writer == self._token
            files = {
                path: entry
                for path, entry in found.files.items()
                if not (mine and (self.root / path).is_file())
            }
            try:
                fetched = self._fetch(files, keep=mine)
                break
            except StoreError:
                # a run that writes there replaces objects meanwhile: what it has now is fetched
                self._read()
                if self._tag == tag:
                    raise
        self._note()
        return fetched

    def push(self) -> int:
        """Upload what has changed; returns the files uploaded.

        Raises
        ------
        StoreError
            Another run has begun to write there, or the bucket cannot be reached.
        """
        naming = naming_in(self.root)
        files, uploaded = self._upload(naming)
        # a job that ended meanwhile may have left another file than the record says that was read:
        # both wait for the next time
        for path in [path for path in naming if _RECORDS in path]:
            if not _unchanged(self.root / path, naming[path]):
                files.pop(path, None)
                files.pop(path.replace(_RECORDS, "/", 1).removesuffix(".json"), None)
        gone = {entry.key for entry in self._index.files.values()}
        self._write(replace(self._index, files=files))
        self._objects.delete(gone - {entry.key for entry in files.values()})
        self._note()
        return uploaded

    def follow(self, living: Callable[[], bool], *, every: float = EVERY) -> None:
        """Push again and again while a run lives, and once more when it is over.

        A bucket that cannot be reached for a while is told in the log and tried again.
        """
        while True:
            last = not living()
            try:
                self.push()
            except UnreachableError as error:
                if last:
                    raise
                logger.warning("%s", error)
            if last:
                break
            began = time.monotonic()
            while living() and time.monotonic() - began < every:
                time.sleep(min(0.2, every))
        self.close()

    def close(self) -> None:
        """Say that this folder writes no more."""
        self._over.set()
        self._write(replace(self._index, active=False))

    def _read(self) -> Index:
        """The index; an empty one where there is none yet."""
        found = self._objects.get(INDEX)
        self._index, self._tag = Index(), ""
        if found is not None:
            self._index = Index.from_bytes(found[0], url=self.url)
            self._tag = found[1]
        return self._index

    def _write(self, index: Index | None = None) -> None:
        """Write the index, by default as it is, unless somebody else has."""
        with self._writing:
            index = index or self._index
            try:
                self._tag = self._objects.replace(INDEX, index.to_bytes(), tag=self._tag)
            except OvertakenError:
                # the tag stays what it is: no later write may succeed
                other = Bucket(self.url, root=self.root)._read()
                raise self._taken(other, self._objects.age(INDEX)) from None
            self._index = index

    def _renew(self) -> None:
        """Show that this run lives, however long a file takes to digest or to move."""
        while not self._over.wait(EVERY):
            try:
                self._write()
            except UnreachableError as error:
                logger.warning("%s", error)
            except StoreError:
                return  # overtaken: the next write of this run will say so

    def _taken(self, index: Index, age: float) -> StoreError:
        return StoreError(
            f"another run writes there: {index.who}, last {age:.0f} seconds ago",
            where=self.url,
            remedy=f"wait for its end; one that dies is given up after {DEAD / 60:.0f} minutes, "
            "or at once with `python -m neuronxa run --take-over ...`",
        )

    def _upload(self, naming: Mapping[str, bytes]) -> tuple[dict[str, Entry], int]:
        """Upload what differs from the index; returns the files as they now are, and how many."""
        entries: dict[str, Entry] = {}
        for path in paths_in(self.root):
            # what began to name others after the others were looked at waits for the next time
            if path in naming or not names_others(path):
                entry = self._entry(path, naming.get(path))
                if entry is not None:
                    entries[path] = entry
        there = self._index.files
        changed = {path for path, entry in entries.items() if not same(there.get(path), entry)}
        overwritten = {entries[path].key for path in changed}
        kept = {path: entry for path, entry in there.items() if entry.key not in overwritten}
        if len(kept) < len(there):
            self._write(replace(self._index, files=kept))  # never names what is being overwritten
        written = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            tasks = {pool.submit(self._put, path, entries[path], naming): path for path in changed}
            for task in as_completed(tasks):
                path = tasks[task]
                if task.result():
                    # a changed file waits for its record
                    if path not in naming and path not in there:
                        kept[path] = entries[path]
                else:
                    del entries[path]
                if time.monotonic() - written > EVERY:
                    self._write(replace(self._index, files=dict(kept)))
                    written = time.monotonic()
        return entries, len(changed & entries.keys())

    def _entry(self, path: str, data: bytes | None) -> Entry | None:
        """What a file is now; None if it is gone."""
        try:
            status = (self.root / path).stat()
            seen = self._seen.get(path)
            stamp = (status.st_size, status.st_mtime_ns)
            if data is not None:
                sha256, size = hashlib.sha256(data).hexdigest(), len(data)
            elif seen is not None and (seen.size, seen.mtime_ns) == stamp:
                sha256, size = seen.sha256, seen.size
            else:
                sha256, size = digest(self.root / path), status.st_size
        except OSError:
            return None
        there = self._index.files.get(path)
        key = path if there is None else there.key
        # a record must never be missing, not even while it is replaced: it gets a new object
        if there is not None and there.sha256 != sha256 and names_others(path):
            key = f"{path}@{sha256[:12]}"
        entry = Entry(sha256, size, status.st_mtime_ns, key)
        self._seen[path] = entry
        return entry

    def _put(self, path: str, entry: Entry, naming: Mapping[str, bytes]) -> bool:
        """Upload one file; False if it is gone or still changes."""
        there = self._index.files.get(path)
        if there is not None and (there.sha256, there.key) == (entry.sha256, entry.key):
            return True  # only its time has changed
        content = naming.get(path)
        if content is None and not (self.root / path).is_file():
            return False
        source = self.root / path if content is None else content
        self._objects.put(entry.key, source)
        if content is not None:
            return True
        try:
            status = (self.root / path).stat()
        except FileNotFoundError:
            return False
        # a log, or a file in the making: what was uploaded may not be what was digested
        return (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime_ns)

    def _fetch(self, files: Mapping[str, Entry], *, keep: bool = False) -> int:
        """Make this folder what the files say; what was never in the bucket stays."""
        if not keep:
            for path in self._seen.keys() - files.keys():
                (self.root / path).unlink(missing_ok=True)
        wanted = {path: entry for path, entry in files.items() if not self._has(path, entry)}
        # files that name others come last: a kill leaves none that names what is missing
        stages = [
            [path for path in wanted if not names_others(path)],
            [path for path in wanted if names_others(path)],
        ]
        with ThreadPoolExecutor(THREADS) as pool:
            for stage in stages:
                list(pool.map(lambda path: self._fetch_one(path, wanted[path]), stage))
        self._seen = {**(self._seen if keep else {}), **files}
        return len(wanted)

    def _has(self, path: str, entry: Entry) -> bool:
        mine = self.root / path
        if not mine.is_file() or mine.stat().st_size != entry.size or digest(mine) != entry.sha256:
            return False
        os.utime(mine, ns=(entry.mtime_ns, entry.mtime_ns))
        return True

    def _fetch_one(self, path: str, entry: Entry) -> None:
        target = (self.root / path).resolve()
        allowed = [(self.root / folder).resolve() for folder in FOLDERS]
        part = target.with_name(f".{target.name}.part")
        sound = any(target.is_relative_to(folder) for folder in allowed)
        if sound:
            target.parent.mkdir(parents=True, exist_ok=True)
            sound = self._objects.fetch(entry.key, part) == entry.sha256
        if not sound:
            part.unlink(missing_ok=True)
            raise StoreError(
                "the object is missing or damaged: it is not what the index names",
                where=f"{self.url}/{entry.key}",
                remedy=f"delete {self.url}/{INDEX} to begin anew there",
            )
        os.utime(part, ns=(entry.mtime_ns, entry.mtime_ns))
        part.replace(target)

    def _note(self) -> None:
        """Note what this folder knows of the bucket."""
        files = {path: asdict(entry) for path, entry in self._seen.items()}
        state = {"url": self.url, "token": self._token, "files": files}
        atomic_write_text(self.root / _STATE, json.dumps(state))


def _unchanged(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def _who() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
