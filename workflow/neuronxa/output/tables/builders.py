"""What each table holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from neuronxa.alignment.methods import METHODS, Reduction, Site, method_scores
from neuronxa.output.labels import REPRESENTATIONS, Labels, short_codes, single
from neuronxa.output.tables.write import Table, p_text
from neuronxa.statistics.coefficients import Coefficient
from neuronxa.statistics.intervals import mean_interval
from neuronxa.statistics.summaries import At, layer_peaks, retrieval_summary

if TYPE_CHECKING:
    from neuronxa.languages import Language


def scores_table(
    scores: pd.DataFrame,
    *,
    pivot: str,
    site: Site,
    languages: Mapping[str, Language],
    reduction: Reduction = "mean",
    confidence: float = 0.95,
    labels: Labels | None = None,
) -> Table:
    """Summarise every model and method: means, best and worst language, peak layer.

    Parameters
    ----------
    scores
        Alignment scores of any models, corpora and extractions.
    pivot
        Language code, left out of the means.
    site
        FFN site of NASCA and NAVCA.
    languages
        Code to language; gives the class.
    reduction
        ``mean`` or ``max`` over layers.
    confidence
        Level of the interval.
    labels
        Names to show.

    Returns
    -------
    Table
        A row per model, corpus, extraction and method. The interval of the mean is Student's t
        over languages; the peak layer is the index with the highest mean mu, counted from 0.
    """
    labels = labels or Labels()
    tidy = method_scores(scores, pivot=pivot, site=site)
    tidy = tidy.loc[(tidy["reduction"] == reduction) & (tidy["language"] != pivot)]
    names = {method.at(site): name for name, method in METHODS.items()}
    peaks = layer_peaks(scores, pivot=pivot)
    peaks["method"] = peaks["representation"].map(names)
    layer = peaks.set_index(["model", "corpus", "extraction", "method"])["layer"].to_dict()
    codes = short_codes([*tidy["language"].unique(), pivot])
    rows = []
    for key, part in tidy.groupby(["model", "corpus", "extraction", "method"], sort=False):
        values = part.set_index("language")["value"]
        classes = values.index.map(lambda code: languages[code].resource_class)
        overall = mean_interval(values, confidence=confidence)
        best, worst = str(values.idxmax()), str(values.idxmin())
        model, corpus, extraction, method = key
        rows.append(
            {
                "model": labels.model(str(model)),
                "corpus": labels.corpus(str(corpus)),
                "extraction": extraction,
                "method": method,
                "mean": overall.estimate,
                "mean_low": max(overall.low, 0.0),
                "mean_high": min(overall.high, 1.0),
                "head": float(values[classes == "head"].mean()),
                "long_tail": float(values[classes == "long-tail"].mean()),
                "best": codes[best],
                "best_value": float(values[best]),
                "worst": codes[worst],
                "worst_value": float(values[worst]),
                "peak_layer": layer.get(key),
                "languages": len(values),
                "n": int(part["n"].min()),
            }
        )
    return Table(
        pd.DataFrame(rows).astype({"peak_layer": "Int64"}),
        headers={
            "long_tail": "long-tail",
            "best_value": "best score",
            "worst_value": "worst score",
            "peak_layer": "peak layer",
            "mean": f"mean [{confidence:.0%}]",
        },
        best=("mean", "head", "long_tail"),
        within=("model", "corpus", "extraction"),
    )


def language_table(
    method_scores: pd.DataFrame,
    *,
    languages: Mapping[str, Language],
    reduction: Reduction = "mean",
) -> Table:
    """Lay out one model's scores with a row per language and a column per method.

    Parameters
    ----------
    method_scores
        Scores of one model, corpus and extraction.
    languages
        Code to language; gives name, family and class.
    reduction
        ``mean`` or ``max`` over layers.

    Returns
    -------
    Table
        Languages from best to worst by the first method; the pivot, if there, on top.
    """
    for column in ("model", "corpus", "extraction"):
        single(method_scores, column)
    kept = method_scores.loc[method_scores["reduction"] == reduction]
    present = [name for name in METHODS if name in set(kept["method"])]
    wide = kept.pivot(index="language", columns="method", values="value")[present]
    wide = wide.sort_values(present, ascending=False, kind="stable")
    about = [languages[code] for code in wide.index]
    frame = pd.DataFrame(
        {
            "language": [language.name for language in about],
            "code": [language.code for language in about],
            "family": [language.family for language in about],
            "class": [language.resource_class for language in about],
            **{name: wide[name].to_numpy() for name in present},
            "n": kept.groupby("language")["n"].min().reindex(wide.index).to_numpy(),
        }
    )
    return Table(frame)


def retrieval_table(
    scores: pd.DataFrame,
    *,
    pivot: str,
    site: Site,
    languages: Mapping[str, Language],
    at: At = "mean",
    confidence: float = 0.95,
    labels: Labels | None = None,
) -> Table:
    """Lay out sentence retrieval: embeddings, NAS and NAV by direction, head and long-tail.

    Parameters
    ----------
    scores
        Alignment scores of any models, corpora and extractions.
    pivot
        Language code.
    site
        FFN site of NAS and NAV.
    languages
        Code to language; gives the class.
    at
        ``mean`` over layers, or the ``peak`` layer of each representation, named in the table.
    confidence
        Level of the intervals.
    labels
        Names to show.

    Returns
    -------
    Table
        Shares with intervals, a row per model, corpus, extraction, group of languages and
        representation.
    """
    labels = labels or Labels()
    summary = retrieval_summary(
        scores, pivot=pivot, site=site, languages=languages, at=at, confidence=confidence
    )
    keys = ["model", "corpus", "extraction", "group", "representation"]
    rows = []
    for key, part in summary.groupby(keys, sort=False):
        model, corpus, extraction, group, representation = key
        row = {
            "model": labels.model(str(model)),
            "corpus": labels.corpus(str(corpus)),
            "extraction": extraction,
            "group": group,
            "representation": REPRESENTATIONS[str(representation)],
            "layer": "mean" if at == "mean" else str(int(part["layer"].iloc[0])),
        }
        for found in part.itertuples():
            row[str(found.direction)] = found.value
            row[f"{found.direction}_low"] = found.low
            row[f"{found.direction}_high"] = found.high
        row["languages"] = int(part["n_languages"].max())
        row["n"] = int(part["n"].min())
        rows.append(row)
    code = short_codes([*scores["source"].unique(), pivot])[pivot]
    return Table(
        pd.DataFrame(rows),
        headers={
            "pivot_to_other": f"{code} → xx",
            "other_to_pivot": f"xx → {code}",
            "mean": "mean of both",
            "both": "both hold (μ)",
        },
        best=("pivot_to_other", "other_to_pivot", "mean", "both"),
        within=("model", "corpus", "extraction", "group"),
    )


def correlation_table(
    correlations: pd.DataFrame,
    *,
    coefficient: Coefficient | None = None,
    labels: Labels | None = None,
) -> Table:
    """Lay out the correlations of methods with tasks, without the pivot first, then with it.

    Parameters
    ----------
    correlations
        What :func:`neuronxa.statistics.correlation.correlate_methods` returns.
    coefficient
        ``pearson``, ``spearman`` or ``kendall``; by default all.
    labels
        Names to show.

    Returns
    -------
    Table
        A row per correlation; those that are not defined say why in ``message``.
    """
    labels = labels or Labels()
    kept = correlations.sort_values("pivot_included", kind="stable")
    if coefficient is not None:
        kept = kept.loc[kept["coefficient"] == coefficient]
    frame = kept.assign(
        model=kept["model"].map(labels.model),
        corpus=kept["corpus"].map(labels.corpus),
        task=kept["task"].map(labels.task),
        pivot=kept["pivot_included"].map({False: "without", True: "with"}),
    ).rename(columns={"low": "estimate_low", "high": "estimate_high"})
    if not frame["message"].astype(bool).any():
        frame = frame.drop(columns="message")
    return Table(
        frame.drop(columns=["pivot_included", "tests"]).reset_index(drop=True),
        headers={
            "estimate": "estimate [interval]",
            "bootstrap_low": "bootstrap from",
            "bootstrap_high": "to",
            "p_holm": "p (Holm)",
        },
        best=("estimate",),
        within=(
            "model",
            "corpus",
            "extraction",
            "reduction",
            "task",
            "metric",
            "pivot",
            "coefficient",
        ),
        printers=dict.fromkeys(("p", "p_holm", "q"), p_text),
    )


def downstream_table(
    downstream: pd.DataFrame,
    *,
    languages: Mapping[str, Language],
    labels: Labels | None = None,
) -> Table:
    """Lay out task scores with their intervals, n and chance level.

    Parameters
    ----------
    downstream
        Task scores, columns ``model, task, language, metric, value, low, high, n, chance, source``
        and, where it is known, ``shots``.
    languages
        Code to language; gives the name.
    labels
        Names to show.

    Returns
    -------
    Table
        A row per model, task, metric and language, from best to worst. Several sources of one
        benchmark are tasks of their own, one under the other.
    """
    labels = labels or Labels()
    ordered = downstream.sort_values(
        ["model", "task", "metric", "value"], ascending=[True, True, True, False], kind="stable"
    )
    frame = pd.DataFrame(
        {
            "model": ordered["model"].map(labels.model),
            "task": ordered["task"].map(labels.task),
            "metric": ordered["metric"],
            "language": [languages[code].name for code in ordered["language"]],
            "code": ordered["language"],
            "value": ordered["value"],
            "value_low": ordered["low"],
            "value_high": ordered["high"],
            "chance": ordered["chance"],
            "n": ordered["n"],
            **({"shots": ordered["shots"]} if "shots" in ordered else {}),
            "source": ordered["source"],
        }
    ).reset_index(drop=True)
    return Table(frame, headers={"value": "score [interval]"})
