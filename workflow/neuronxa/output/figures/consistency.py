"""Heat-map of how consistent a model's answers are between every two languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import pandas as pd
from matplotlib.figure import Figure

from neuronxa.errors import StatisticsError
from neuronxa.output.figures.heatmap import square_figure
from neuronxa.output.figures.pairs import family_order
from neuronxa.output.labels import Labels, single

if TYPE_CHECKING:
    from neuronxa.languages import Language

METRICS: Final[Mapping[str, str]] = {"rankc": "RankC", "overlap": "Overlap"}


def figure_consistency(
    pairs: pd.DataFrame,
    *,
    languages: Mapping[str, Language],
    metric: str = "rankc",
    labels: Labels | None = None,
) -> Figure:
    """Compose the heat-map of all pairs, ordered by family and then by consistency.

    Parameters
    ----------
    pairs
        Consistency of all pairs of one model and task, as
        :func:`neuronxa.downstream.consistency.compare_pairs` gives them.
    languages
        Code to language; gives the family.
    metric
        ``rankc`` or ``overlap``.
    labels
        Names to show.

    Raises
    ------
    StatisticsError
        If there is no pair with a value.
    """
    labels = labels or Labels()
    rows = pairs[(pairs["metric"] == metric) & pairs["value"].notna()]
    if rows.empty:
        raise StatisticsError(
            f"a heat-map needs pairs of languages, and {metric} has none",
            where="consistency of pairs",
            allowed=sorted(pairs["metric"].unique()),
            remedy="add languages to the run that the task has",
        )
    matrix = symmetric_matrix(rows)
    order, families = family_order(matrix, languages=languages)
    low, high = rows["chance"].min(), rows["chance"].max()
    chance = f"{low:.3f}" if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}"
    name, n = METRICS.get(metric, metric), rows["n"].min()
    return square_figure(
        matrix.loc[order, order],
        families=families,
        title=f"{labels.model(single(rows, 'model'))} · {labels.task(single(rows, 'task'))}",
        note=f"{name}: {len(matrix)} languages, n = {n} items, chance {chance}",
    )


def symmetric_matrix(pairs: pd.DataFrame) -> pd.DataFrame:
    """Spread the values of unordered pairs over both halves of a square, NaN where there is none.

    Parameters
    ----------
    pairs
        Columns ``source, target, value``, each pair once.
    """
    turned = pairs.rename(columns={"source": "target", "target": "source"})
    both = pd.concat([pairs, turned])[["source", "target", "value"]]
    codes = sorted({*both["source"]})
    return both.pivot(index="source", columns="target", values="value").reindex(
        index=codes, columns=codes
    )
