"""The lexical floor: how often a sentence finds its translation by spelling alone.

Names, numbers and loan words look alike in many languages. Character n-grams weighted by TF-IDF see
them and nothing else: no model, no training, no meaning. Alignment that is not above this floor
needs no explanation by what a model has learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from neuronxa.progress import SILENT, Counter

NGRAMS: Final = (1, 3)
"""Shortest and longest n-gram; they do not cross words, whose ends count as a space."""
TIE: Final = 1e-12
"""Cosines closer than this are equal: rounding in float64 stays far below, differences above."""

COLUMNS: Final = ("corpus", "language", "measure", "direction", "value", "n")


def lexical_frame(
    corpus: str,
    pairs: Mapping[str, tuple[Sequence[str], Sequence[str]]],
    *,
    progress: Counter = SILENT,
) -> pd.DataFrame:
    """Measure the lexical floor of every language of a corpus.

    Parameters
    ----------
    corpus
        Name of the corpus.
    pairs
        Language -> sentences of the pivot and of the language, line by line.
    progress
        Told of every language.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`: ``mu`` with the direction ``both``, and ``top1`` with ``pivot_to_other``
        and ``other_to_pivot``, over the ``n`` sentences that both sides have. A language that
        shares no sentence with the pivot is left out.
    """
    rows = []
    progress.start(len(pairs))
    for language, (pivot, other) in pairs.items():
        floor = lexical_floor(pivot, other)
        if floor["n"]:
            for measure, direction in (
                ("mu", "both"),
                ("top1", "pivot_to_other"),
                ("top1", "other_to_pivot"),
            ):
                value = floor[direction]
                rows.append((corpus, language, measure, direction, value, int(floor["n"])))
        progress.advance(1)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def lexical_floor(pivot: Sequence[str], other: Sequence[str]) -> dict[str, float]:
    """Retrieve translations between two languages by their character n-grams.

    Sentences are lower-cased and cut into the n-grams of their words (`NGRAMS`). A gram that a
    sentence holds, once or often, weighs ``1 + ln((1 + N) / (1 + df))`` over the N = 2n sentences
    of this pair, so that the floor of a pair depends on its own text alone (scikit-learn's TF-IDF,
    Euclidean norm). Counting repetitions would let blanks and frequent letters drown the rare
    grams, and the floor would lie far too low. Ties are misses, as in the alignment score:
    sentences that are spelled alike are equally similar, and so are all that share nothing with
    the query.

    Parameters
    ----------
    pivot, other
        Sentences, line by line translations; a pair with an empty line is left out.

    Returns
    -------
    dict
        Shares of hits ``both`` (mutual: mu), ``pivot_to_other`` and ``other_to_pivot``, and ``n``,
        the number of pairs. The shares are NaN where n is 0.
    """
    kept = [pair for pair in zip(pivot, other, strict=True) if all(map(str.strip, pair))]
    n = len(kept)
    if n == 0:
        return {"both": np.nan, "pivot_to_other": np.nan, "other_to_pivot": np.nan, "n": 0}
    first, second = zip(*kept, strict=True)
    weigh = TfidfVectorizer(analyzer="char_wb", ngram_range=NGRAMS, binary=True)
    vectors = weigh.fit_transform(first + second)
    forward, backward = strict_hits((vectors[:n] @ vectors[n:].T).toarray())
    return {
        "both": float((forward & backward).mean()),
        "pivot_to_other": float(forward.mean()),
        "other_to_pivot": float(backward.mean()),
        "n": n,
    }


def strict_hits(
    similarity: NDArray[np.float64],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which translations are strictly more similar than every rival, by row and by column.

    Parameters
    ----------
    similarity
        Square, in float64; true translations on the diagonal.

    Returns
    -------
    tuple
        Hits of the rows' sentences and of the columns', bool.
    """
    true = similarity.diagonal()
    rival = ~np.eye(len(similarity), dtype=bool)
    row_wins = (similarity >= true[:, None] - TIE) & rival
    column_wins = (similarity >= true[None, :] - TIE) & rival
    return np.logical_not(row_wins.any(axis=1)), np.logical_not(column_wins.any(axis=0))
