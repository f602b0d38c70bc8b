"""Table of ablations: the correlation of each method under one changed setting at a time."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from neuronxa.alignment.methods import METHODS
from neuronxa.output.labels import Labels
from neuronxa.output.tables.write import Table
from neuronxa.statistics.coefficients import Coefficient


def ablation_table(
    ablations: pd.DataFrame,
    *,
    coefficient: Coefficient = "pearson",
    confidence: float = 0.95,
    labels: Labels | None = None,
) -> Table:
    """Lay out ablations with a row per level and a column per method.

    Parameters
    ----------
    ablations
        What :func:`neuronxa.statistics.ablation.ablate` returns.
    coefficient
        ``pearson`` or ``spearman``.
    confidence
        Level of the intervals, for the headers.
    labels
        Names to show.

    Returns
    -------
    Table
        Single layers are left to the figure. ``languages`` is the number of languages, ``headline``
        marks the level that the run itself uses; a correlation that is not defined is empty.
    """
    labels = labels or Labels()
    kept = ablations.loc[
        (ablations["coefficient"] == coefficient) & (ablations["setting"] != "layer")
    ]
    present = [name for name in METHODS if name in set(kept["method"])]
    keys = ["model", "corpus", "task", "metric", "setting", "level"]
    rows = []
    for key, part in kept.groupby(keys, sort=False):
        model, corpus, task, metric, setting, level = map(str, key)
        row: dict[str, object] = {
            "model": labels.model(model),
            "corpus": labels.corpus(corpus),
            "task": labels.task(task),
            "metric": metric,
            "setting": SETTING_NAMES[setting],
            "level": labels.corpus(level) if setting == "corpus" else level,
            "headline": bool(part["headline"].any()),
        }
        found = part.set_index("method")
        for method in present:
            for column, name in (("estimate", ""), ("low", "_low"), ("high", "_high")):
                row[f"{method}{name}"] = found[column].get(method, float("nan"))
        row["languages"] = int(part["n"].min())
        rows.append(row)
    order = ["model", "corpus", "task", "metric"]
    frame = pd.DataFrame(rows)
    return Table(
        frame.sort_values(order, kind="stable", ignore_index=True) if rows else frame,
        headers={method: f"{method} [{confidence:.0%}]" for method in present},
    )


SETTING_NAMES: Mapping[str, str] = {
    "pairs": "number of pairs",
    "layers": "layers",
    "layer": "single layer",
    "pooling": "pooling",
    "site": "site",
    "special_tokens": "special tokens",
    "precision": "precision",
    "corpus": "corpus",
}
