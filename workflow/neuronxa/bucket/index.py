"""The index of a bucket: which files it holds, in which objects, and who writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from neuronxa.errors import StoreError

INDEX = "index.json"
FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """One file in the bucket.

    Attributes
    ----------
    sha256, size, mtime_ns
        Its content, and when it was changed: Snakemake goes by that.
    key
        Name of the object that holds it.
    """

    sha256: str
    size: int
    mtime_ns: int
    key: str


@dataclass(frozen=True)
class Index:
    """What a bucket holds, and who writes it.

    Attributes
    ----------
    writer
        Token of the folder that wrote last.
    who
        Its machine and process, in words.
    active
        Whether its run goes on.
    files
        Path to the file there.
    """

    writer: str = ""
    who: str = ""
    active: bool = False
    files: Mapping[str, Entry] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """As the object that holds it."""
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes, *, url: str) -> Index:
        """From the object that holds it.

        Raises
        ------
        StoreError
            It is damaged, or of another version.
        """
        try:
            content = json.loads(data)
            known = content.pop("format") == FORMAT
            files = {path: Entry(**entry) for path, entry in content.pop("files").items()}
            index = cls(**content, files=files)
        except (ValueError, KeyError, TypeError, AttributeError):
            known = False
        if not known:
            raise StoreError(
                "the index is damaged, or of another version",
                where=f"{url}/{INDEX}",
                remedy="name another prefix",
            )
        return index


def same(there: Entry | None, here: Entry) -> bool:
    """Whether the bucket has a file as it is here, its time included."""
    return there is not None and (there.sha256, there.mtime_ns) == (here.sha256, here.mtime_ns)
