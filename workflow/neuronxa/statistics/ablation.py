"""Ablations: the correlation with a task under one changed setting at a time.

Every setting is read off results that lie beside each other: extractions and corpora are levels of
the paths, layers are rows of the scores, and the number of pairs comes from the subsets of the
sentences. Within a setting all levels of a method are compared on the same languages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from neuronxa.alignment.methods import METHODS
from neuronxa.errors import StatisticsError
from neuronxa.statistics.coefficients import COEFFICIENTS
from neuronxa.statistics.correlation import Correlation, correlate
from neuronxa.statistics.points import refuse_repeated
from neuronxa.statistics.prediction import tasks_of

SETTINGS: Final = (
    "pairs",
    "layers",
    "layer",
    "pooling",
    "site",
    "special_tokens",
    "precision",
    "corpus",
)
"""In the order of tables and figures."""

#: Settings that are columns of the extractions sheet.
EXTRACTION_SETTINGS: Final[Mapping[str, str]] = {
    "pooling": "pooling",
    "site": "site",
    "special_tokens": "special_tokens",
    "precision": "dtype",
}
ALL_PAIRS: Final = "all"
"""Level of all sentences where languages have different numbers of them."""

VARIANT_COLUMNS: Final = (
    "model",
    "corpus",
    "setting",
    "level",
    "headline",
    "draw",
    "method",
    "language",
    "value",
)
COLUMNS: Final = (
    "model",
    "corpus",
    "setting",
    "level",
    "headline",
    "method",
    "task",
    "metric",
    "coefficient",
    "estimate",
    "low",
    "high",
    "n",
    "draws",
    "message",
)

Extraction = Mapping[str, str]


def ablate(
    variants: pd.DataFrame, downstream: pd.DataFrame, *, pivot: str, confidence: float = 0.95
) -> pd.DataFrame:
    """Correlate every variant of every method with every task of the same model.

    Parameters
    ----------
    variants
        Columns `VARIANT_COLUMNS`, what the ``*_variants`` of this module give, one under the other.
    downstream
        Task scores, columns ``model, task, language, metric, value``.
    pivot
        Language that is left out.
    confidence
        Level of the intervals.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. ``n`` is the number of languages, the same for all levels of a setting
        and method. ``headline`` marks the level that the run itself uses. Where a level has several
        draws (subsets of the sentences) the estimate is the mean of the correlations after
        Fisher's transformation, and the interval holds both what other languages and what other
        sentences would have changed. Settings with a single level are left out.

    Raises
    ------
    StatisticsError
        If a language has two scores for one task and metric of a model.
    """
    refuse_repeated(downstream)
    variants = variants.loc[(variants["language"] != pivot) & variants["value"].notna()]
    known = downstream.loc[(downstream["language"] != pivot) & downstream["value"].notna()]
    rows: list[dict[str, Any]] = []
    keys = ["model", "corpus", "setting", "method"]
    for key, part in variants.groupby(keys, sort=False):
        wide = part.pivot(index="language", columns=["level", "headline", "draw"], values="value")
        if wide.columns.get_level_values("level").nunique() < 2:
            continue
        wide = wide.dropna()  # the same languages at every level
        for task, metric, scores in tasks_of(known, str(key[0])):
            values = scores["value"]
            shared = wide.index.intersection(values.index)
            about = dict(zip(keys, key, strict=True)) | {"task": task, "metric": metric}
            rows += [about | row for row in _levels(wide.loc[shared], values[shared], confidence)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for column, order in (("setting", SETTINGS), ("method", tuple(METHODS))):
        frame[column] = pd.Categorical(frame[column], categories=order, ordered=True)
    frame = frame.sort_values(
        ["model", "corpus", "setting", "method"], kind="stable", ignore_index=True
    )
    kinds: Any = {
        "setting": "str",
        "method": "str",
        "n": "int64",
        "draws": "int64",
        "headline": bool,
    }
    return frame.astype(kinds)


def pair_variants(subsets: pd.DataFrame, *, site: str) -> pd.DataFrame:
    """Numbers of parallel sentences: the subsets of sizes that every language has, and all.

    Parameters
    ----------
    subsets
        Columns ``model, corpus, extraction, representation, language, n, subset, value`` of one
        run, what :func:`neuronxa.controls.pool.pool_frames` gives second.
    site
        FFN site of NASCA and NAVCA.
    """
    kept = _with_method(subsets, site)
    most = kept.groupby("language")["n"].transform("max")
    whole = kept["n"] == most
    kept = kept.loc[whole | (kept["n"] < most.min())]
    whole = whole.loc[kept.index]
    name = str(most.max()) if most.min() == most.max() else ALL_PAIRS
    kept = kept.sort_values("n", kind="stable")
    level = kept["n"].astype("str").mask(whole.loc[kept.index], name)
    return _variants(
        kept, "pairs", level=level, headline=level == name, draw=kept["subset"].to_numpy()
    )


def reduction_variants(method_scores: pd.DataFrame, *, base: str) -> pd.DataFrame:
    """Reductions over layers (mean, max, named groups) of the extraction ``base``."""
    kept = method_scores.loc[method_scores["extraction"] == base]
    return _variants(kept, "layers", level=kept["reduction"], headline=kept["reduction"] == "mean")


def layer_variants(scores: pd.DataFrame, *, pivot: str, site: str) -> pd.DataFrame:
    """Single layers: block b from 1 on, 0 the embeddings, whatever the representation.

    Parameters
    ----------
    scores
        Alignment scores of one run, columns of :func:`neuronxa.alignment.scores.scores_frame`.
    pivot
        Language that the pairs start at.
    site
        FFN site of NASCA and NAVCA.
    """
    rows = scores.loc[
        (scores["reduction"] == "layer") & (scores["source"] == pivot) & (scores["measure"] == "mu")
    ]
    kept = _with_method(rows.rename(columns={"target": "language"}), site)
    # Neurons of the first block are layer 0; hidden states begin with the embeddings.
    hidden = kept["representation"].str.startswith("hidden")
    block = kept["layer"].astype("int64") + ~hidden
    kept = kept.assign(block=block).sort_values("block", kind="stable")
    return _variants(kept, "layer", level=kept["block"].astype("str"), headline=False)


def extraction_variants(
    method_scores: pd.DataFrame, extractions: Mapping[str, Extraction]
) -> pd.DataFrame:
    """Extractions that differ from the first one in one column alone.

    Parameters
    ----------
    method_scores
        Scores of all runs.
    extractions
        Name -> ``site, pooling, special_tokens, dtype``, in the order of the config; the first is
        the base.
    """
    scores = method_scores.loc[method_scores["reduction"] == "mean"]
    parts = []
    for setting, levels in extraction_levels(extractions).items():
        for place, (level, name) in enumerate(levels.items()):
            kept = scores.loc[scores["extraction"] == name]
            parts.append(_variants(kept, setting, level=level, headline=place == 0))
    return _stacked(parts)


def extraction_levels(extractions: Mapping[str, Extraction]) -> dict[str, dict[str, str]]:
    """Find the settings that extractions vary: setting -> level -> extraction, the base first."""
    base, *others = extractions
    found: dict[str, dict[str, str]] = {}
    for setting, column in EXTRACTION_SETTINGS.items():
        rest = [name for name in EXTRACTION_SETTINGS.values() if name != column]
        levels = {extractions[base][column]: base}
        for other in others:
            row = extractions[other]
            if all(row[name] == extractions[base][name] for name in rest):
                levels.setdefault(row[column], other)
        if len(levels) > 1:
            found[setting] = levels
    return found


def corpus_variants(
    method_scores: pd.DataFrame, *, base: str, corpora: Sequence[str]
) -> pd.DataFrame:
    """Corpora against each other, once for each of them as the headline."""
    scores = method_scores.loc[
        (method_scores["reduction"] == "mean") & (method_scores["extraction"] == base)
    ]
    return _stacked(
        [
            _variants(
                scores.loc[scores["corpus"] == other].assign(corpus=corpus),
                "corpus",
                level=other,
                headline=other == corpus,
            )
            for corpus in corpora
            for other in corpora
        ]
    )


def _with_method(frame: pd.DataFrame, site: str) -> pd.DataFrame:
    """Rows of the named methods' representations, with the method's name."""
    names = {method.at(site): name for name, method in METHODS.items()}
    kept = frame.loc[frame["representation"].isin(names)]
    return kept.assign(method=kept["representation"].map(names))


def _variants(
    frame: pd.DataFrame, setting: str, *, level: Any, headline: Any, draw: Any = 0
) -> pd.DataFrame:
    named = frame.assign(setting=setting, level=level, headline=headline, draw=draw)
    return named[list(VARIANT_COLUMNS)].reset_index(drop=True)


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    kept = [part for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=VARIANT_COLUMNS)


def _levels(wide: pd.DataFrame, values: pd.Series, confidence: float) -> Iterator[dict[str, Any]]:
    """Correlate every level with the task, over the draws that it has."""
    for coefficient in COEFFICIENTS:
        for level in dict.fromkeys(wide.columns.get_level_values("level")):
            draws = wide.xs(level, axis=1, level="level")
            row: dict[str, Any] = dict.fromkeys(("estimate", "low", "high"), np.nan) | {
                "level": level,
                "headline": bool(draws.columns.get_level_values("headline")[0]),
                "coefficient": coefficient,
                "n": len(wide),
                "message": "",
            }
            found, faults = [], []
            for _, scores in draws.items():
                try:
                    found.append(
                        correlate(scores, values, coefficient=coefficient, confidence=confidence)
                    )
                except StatisticsError as fault:
                    faults.append(fault.what)
            row["draws"] = len(found)
            if 2 * len(found) < draws.shape[1] or not found:
                yield row | {"message": faults[0]}
                continue
            estimate, low, high = pooled(found, confidence=confidence)
            yield row | {"estimate": estimate, "low": low, "high": high}


def pooled(found: Sequence[Correlation], *, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of correlations of the same languages over draws of sentences, with its interval.

    After Fisher's transformation z the half-width of the interval is
    ``sqrt(mean(half²) + q² var(z))``, the variance within a draw (other languages) and between the
    draws (other sentences); one draw keeps its interval.

    Parameters
    ----------
    found
        A correlation per draw.
    confidence
        Level of their intervals.

    Returns
    -------
    estimate, low, high
    """
    if len(found) == 1:
        return found[0].estimate, found[0].low, found[0].high
    z, low, high = (
        np.arctanh(np.clip([getattr(one, name) for one in found], -1 + 1e-12, 1 - 1e-12))
        for name in ("estimate", "low", "high")
    )
    quantile = float(stats.norm.ppf(0.5 + confidence / 2))
    half = np.sqrt((((high - low) / 2) ** 2).mean() + quantile**2 * z.var(ddof=1))
    middle = z.mean()
    estimate, lower, upper = np.tanh([middle, middle - half, middle + half])
    return float(estimate), float(lower), float(upper)
