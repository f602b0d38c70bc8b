"""The one family of errors that users are meant to read.

Every message says what is wrong, where, what is allowed and what to do. The workflow prints the
message alone; the traceback goes to the log file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self


class NeuronXAError(Exception):
    """Base class: a fault that a user can mend, told in one message.

    Parameters
    ----------
    what
        What is wrong, with the offending value.
    where
        File, line, column or configuration key.
    allowed
        The values that would have been accepted, where they can be listed.
    remedy
        What to do next.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        allowed: Iterable[object] | str = (),
        remedy: str = "",
    ) -> None:
        self.what = what
        self.where = where
        self.allowed = allowed if isinstance(allowed, str) else ", ".join(map(str, allowed))
        self.remedy = remedy
        parts = [f"{where}: {what}" if where else what]
        if self.allowed:
            parts.append(f"Allowed: {self.allowed}")
        if remedy:
            parts.append(f"Hint: {remedy}")
        super().__init__("\n  ".join(parts))

    def retold(
        self, *, what: str | None = None, where: str | None = None, remedy: str | None = None
    ) -> Self:
        """Give the same fault with other words in some places: a caller knows more of them."""
        return type(self)(
            self.what if what is None else what,
            where=self.where if where is None else where,
            allowed=self.allowed,
            remedy=self.remedy if remedy is None else remedy,
        )


class ConfigError(NeuronXAError):
    """The configuration or one of its sheets is not valid."""


class LanguageError(NeuronXAError):
    """A language code is unknown or ambiguous."""


class CorpusError(NeuronXAError):
    """A corpus cannot be read or is not parallel."""


class ModelError(NeuronXAError):
    """A model cannot be found, loaded, or has no FFN sites that can be captured."""


class StoreError(NeuronXAError):
    """A store is damaged, incomplete or belongs to other settings."""


class DiskError(NeuronXAError):
    """The disk is full, or may not be written."""


class StatisticsError(NeuronXAError):
    """A statistic is not defined on the data that was given."""
