"""Table of the sources of every benchmark, and of how far they agree."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from neuronxa.output.labels import Labels
from neuronxa.output.tables.write import Table


def sources_table(
    sources: pd.DataFrame,
    licences: Mapping[str, str],
    *,
    labels: Labels | None = None,
) -> Table:
    """Lay out what each source holds and how far it agrees with the earlier ones.

    Parameters
    ----------
    sources
        What :func:`neuronxa.statistics.sources.compare_sources` returns.
    licences
        Task to the licence of its data.
    labels
        Names to show.

    Returns
    -------
    Table
        A row per task, model, metric and earlier source that it is compared with. ``task`` is the
        name of the row, since sources of one benchmark may share a label.
    """
    labels = labels or Labels()
    frame = sources.assign(
        model=sources["model"].map(labels.model),
        n=[_span(*pair) for pair in zip(sources["n_least"], sources["n_most"], strict=True)],
        licence=sources["task"].map(licences).fillna(""),
    )
    order = [*sources.columns, "licence"]
    order[order.index("n_least")] = "n"
    order.remove("n_most")
    if not frame["message"].astype(bool).any():
        order.remove("message")
    return Table(
        frame[order],
        headers={
            "lowest": "lowest score",
            "highest": "highest score",
            "compared_with": "compared with",
            "shared": "shared languages",
            "pearson": "r [interval]",
            "difference": "mean absolute difference",
        },
    )


def _span(least: object, most: object) -> str:
    if pd.isna(least):  # type: ignore[call-overload]
        return ""
    return str(least) if least == most else f"{least}–{most}"
