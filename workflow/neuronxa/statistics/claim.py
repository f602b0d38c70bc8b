"""How far the claim can be tested: what each correlation could have shown, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from neuronxa.statistics.coefficients import Coefficient
from neuronxa.statistics.correlation import fisher_error
from neuronxa.statistics.points import KEYS, LEAST_POINTS, RUN, Scored, kind_of
from neuronxa.statistics.reliability import noise_ceiling
from neuronxa.statistics.reported import PARTS, Published

POWER: Final = 0.8
MOST: Final = 0.5
"""Where more than this share of the languages is at chance, a task cannot order them."""

UNDEFINED: Final = "not defined"
AT_CHANCE: Final = "task at chance"
UNDERPOWERED: Final = "underpowered"
CONSISTENT: Final = "consistent"
INCONSISTENT: Final = "inconsistent"
NOTHING: Final = "nothing published"

COLUMNS: Final = (
    *KEYS,
    "kind",
    "pivot_included",
    "coefficient",
    "estimate",
    "low",
    "high",
    "n",
    "alignment_reliability",
    "task_reliability",
    "basis",
    "ceiling",
    "disattenuated",
    "capped",
    "detectable",
    "at_chance",
    "published",
    "source",
    "verdict",
    "sentence",
)


def detectable_correlation(
    n: int, *, coefficient: Coefficient = "pearson", confidence: float = 0.95, power: float = POWER
) -> float:
    r"""Compute the smallest correlation that a test over n languages would find.

    :math:`\tanh((z_{1 - \alpha/2} + z_{power}) s)` with s the standard error on Fisher's scale and
    α = 1 - confidence, two-sided (Cohen 1988, *Statistical power analysis*, chapter 3). For ranks s
    is that of no correlation.

    Parameters
    ----------
    n
        Number of languages.
    coefficient
        ``pearson``, ``spearman`` or ``kendall``.
    confidence
        1 - α.
    power
        Probability of finding it.

    Returns
    -------
    float
        NaN with fewer than 5 languages.
    """
    if n < LEAST_POINTS:
        return np.nan
    quantiles = stats.norm.ppf([0.5 + confidence / 2, power])
    return float(np.tanh(quantiles.sum() * fisher_error(0.0, n, coefficient)))


def disattenuated(r: float, ceiling: float) -> tuple[float, bool]:
    """Correct a correlation for the noise of both sides (Spearman 1904).

    Parameters
    ----------
    r
        The correlation.
    ceiling
        Its noise ceiling.

    Returns
    -------
    tuple
        ``r / ceiling``, at most 1 and at least -1, and whether it had to be capped; NaN where the
        ceiling is 0 or not known.
    """
    if not ceiling > 0:
        return np.nan, False
    corrected = r / ceiling
    return float(np.clip(corrected, -1.0, 1.0)), bool(abs(corrected) > 1)


def chance_share(downstream: pd.DataFrame, *, pivot: str) -> pd.DataFrame:
    """Count the languages that a task does not tell from guessing.

    Parameters
    ----------
    downstream
        Task scores with ``low``, ``high`` and ``chance``.
    pivot
        Code of the pivot, which is left out.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, task, metric, at_chance``: the share of the languages whose interval
        contains the chance level, or lies below it, among those with an interval and a chance
        level; NaN where there are none.
    """
    rows = downstream.loc[downstream["language"] != pivot]
    known = rows[["low", "high", "chance"]].notna().all(axis=1)
    at = (rows["low"] <= rows["chance"]).astype("float64").where(known)
    keys = ["model", "task", "metric"]
    shares = rows.assign(at_chance=at).groupby(keys, sort=False)["at_chance"].mean()
    return shares.reset_index()


def claim_frame(
    correlations: pd.DataFrame,
    alignment: pd.DataFrame,
    tasks: pd.DataFrame,
    chance: pd.DataFrame,
    scored: Scored,
    published: Sequence[Published],
    *,
    benchmarks: Mapping[str, str],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Say of every correlation what it could have shown, and what it shows.

    Parameters
    ----------
    correlations
        What :func:`neuronxa.statistics.correlation.correlate_methods` returns.
    alignment, tasks
        What :func:`neuronxa.statistics.reliability.alignment_reliability` (of all runs) and
        :func:`neuronxa.statistics.reliability.task_reliability` return.
    chance
        What :func:`chance_share` returns.
    scored
        Task -> kind -> its metrics.
    published
        What papers report. A value is compared with Pearson's r of the mean over layers, as they
        computed it, and only of the tasks that it averages.
    benchmarks
        Task -> benchmark that it measures.
    confidence
        Coverage of the intervals of the correlations.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, one row per correlation.
    """
    of_method = [*RUN, "method", "reduction", "pivot_included"]
    of_task = ["model", "task", "metric"]
    frame = (
        correlations.merge(
            alignment[[*of_method, "reliability"]].rename(
                columns={"reliability": "alignment_reliability"}
            ),
            on=of_method,
            how="left",
        )
        .merge(
            tasks[[*of_task, "pivot_included", "reliability", "basis"]].rename(
                columns={"reliability": "task_reliability"}
            ),
            on=[*of_task, "pivot_included"],
            how="left",
        )
        .merge(chance, on=of_task, how="left")
    )
    values = {(one.method, one.kind): one for one in published}
    rows = []
    for record in frame.to_dict("records"):
        row: dict[str, Any] = {str(name): value for name, value in record.items()}
        row["kind"] = kind_of(scored, row["task"], row["metric"])
        row["ceiling"] = noise_ceiling(row["alignment_reliability"], row["task_reliability"])
        row["disattenuated"], row["capped"] = disattenuated(row["estimate"], row["ceiling"])
        row["detectable"] = detectable_correlation(
            row["n"], coefficient=row["coefficient"], confidence=confidence
        )
        as_published = row["coefficient"] == "pearson" and row["reduction"] == "mean"
        averaged = benchmarks[row["task"]] in PARTS.get(row["kind"], ())
        found = values.get((row["method"], row["kind"])) if as_published and averaged else None
        row["published"] = found.value if found else np.nan
        row["source"] = found.source if found else ""
        row["verdict"], row["sentence"] = verdict(row)
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"n": "int64", "pivot_included": bool, "capped": bool})


