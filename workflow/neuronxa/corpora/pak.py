"""Chromium's string packs (``.pak``), versions 4 and 5: messages by number."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuronxa.errors import CorpusError

ENCODINGS = {1: "utf-8", 2: "utf-16-le"}
#: First bytes of entries that hold compressed data: gzip, and Chromium's own header for Brotli.
COMPRESSED = (b"\x1f\x8b", b"\x1e\x9b")

_ENTRY = np.dtype([("message", "<u2"), ("offset", "<u4")])
_ALIAS = np.dtype([("message", "<u2"), ("position", "<u2")])


@dataclass(frozen=True)
class Pak:
    """A string pack whose table has been checked; a text is decoded when it is asked for."""

    path: Path
    data: bytes
    encoding: str
    positions: dict[int, int]
    offsets: list[int]

    @property
    def messages(self) -> tuple[int, ...]:
        """Numbers of the messages, ascending."""
        return tuple(sorted(self.positions))

    def text(self, message: int) -> str | None:
        """Text of a message; None where there is none or it is compressed.

        Raises
        ------
        CorpusError
            The bytes are not text in the pack's encoding.
        """
        if message not in self.positions:
            return None
        position = self.positions[message]
        data = self.data[self.offsets[position] : self.offsets[position + 1]]
        if data.startswith(COMPRESSED):
            return None
        try:
            return data.decode(self.encoding)
        except UnicodeDecodeError:
            raise _damaged(self.path, f"message {message} is not {self.encoding}") from None


def read_pak(path: Path) -> Pak:
    """Read the table of a string pack.

    Raises
    ------
    CorpusError
        The file is missing, of another version or encoding, cut short or damaged.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise _damaged(path, error.strerror or "cannot be read") from None
    try:
        return Pak(path, data, *_table(path, data))
    except struct.error:
        raise _damaged(path, "the file is cut short") from None


def _table(path: Path, data: bytes) -> tuple[str, dict[int, int], list[int]]:
    (version,) = struct.unpack_from("<I", data)
    if version == 4:
        count, encoding = struct.unpack_from("<IB", data, 4)
        aliases, start = 0, 9
    elif version == 5:
        encoding, count, aliases = struct.unpack_from("<B3xHH", data, 4)
        start = 12
    else:
        raise _damaged(path, f"version {version} of the format is not known; 4 and 5 are")
    if encoding not in ENCODINGS:
        raise _damaged(path, f"the pack holds no text (encoding {encoding})")
    middle = start + (count + 1) * _ENTRY.itemsize  # one entry more: where the last text ends
    end = middle + aliases * _ALIAS.itemsize
    if end > len(data):
        raise _damaged(path, "the file is cut short")
    entries = np.frombuffer(data[start:middle], dtype=_ENTRY)
    others = np.frombuffer(data[middle:end], dtype=_ALIAS)
    offsets = entries["offset"].tolist()
    if offsets != sorted(offsets) or offsets[0] < end or offsets[-1] > len(data):
        raise _damaged(path, "offsets point outside the file")
    positions = dict(zip(entries["message"][:-1].tolist(), range(count), strict=True))
    if (others["position"] >= count).any():
        raise _damaged(path, "an alias points outside the table")
    positions.update(zip(others["message"].tolist(), others["position"].tolist(), strict=True))
    return ENCODINGS[encoding], positions, offsets


def _damaged(path: Path, why: str) -> CorpusError:
    return CorpusError(
        f"not a usable string pack: {why}",
        where=str(path),
        remedy="install the package that holds it again",
    )
