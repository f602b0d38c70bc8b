"""Whether pairs of languages that are aligned also agree in what the model knows.

All pairs of K languages are K (K - 1) / 2 numbers but not as many independent ones: a language is
in K - 1 of them. So the test permutes languages, not pairs (Mantel 1967, *Cancer Research* 27,
209-220).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from neuronxa.alignment.methods import METHODS
from neuronxa.errors import StatisticsError
from neuronxa.statistics.bootstrap import RESAMPLES
from neuronxa.statistics.coefficients import Vector
from neuronxa.statistics.multiplicity import adjust
from neuronxa.statistics.partial import PARTIALLY
from neuronxa.statistics.points import KEYS, LEAST_POINTS

Matrix = NDArray[np.float64]

_ENTRIES: Final = 4_000_000
"""Pairs of permuted matrices that are held at once."""

COLUMNS: Final = (
    *KEYS,
    "pivot_included",
    "coefficient",
    "estimate",
    "p",
    "p_holm",
    "q",
    "tests",
    "n_languages",
    "n_pairs",
    "message",
)


def mantel(
    first: Matrix,
    second: Matrix,
    *,
    coefficient: str = "pearson",
    permutations: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Correlate two symmetric matrices over their pairs, with a p from permuted languages.

    Parameters
    ----------
    first, second
        Values of the pairs of the same languages, shape (K, K), symmetric; the diagonal is not
        looked at.
    coefficient
        ``pearson``, or ``spearman``: Pearson's of the ranks of the pairs.
    permutations, seed
        Of the test.

    Returns
    -------
    r, p
        The correlation over the K (K - 1) / 2 pairs, and the two-sided p: the share of
        permutations whose correlation is at least as far from zero, the data counted as one of
        them.

    Raises
    ------
    StatisticsError
        A value is missing, there are fewer than 5 languages, or all pairs have the same value.
    """
    upper = np.triu_indices(len(first), 1)
    if len(first) < LEAST_POINTS:
        raise StatisticsError(
            f"a test over the pairs of {len(first)} languages says nothing; "
            f"at least {LEAST_POINTS} are needed",
            remedy="add languages that have all pairs",
        )
    scaled = []
    for name, matrix in (("alignment score", first), ("task score", second)):
        values = matrix[upper]
        if not np.isfinite(values).all():
            raise StatisticsError(f"the {name} of a pair is missing")
        if np.ptp(values) <= 1e-12 * np.abs(values).max():
            raise StatisticsError(f"the {name} is the same in all {values.size} pairs")
        values = stats.rankdata(values) if coefficient == "spearman" else values
        values = (values - values.mean()) / (values.std() * np.sqrt(values.size))
        whole = np.zeros_like(matrix)
        whole[upper] = values
        scaled.append(whole + whole.T)
    x, y = scaled
    r = float(np.clip(x[upper] @ y[upper], -1, 1))
    found = _permuted(x, y[upper], permutations, seed)
    # Rounding must not make a permutation that changes nothing smaller than the data.
    reached = 1 + int((np.abs(found) >= abs(r) - 1e-12).sum())
    return r, reached / (permutations + 1)


