"""Models under whatever name a file of scores gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from neuronxa.config import ModelRow
from neuronxa.errors import ConfigError


class ModelNames:
    """Finds the model of the run that a name stands for.

    In this order: the name in the models sheet; its ``location``; the last part of the location,
    for a name without an organisation or a path to a folder; its ``aliases``. Capitals do not
    count, and ``__`` is read as the slash that it replaces in names of folders. A hub id of
    another organisation is another model.

    Parameters
    ----------
    models
        Models of the run by name.
    """

    def __init__(self, models: Mapping[str, ModelRow]) -> None:
        self._models = models
        locations = {name: _plain(row.location) for name, row in models.items()}
        self._steps = [
            {name: {_plain(name)} for name in models},
            {name: {location} for name, location in locations.items()},
            {name: {location.rsplit("/", 1)[-1]} for name, location in locations.items()},
            {name: {_plain(alias) for alias in row.other_names} for name, row in models.items()},
        ]

    def find(self, written: str) -> str | None:
        """The model's name in the run; None where the run does not have it.

        Raises
        ------
        ConfigError
            Several models of the run share the name, and no alias decides.
        """
        if written in self._models:
            return written
        full = _plain(written)
        # the last part counts unless it follows an organisation
        part = full if re.fullmatch(r"[^/]+/[^/]+", full) else full.rsplit("/", 1)[-1]
        shared: list[str] = []
        for wanted, step in zip((full, full, part, full), self._steps, strict=True):
            found = [name for name, known in step.items() if wanted in known]
            if len(found) == 1:
                return found[0]
            shared = shared or found
        if shared:
            raise ConfigError(
                f"'{written}' fits more than one model of the run",
                allowed=shared,
                remedy=f"write '{written}' into 'aliases' of the one that is meant",
            )
        return None


def _plain(name: str) -> str:
    return name.replace("__", "/").rstrip("/").casefold()
