"""The objects below one address of an object store, and its refusals in words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import from_url

from neuronxa.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from obstore.store import RetryConfig

#: What is tried again, and how long, before the bucket counts as out of reach.
RETRY: RetryConfig = {"max_retries": 4, "retry_timeout": timedelta(minutes=3)}
CLOCK = "clock"
#: Bytes that are fetched at a time.
PIECE = 8 * 2**20
_SCHEMES = ("s3", "gs", "az", "memory")
_Result = TypeVar("_Result")


class UnreachableError(StoreError):
    """The bucket does not answer, or not now."""


class OvertakenError(Exception):
    """An object is not as it was when it was last read: somebody else has written it."""


class Objects:
    """The objects below one address.

    Parameters
    ----------
    url
        Bucket and prefix, as ``s3://lab/runs/one``.

    Raises
    ------
    ConfigError
        No such address.
    """

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        if scheme not in _SCHEMES or not rest or "@" in rest:
            raise ConfigError(
                "no address of a bucket",
                where=re.sub(r"//.*@", "//***@", url),
                remedy="s3://BUCKET/PREFIX, gs://... or az://...; keys come from the environment",
            )
        self.url = url
        self._store = from_url(url, retry_config=RETRY)

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and tag of an object; None if it is not there.

        Raises
        ------
        StoreError
            There is no such bucket, or it cannot be reached.
        """
        try:
            answer = self._ask(obstore.get, self._store, key)
            return bytes(answer.bytes()), str(answer.meta["e_tag"])
        except (FileNotFoundError, NotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise StoreError(
                    "there is no such bucket", where=self.url, remedy="create it first"
                ) from None
            return None

    def fetch(self, key: str, path: Path) -> str | None:
        """Write an object into a file, piece by piece: weights are larger than memory.

        Returns
        -------
        str or None
            SHA-256 of what was written; None if there is no such object.
        """

        def copy() -> str:
            seen = hashlib.sha256()
            with path.open("wb") as stream:
                for piece in obstore.get(self._store, key).stream(min_chunk_size=PIECE):
                    stream.write(piece)
                    seen.update(piece)
            return seen.hexdigest()

        try:
            return self._ask(copy)
        except (FileNotFoundError, NotFoundError):
            return None

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object, or upload a file."""
        self._ask(obstore.put, self._store, key, content)

    def replace(self, key: str, content: bytes, *, tag: str) -> str:
        """Write an object that still has this tag, or is not there if that is empty.

        Returns
        -------
        str
            Its new tag.

        Raises
        ------
        OvertakenError
            Somebody else has written it.
        """
        mode: Any = {"e_tag": tag} if tag else "create"
        try:
            done = self._ask(obstore.put, self._store, key, content, mode=mode)
        except (AlreadyExistsError, PreconditionError):
            raise OvertakenError from None
        return str(done["e_tag"])

    def delete(self, keys: Collection[str]) -> None:
        """Delete objects."""
        if keys:
            self._ask(obstore.delete, self._store, sorted(keys))

    def age(self, key: str) -> float:
        """Seconds since an object was written, by the clock of the store alone."""
        self.put(CLOCK, b"")
        now, then = (
            self._ask(obstore.head, self._store, one)["last_modified"] for one in (CLOCK, key)
        )
        return float((now - then) / timedelta(seconds=1))

    def _ask(self, what: Callable[..., _Result], *arguments: Any, **options: Any) -> _Result:
        """Ask the store; what it refuses is told in words."""
        try:
            return what(*arguments, **options)
        except (AlreadyExistsError, PreconditionError, NotFoundError):
            raise
        except BaseError as error:
            raise UnreachableError(
                f"the bucket cannot be reached: {str(error).splitlines()[0][:300]}",
                where=self.url,
                remedy="check the network, the keys and AWS_ENDPOINT_URL; the results lie here",
            ) from None