def verdict(row: dict[str, Any]) -> tuple[str, str]:
    """Judge one correlation, the first that holds of: not defined, at chance, underpowered.

    What is left is compared with the published value: consistent where the interval contains it.
    Underpowered is a correlation whose interval contains 0, and which would probably not be found
    although the published value, or the noise ceiling where that is lower, were true.

    Parameters
    ----------
    row
        ``estimate, low, high, n, message, at_chance, ceiling, detectable, published, source``.

    Returns
    -------
    tuple
        The verdict, and a sentence with the numbers that it rests on.
    """
    if np.isnan(row["estimate"]):
        return UNDEFINED, f"Not defined: {row['message']}."
    shown = f"r = {row['estimate']:.3f} [{row['low']:.3f}, {row['high']:.3f}], n = {row['n']}"
    if row["at_chance"] > MOST:
        return AT_CHANCE, (
            f"Cannot inform: {row['at_chance']:.0%} of the languages are at chance in this task "
            f"({shown})."
        )
    expected = np.fmin(row["published"], row["ceiling"])
    if row["low"] <= 0 <= row["high"] and expected < row["detectable"]:
        what = "the published value" if expected == row["published"] else "the noise ceiling"
        return UNDERPOWERED, (
            f"Underpowered: {row['n']} languages find correlations from {row['detectable']:.2f} "
            f"on, above {what} of {expected:.2f} ({shown})."
        )
    if np.isnan(row["published"]):
        return NOTHING, f"No published value to compare with: {shown}."
    against = f"the published {row['published']:.4f} ({row['source']})"
    if row["low"] <= row["published"] <= row["high"]:
        return CONSISTENT, f"Consistent with {against}: {shown}."
    side = "below" if row["high"] < row["published"] else "above"
    noise = (
        f"; noise alone would keep it near {row['ceiling']:.2f}"
        if row["ceiling"] < row["published"]
        else ""
    )
    return INCONSISTENT, f"Inconsistent: {shown}, is {side} {against}{noise}."
