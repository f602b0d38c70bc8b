"""Published numbers and ours for the same quantity, with what differs between the two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from neuronxa.config.published import MEAN, PublishedRow
from neuronxa.statistics.intervals import mean_interval
from neuronxa.statistics.reported import PARTS

#: Columns that name a published number.
NAMED: Final = (
    "quantity",
    "paper",
    "table",
    "model",
    "corpus",
    "languages",
    "method",
    "pooling",
    "reduction",
    "task",
    "metric",
    "certainty",
)
COLUMNS: Final = (
    *NAMED,
    "published",
    "ours",
    "ours_low",
    "ours_high",
    "our_models",
    "our_languages",
    "our_corpus",
    "our_extraction",
    "our_reading",
    "differs",
    "note",
    "source",
)
#: Corpora that hold another edition of a published one.
EDITIONS: Final[Mapping[str, str]] = {"flores-plus": "flores-200"}
#: Metric of the task side: consistency for BMLAMA-53 (a guess), else accuracy.
TASK_METRICS: Final[Mapping[str, tuple[str, ...]]] = {"bmlama-53": ("rankc",)}
ACCURACY: Final = ("accuracy", "acc")
READINGS: Final[Mapping[str, str]] = {"mean": "mean of directions", "both": "both directions hold"}
REPRESENTATIONS: Final[Mapping[str, str]] = {"embedding": "hidden", "NAS": "nas", "NAV": "nav"}
SENTENCES: Final = 100
"""Sentences of both papers; mu falls as there are more."""


@dataclass(frozen=True)
class Run:
    """What a run measured, as far as papers published it.

    Attributes
    ----------
    pivot
        Language that the others are compared with.
    methods
        Scores per language, columns of :data:`neuronxa.alignment.methods.COLUMNS`.
    retrieval
        What :func:`~neuronxa.statistics.summaries.retrieval_summary` gives, mean over layers.
    correlations
        What :func:`~neuronxa.statistics.correlation.correlate_methods` gives; may be empty.
    downstream
        Task scores; may be empty.
    benchmarks
        Task to the benchmark that it measures.
    poolings
        Extraction to its pooling of tokens.
    confidence
        Level of the intervals.
    """

    pivot: str
    methods: pd.DataFrame
    retrieval: pd.DataFrame
    correlations: pd.DataFrame
    downstream: pd.DataFrame
    benchmarks: Mapping[str, str]
    poolings: Mapping[str, str]
    confidence: float = 0.95

    @property
    def corpora(self) -> list[str]:
        """The corpora, in their order."""
        return list(dict.fromkeys(self.methods["corpus"]))

    @property
    def models(self) -> list[str]:
        """The models, in their order."""
        return list(dict.fromkeys(self.methods["model"]))


def compare_published(published: Sequence[PublishedRow], run: Run) -> pd.DataFrame:
    """Set our numbers beside the published ones.

    Parameters
    ----------
    published
        Rows of ``config/published.tsv``.
    run
        Our run.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. A row for every published mean, and for every number of a model that the
        run has; one more for each of our extractions, corpora and readings that it can be compared
        with. ``ours`` is the mean over our models of what each has; its interval is Student's t
        over models, or of one model that model's own. ``our_languages`` is the smallest number of
        languages behind it. The corpus is the published one where the run has it, else the run's
        first; ``differs`` says so, and what else is not alike. Where the run has nothing of the
        kind, ``ours`` is missing.
    """
    rows: list[dict[str, Any]] = []
    for row in published:
        if row.model not in (MEAN, *run.models):
            continue
        about = {name: getattr(row, name) for name in (*NAMED, "note", "source")}
        about["published"] = row.value
        ours = [about | found for found in _ours(row, run, published)]
        rows += ours or [about | {"differs": "not in this run"}]
    for one in rows:
        for name in ("our_corpus", "our_extraction", "our_reading"):
            one.setdefault(name, "")
    counts = {"our_models": "Int64", "our_languages": "Int64"}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(counts)


def _ours(
    row: PublishedRow, run: Run, published: Sequence[PublishedRow]
) -> Iterator[dict[str, Any]]:
    """Our numbers for a published one: per corpus, extraction and reading, over models."""
    values = {
        "correlation": _correlations,
        "alignment": _alignments,
        "retrieval": _retrievals,
        "accuracy": _accuracies,
    }.get(row.quantity, _nothing)(row, run)
    if values.empty:
        return
    if row.model != MEAN:
        values = values.loc[values["model"] == row.model]
    keys = ["our_corpus", "our_extraction", "our_reading"]
    for key, part in values.groupby(keys, sort=False):
        place = dict(zip(keys, map(str, key), strict=True))
        yield {
            **place,
            **_over_models(
                part, run.confidence, least=-1.0 if row.quantity == "correlation" else 0.0
            ),
            "our_models": part["model"].nunique(),
            "our_languages": part["languages"].min(),
            "differs": "; ".join(_differences(row, run, published, place, set(part["model"]))),
        }


def _over_models(part: pd.DataFrame, confidence: float, *, least: float) -> dict[str, float]:
    """The mean over models with Student's interval, or one model's number with its own."""
    if len(part) == 1:
        own = part.iloc[0]
        return {"ours": own["value"], "ours_low": own["low"], "ours_high": own["high"]}
    found = mean_interval(part["value"], confidence=confidence)
    # no share and no coefficient leaves its range, though a t interval can; NaN stays NaN
    low, high = (float(np.clip(bound, least, 1.0)) for bound in (found.low, found.high))
    return {"ours": found.estimate, "ours_low": low, "ours_high": high}


def _differences(
    row: PublishedRow,
    run: Run,
    published: Sequence[PublishedRow],
    place: Mapping[str, str],
    models: set[str],
) -> Iterator[str]:
    """What is not alike in the two runs, as far as it is known."""
    theirs = {one.model for one in published if one.paper == row.paper} - {MEAN}
    if row.model == MEAN and not theirs:
        yield "models (the paper's are not known)"
    elif row.model == MEAN and theirs != models:
        yield "models"
    corpus = place["our_corpus"]
    if row.corpus and corpus and corpus != row.corpus:
        yield "edition of the corpus" if EDITIONS.get(corpus) == row.corpus else "corpus"
    elif corpus and not row.corpus:
        yield "corpus (the paper's is not told)"
    if corpus:
        sentences = run.methods.loc[run.methods["corpus"] == corpus, "n"]
        if not (sentences == SENTENCES).all():
            least, most = sentences.min(), sentences.max()
            yield f"sentences (ours {least}" + (f" to {most})" if most > least else ")")


def _comparable(frame: pd.DataFrame, row: PublishedRow, run: Run) -> pd.DataFrame:
    """Rows of the corpora and extractions that a published number can be compared with."""
    alike = [c for c in run.corpora if row.corpus in ("", c, EDITIONS.get(c))]
    pooled = [
        name for name, pooling in run.poolings.items() if row.pooling in ("", "last", pooling)
    ]
    return frame.loc[
        frame["corpus"].isin(alike or run.corpora[:1]) & frame["extraction"].isin(pooled)
    ]


def _found(frame: pd.DataFrame, reading: pd.Series | str, languages: str) -> pd.DataFrame:
    """Values in common columns."""
    return pd.DataFrame(
        {
            "model": frame["model"],
            "our_corpus": frame["corpus"],
            "our_extraction": frame["extraction"],
            "our_reading": reading,
            "value": frame["value"],
            "low": frame["low"],
            "high": frame["high"],
            "languages": frame[languages],
        }
    )


def _method(row: PublishedRow) -> str:
    return f"{row.method}-last" if row.pooling == "last" else row.method


def _nothing(row: PublishedRow, run: Run) -> pd.DataFrame:
    """Quantities that a run does not have in this form."""
    return pd.DataFrame()


def _correlations(row: PublishedRow, run: Run) -> pd.DataFrame:
    if run.correlations.empty:
        return run.correlations
    frame = _comparable(run.correlations, row, run)
    frame = frame.loc[
        (frame["method"] == _method(row))
        & (frame["reduction"] == row.reduction)
        & (frame["coefficient"] == row.metric)
        & ~frame["pivot_included"]
        & frame["estimate"].notna()
    ]
    parts = [_of_benchmark(frame, part, run) for part in PARTS.get(row.task, (row.task,))]
    one = pd.concat(parts).rename(columns={"estimate": "value"})
    if row.task not in PARTS:
        return _found(one, one["task"] + ", " + one["metric"], "n")
    # several sources of one benchmark: the first counts
    keys = ["model", "corpus", "extraction"]
    first = one.drop_duplicates([*keys, "benchmark"])
    mean = first.groupby(keys, sort=False, as_index=False).agg(
        value=("value", "mean"), n=("n", "min"), parts=("value", "size")
    )
    whole = mean.loc[mean["parts"] == len(PARTS[row.task])].assign(low=np.nan, high=np.nan)
    return _found(whole, " + ".join(PARTS[row.task]), "n")


def _of_benchmark(frame: pd.DataFrame, benchmark: str, run: Run) -> pd.DataFrame:
    """Rows of the tasks that measure a benchmark, by the metric that papers correlate."""
    tasks = [task for task, measured in run.benchmarks.items() if measured == benchmark]
    metrics = TASK_METRICS.get(benchmark, ACCURACY)
    kept = frame["task"].isin(tasks) & frame["metric"].isin(metrics)
    return frame.loc[kept].assign(benchmark=benchmark)


def _alignments(row: PublishedRow, run: Run) -> pd.DataFrame:
    frame = _comparable(run.methods, row, run)
    frame = frame.loc[
        (frame["method"] == _method(row))
        & (frame["reduction"] == row.reduction)
        & (frame["language"] != run.pivot)
    ]
    means = _over_languages(frame, ["model", "corpus", "extraction"], run.confidence)
    return _found(means, "mu", "languages")


def _over_languages(frame: pd.DataFrame, keys: list[str], confidence: float) -> pd.DataFrame:
    means = []
    for key, part in frame.groupby(keys, sort=False):
        found = mean_interval(part["value"], confidence=confidence)
        cells = {"value": found.estimate, "low": found.low, "high": found.high}
        means.append({**dict(zip(keys, key, strict=True)), **cells, "languages": found.n})
    return pd.DataFrame(means, columns=[*keys, "value", "low", "high", "languages"])


def _retrievals(row: PublishedRow, run: Run) -> pd.DataFrame:
    if row.metric != "top1, both directions":
        return pd.DataFrame()
    frame = _comparable(run.retrieval, row, run)
    frame = frame.loc[
        (frame["representation"] == REPRESENTATIONS[row.method])
        & (frame["group"] == row.languages)
        & frame["direction"].isin(READINGS)
    ]
    return _found(frame, frame["direction"].map(READINGS), "n_languages")


def _accuracies(row: PublishedRow, run: Run) -> pd.DataFrame:
    if run.downstream.empty:
        return run.downstream
    frame = _of_benchmark(run.downstream, row.task, run)
    is_pivot = frame["language"] == run.pivot
    if row.languages == "pivot":
        means = frame.loc[is_pivot].assign(languages=1)
    else:
        means = _over_languages(frame.loc[~is_pivot], ["model", "task", "metric"], run.confidence)
    means = means.assign(corpus="", extraction="")
    return _found(means, means["task"] + ", " + means["metric"], "languages")
