"""How long work tells how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Counter(Protocol):
    """Something that counts work as it is done."""

    def start(self, total: int) -> None:
        """Begin to count to a total."""

    def advance(self, amount: int) -> None:
        """Count on."""


class Silent:
    """A counter that nobody looks at."""

    def start(self, total: int) -> None:
        """Do nothing."""

    def advance(self, amount: int) -> None:
        """Do nothing."""


SILENT: Counter = Silent()
