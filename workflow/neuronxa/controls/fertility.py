"""What the tokenizer does to each language: how many tokens its sentences become.

A language in many small tokens is read by a model in other pieces than the pivot is, its sentences
weigh the special tokens less, and averages run over more positions. None of that is alignment, and
all of it goes along with how much a language was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuronxa.activations.texts import Text
from neuronxa.controls.texts import side_of
from neuronxa.corpora.checks import SPACED
from neuronxa.errors import StoreError
from neuronxa.languages import Language
from neuronxa.stores.activations import Activations

UNSPACED_SCRIPTS: Final = SPACED | {"Hans", "Hant", "Jpan"}
"""Scripts that put no blank between words: tokens per word are tokens per phrase or sentence."""

COLUMNS: Final = (
    "model",
    "corpus",
    "extraction",
    "language",
    "measure",
    "value",
    "n",
    "special_tokens",
    "spaced",
)


def fertility_frame(
    stores: Mapping[str, Activations],
    texts: Mapping[str, Text],
    *,
    pivot: str,
    languages: Mapping[str, Language],
) -> pd.DataFrame:
    """Count the tokens of every language of one model, corpus and extraction.

    Parameters
    ----------
    stores
        Activation stores by language.
    texts
        The texts that they were extracted from, by language.
    pivot
        Language that the premium is relative to.
    languages
        Code to language; gives the script.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, one row per language and measure, over the ``n`` sentences that count:

        - ``tokens_per_sentence``;
        - ``premium``: tokens over the pivot's tokens for the same sentences, a ratio of sums
          (Petrov et al. 2023, *NeurIPS*);
        - ``tokens_per_word``: fertility (Rust et al. 2021, *ACL*) with words parted by white space,
          which says little where ``spaced`` is False;
        - ``tokens_per_character``: characters are code points, blanks included.

        ``special_tokens`` is the setting of the extraction: with ``include`` the tokens that the
        tokenizer adds to each sentence are counted, since they are pooled.

    Raises
    ------
    StoreError
        A store was made from another text.
    """
    rows = []
    for code, store in stores.items():
        _check_text(store, texts[code])
        tokens, side = store.array("tokens").astype(np.int64), store.array("side")
        own = tokens[side == 0]
        other = tokens[side == 1] if (side == 1).any() else _pivot_tokens(stores, pivot)
        identity = store.identity
        about = (identity["model"], identity["corpus"], identity["extraction"]["extraction"], code)
        settings = (
            identity["extraction"]["special_tokens"],
            languages[code].script not in UNSPACED_SCRIPTS,
        )
        rows += [
            (*about, measure, value, n, *settings)
            for measure, value, n in _measures(own, other, side_of(texts[code], 0))
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _measures(
    own: NDArray[np.int64], pivot: NDArray[np.int64], sentences: tuple[str, ...]
) -> list[tuple[str, float, int]]:
    """Measure, value and number of sentences; a missing sentence has no tokens."""
    present, both = own > 0, (own > 0) & (pivot > 0)
    kept = [sentence for sentence, there in zip(sentences, present, strict=True) if there]
    total, n = int(own.sum()), len(kept)
    words, characters = sum(len(s.split()) for s in kept), sum(map(len, kept))
    return [
        ("tokens_per_sentence", _ratio(total, n), n),
        ("premium", _ratio(int(own[both].sum()), int(pivot[both].sum())), int(both.sum())),
        ("tokens_per_word", _ratio(total, words), n),
        ("tokens_per_character", _ratio(total, characters), n),
    ]


def _ratio(above: int, below: int) -> float:
    return above / below if below else float("nan")


def _pivot_tokens(stores: Mapping[str, Activations], pivot: str) -> NDArray[np.int64]:
    if pivot not in stores:
        raise StoreError(f"the pivot '{pivot}' has no activation store", allowed=stores)
    return stores[pivot].array("tokens").astype(np.int64)


def _check_text(store: Activations, text: Text) -> None:
    if store.identity["text_digest"] != text.digest:
        raise StoreError(
            "the store was made from another text",
            where=str(store.folder),
            remedy="run the workflow again: it extracts what has changed",
        )
