"""What a row of the tasks sheet picks out of a file of scores: its column ``select``, taken apart.

``select`` is a list, separated by commas: first, without an equals sign, the task in the file, then
conditions. ``n_shot=5`` keeps results with that many worked examples, ``path=results-0.4.8/*``
those whose source fits (``path=!*13B*`` those whose source does not). In a table any other
``left=right`` says what a code means (``jp=ja``); in results of the harness it is a language and
the name of its task (``en=arc_challenge``), as for a task that is run here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from neuronxa.config import TaskRow
from neuronxa.errors import ConfigError


@dataclass(frozen=True)
class Selection:
    """The parts of ``select``.

    Attributes
    ----------
    task
        Task in the file; the row's own name where ``select`` names none.
    shots
        Number of worked examples to keep; None keeps all.
    paths
        Patterns that the source must fit, or, after a ``!``, must not.
    pairs
        The other conditions, left side to right side.
    """

    task: str
    shots: int | None
    paths: tuple[str, ...]
    pairs: Mapping[str, str]

    @classmethod
    def of(cls, row: TaskRow) -> Selection:
        """Take a row's ``select`` apart.

        Raises
        ------
        ConfigError
            ``n_shot`` is not a whole number, or one side of an equals sign is empty.
        """
        names = [part.strip() for part in row.select.split(",")]
        conditions: list[str] = []
        # from the end, since the name of a task may hold commas
        while names and ("=" in names[-1] or not names[-1]):
            conditions.insert(0, names.pop())
        shots, paths, pairs = None, [], {}
        for condition in filter(None, conditions):
            left, right = (side.strip() for side in condition.split("=", 1))
            if not left or not right.removeprefix("!"):
                raise _fault(row, f"'{condition}' in 'select' lacks a side")
            if left == "n_shot":
                if not right.isdecimal():
                    raise _fault(row, f"n_shot = '{right}' in 'select' is not a whole number")
                shots = int(right)
            elif left == "path":
                paths.append(right)
            else:
                pairs[left] = right
        return cls(", ".join(names) or row.task, shots, tuple(paths), pairs)

    def keeps(self, *, shots: int | None, source: str) -> bool:
        """Whether a result with these worked examples and this source is wanted."""
        if self.shots is not None and shots != self.shots:
            return False
        return all(
            fnmatchcase(source, pattern.removeprefix("!")) is not pattern.startswith("!")
            for pattern in self.paths
        )

    @property
    def told(self) -> str:
        """The conditions, for messages; empty where there are none."""
        shots = [] if self.shots is None else [f"n_shot={self.shots}"]
        return ", ".join([*shots, *(f"path={pattern}" for pattern in self.paths)])


def _fault(row: TaskRow, what: str) -> ConfigError:
    return ConfigError(
        what,
        where=f"task '{row.task}'",
        remedy="write conditions such as n_shot=5, path=results/*, jp=ja, separated by commas",
    )
