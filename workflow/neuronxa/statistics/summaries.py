"""Summaries over languages that tables and figures share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from neuronxa.statistics.intervals import mean_interval, wilson_interval

if TYPE_CHECKING:
    from neuronxa.alignment.methods import Site
    from neuronxa.languages import Language

RUN: Final = ["model", "corpus", "extraction"]
GROUPS: Final = ("all", "head", "long-tail")
DIRECTIONS: Final = ("pivot_to_other", "other_to_pivot", "mean", "both")

At = Literal["mean", "peak"]


def of_run(frame: pd.DataFrame, run: tuple[str, str, str]) -> pd.DataFrame:
    """Return the rows of one model, corpus and extraction."""
    return frame.loc[(frame[RUN] == list(run)).all(axis=1)]


def layer_peaks(scores: pd.DataFrame, *, pivot: str) -> pd.DataFrame:
    """Find the layer with the highest mean mu over languages, per representation.

    The peak is chosen on the measure itself, so the value there is a little too high; the whole
    profile is in the layer curves.

    Parameters
    ----------
    scores
        Alignment scores with rows per layer, columns as
        :func:`neuronxa.alignment.methods.method_scores` takes them.
    pivot
        Language code; the pivot itself is left out of the mean.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, corpus, extraction, representation, layer, value``: index of the peak
        layer and the mean mu over languages there. Of several equal layers the first.
    """
    rows = scores.loc[
        (scores["measure"] == "mu")
        & (scores["reduction"] == "layer")
        & (scores["source"] == pivot)
        & (scores["target"] != pivot)
    ]
    keys = [*RUN, "representation"]
    means: pd.DataFrame = rows.groupby([*keys, "layer"])["value"].mean().reset_index()
    best = means.sort_values([*keys, "value", "layer"], ascending=[True] * 4 + [False, True])
    return best.drop_duplicates(keys).reset_index(drop=True)


def retrieval_summary(
    scores: pd.DataFrame,
    *,
    pivot: str,
    site: Site,
    languages: Mapping[str, Language],
    at: At = "mean",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Average sentence retrieval by direction over head and long-tail languages.

    ``pivot_to_other`` and ``other_to_pivot`` are top-1 in that direction, ``mean`` is the mean of
    the two and ``both`` is mu, where the sentence must be found in both.

    Parameters
    ----------
    scores
        Alignment scores with measures ``top1`` and ``mu``.
    pivot
        Language code, left out of the averages.
    site
        FFN site that NAS and NAV are read at.
    languages
        Code to language; gives the class (head or long-tail).
    at
        ``mean``: mean over layers. ``peak``: the layer where the mean mu over all languages is
        highest, one layer for each representation.
    confidence
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, corpus, extraction, representation, at, layer, group, direction, value,
        low, high, n_languages, n``; ``representation`` is ``hidden``, ``nas`` or ``nav``, ``layer``
        is <NA> for the mean, ``n`` the smallest number of sentences. Intervals are Student's t over
        languages; of a single language at a peak layer Wilson's over its sentences.
    """
    names = {"hidden": "hidden", f"nas_{site}": "nas", f"nav_{site}": "nav"}
    rows = scores.loc[
        scores["representation"].isin(names)
        & scores["measure"].isin(["top1", "mu"])
        & ((scores["source"] == pivot) ^ (scores["target"] == pivot))
    ]
    if at == "mean":
        rows = rows.loc[rows["reduction"] == "mean"]
    else:
        peaks = layer_peaks(scores, pivot=pivot).drop(columns="value")
        rows = rows.loc[rows["reduction"] == "layer"].merge(
            peaks, on=[*RUN, "representation", "layer"]
        )
    per_language = _directions(rows, pivot)
    classes = {code: languages[code].resource_class for code in per_language["language"].unique()}
    per_language["group"] = per_language["language"].map(classes)
    both_classes = pd.concat([per_language.assign(group="all"), per_language])
    summary = []
    keys = [*RUN, "representation", "layer", "group", "direction"]
    for values, part in both_classes.groupby(keys, sort=False, dropna=False):
        n = int(part["n"].min())
        found = mean_interval(part["value"], confidence=confidence)
        if len(part) == 1 and at == "peak" and values[-1] != "mean":
            found = wilson_interval(found.estimate, n, confidence=confidence)
        # A share cannot leave [0, 1], though a t interval can; NaN stays NaN.
        low, high = (float(np.clip(bound, 0.0, 1.0)) for bound in (found.low, found.high))
        summary.append((*values, found.estimate, low, high, len(part), n))
    table = pd.DataFrame(summary, columns=[*keys, "value", "low", "high", "n_languages", "n"])
    table["representation"] = table["representation"].map(names)
    table.insert(table.columns.get_loc("layer"), "at", at)  # type: ignore[arg-type]
    for column, order in (
        ("representation", ("hidden", "nas", "nav")),
        ("group", GROUPS),
        ("direction", DIRECTIONS),
    ):
        table[column] = pd.Categorical(table[column], categories=order, ordered=True)
    table = table.sort_values([*RUN, "group", "representation", "direction"], ignore_index=True)
    return table.astype(dict.fromkeys(("representation", "group", "direction"), "str")).astype(
        {"layer": "Int64"}
    )


def _directions(rows: pd.DataFrame, pivot: str) -> pd.DataFrame:
    """Give each language one row per direction."""
    forward = rows["source"] == pivot
    rows = rows.assign(
        language=rows["target"].where(forward, rows["source"]),
        direction=pd.Series("pivot_to_other", index=rows.index).where(forward, "other_to_pivot"),
    )
    # mu is the same in both orders; one of them is enough.
    rows = rows.loc[(rows["measure"] == "top1") | forward]
    rows.loc[rows["measure"] == "mu", "direction"] = "both"
    columns = [*RUN, "representation", "layer", "language"]
    top1 = rows.loc[rows["measure"] == "top1"]
    mean = top1.groupby(columns, as_index=False, dropna=False).agg(
        value=("value", "mean"), n=("n", "min")
    )
    return pd.concat(
        [rows[[*columns, "direction", "value", "n"]], mean.assign(direction="mean")],
        ignore_index=True,
    )
