"""Names that readers see: models, tasks and corpora, and language codes as short as can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from neuronxa.errors import StatisticsError

REPRESENTATIONS: Final[Mapping[str, str]] = {"hidden": "embedding", "nas": "NAS", "nav": "NAV"}


@dataclass(frozen=True)
class Labels:
    """Labels of the slugs that stand in paths and frames.

    A slug without a label is shown as it is.

    Attributes
    ----------
    models, tasks, corpora
        Slug to label.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, str] = field(default_factory=dict)
    corpora: Mapping[str, str] = field(default_factory=dict)

    def model(self, slug: str) -> str:
        """Return the label of a model."""
        return self.models.get(slug, slug)

    def task(self, slug: str) -> str:
        """Return the label of a task."""
        return self.tasks.get(slug, slug)

    def corpus(self, slug: str) -> str:
        """Return the label of a corpus."""
        return self.corpora.get(slug, slug)


def short_codes(codes: Iterable[str]) -> dict[str, str]:
    """Shorten language codes to ISO 639-3 where nothing is lost by it.

    ``swh_Latn`` becomes ``swh``; where a figure shows one language in two scripts or regions, the
    whole codes stay.

    Parameters
    ----------
    codes
        All the codes that stand in one figure.
    """
    known = list(dict.fromkeys(codes))
    count = Counter(code.split("_")[0] for code in known)
    return {code: code if count[code.split("_")[0]] > 1 else code.split("_")[0] for code in known}


def single(frame: pd.DataFrame, column: str) -> str:
    """Return the one value that a column holds; a figure shows one model, corpus and extraction.

    Raises
    ------
    StatisticsError
        If the column holds several values, or none.
    """
    values = frame[column].unique()
    if len(values) != 1:
        raise StatisticsError(
            f"expected scores of one {column}, got {len(values)}"
            + (f": {', '.join(map(str, values))}" if len(values) else ""),
            remedy=f"select the rows of one {column}" if len(values) else "check the selection",
        )
    return str(values[0])