def _permuted(x: Matrix, y: Vector, permutations: int, seed: int) -> Vector:
    """Correlations with the languages of x permuted, in parts that fit into memory."""
    size = len(x)
    first, second = np.triu_indices(size, 1)
    generator = np.random.default_rng(seed)
    orders = generator.permuted(np.tile(np.arange(size), (permutations, 1)), axis=1)
    step = max(1, _ENTRIES // len(y))
    parts = [
        x.ravel()[part[:, first] * size + part[:, second]] @ y
        for part in (orders[start : start + step] for start in range(0, permutations, step))
    ]
    return np.concatenate(parts)


def compare_pairs(
    alignment_pairs: pd.DataFrame,
    task_pairs: pd.DataFrame,
    *,
    pivot: str,
    sites: Mapping[str, str],
    permutations: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare alignment with consistency over all pairs of languages, by Mantel's test.

    Parameters
    ----------
    alignment_pairs
        Scores of all pairs: ``model, corpus, extraction, representation, reduction, source,
        target`` and a column per measure.
    task_pairs
        Consistency of all pairs: ``model, task, source, target, metric, value``; a pair may come
        in one order or in both.
    pivot
        Language that the headline leaves out.
    sites
        Extraction -> FFN site of NASCA and NAVCA.
    permutations, seed
        Of the test.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. Only languages all of whose pairs are known on both sides count;
        ``message`` says why a row could not be computed.
    """
    rows = []
    for key, first, second in _matrices(alignment_pairs, task_pairs, sites):
        for included in (False, True):
            x, y = _complete(first, second, None if included else pivot)
            for coefficient in PARTIALLY:
                row: dict[str, Any] = dict(zip(KEYS, key, strict=True)) | {
                    "pivot_included": included,
                    "coefficient": coefficient,
                    "estimate": np.nan,
                    "p": np.nan,
                    "n_languages": len(x),
                    "n_pairs": len(x) * (len(x) - 1) // 2,
                    "message": "",
                }
                try:
                    row["estimate"], row["p"] = mantel(
                        x, y, coefficient=coefficient, permutations=permutations, seed=seed
                    )
                except StatisticsError as fault:
                    row["message"] = fault.what
                rows.append(row)
    table = pd.DataFrame(rows, columns=[n for n in COLUMNS if n not in ("p_holm", "q", "tests")])
    table = adjust(table, within=["coefficient", "pivot_included"], of="tests of pairs")
    return table[list(COLUMNS)].astype(
        {"n_languages": "int64", "n_pairs": "int64", "pivot_included": bool}
    )


def _matrices(
    alignment_pairs: pd.DataFrame, task_pairs: pd.DataFrame, sites: Mapping[str, str]
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame, pd.DataFrame]]:
    """Yield every method with every task of the same model, as matrices labelled by language."""
    tasks = {
        key: _symmetric(part, "value")
        for key, part in task_pairs.groupby(["model", "task", "metric"], sort=False)
    }
    by = ["model", "corpus", "extraction", "representation", "reduction"]
    found = dict(iter(alignment_pairs.groupby(by, sort=False)))
    for (model, corpus, extraction, representation, reduction), part in found.items():
        for name, method in METHODS.items():
            if method.at(sites[str(extraction)]) != representation or method.measure not in part:
                continue
            first = _symmetric(part, method.measure)
            for (owner, task, metric), second in tasks.items():
                if owner == model:
                    key = (model, corpus, extraction, name, reduction, task, metric)
                    yield key, first, second


def _symmetric(pairs: pd.DataFrame, value: str) -> pd.DataFrame:
    """Mean of both orders of each pair; NaN where neither is there, and on the diagonal."""
    one = pairs.loc[pairs["source"] != pairs["target"], ["source", "target", value]]
    other = one.rename(columns={"source": "target", "target": "source"})
    return pd.concat([one, other]).pivot_table(
        index="source", columns="target", values=value, aggfunc="mean"
    )


def _complete(
    first: pd.DataFrame, second: pd.DataFrame, left_out: str | None
) -> tuple[Matrix, Matrix]:
    """Leave out the languages with the most missing pairs until none is missing."""
    codes = [code for code in first.index if code in second.index and code != left_out]
    x, y = (matrix.reindex(index=codes, columns=codes).to_numpy() for matrix in (first, second))
    kept = np.arange(len(codes))
    missing = ~(np.isfinite(x) & np.isfinite(y))
    np.fill_diagonal(missing, False)
    while missing[np.ix_(kept, kept)].any():
        kept = np.delete(kept, missing[np.ix_(kept, kept)].sum(axis=1).argmax())
    return x[np.ix_(kept, kept)], y[np.ix_(kept, kept)]
