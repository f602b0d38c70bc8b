"""Sentences as tokens, with the weight that each token has in the pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuronxa.config import ExtractionRow
from neuronxa.errors import CorpusError


@dataclass(frozen=True)
class Tokens:
    """One sentence, tokenised.

    Attributes
    ----------
    ids
        Token ids as the model sees them, int64 ``(token,)``.
    weights
        Integer pooling weight of each token, int64 ``(token,)``; 0 = not pooled.
    pooled
        Which tokens are pooled, bool ``(token,)``.
    """

    ids: np.ndarray
    weights: np.ndarray
    pooled: np.ndarray

    @classmethod
    def whole(cls, ids: np.ndarray) -> Tokens:
        """Tokens that are all pooled, later ones weighing more."""
        pooled = np.ones(len(ids), dtype=bool)
        return cls(np.asarray(ids, dtype=np.int64), pooling_weights(pooled, "weighted"), pooled)

    @property
    def last(self) -> int:
        """Index of the last pooled token."""
        return int(np.flatnonzero(self.pooled)[-1])


def tokenise(
    tokenizer: Any, texts: Sequence[str], extraction: ExtractionRow, *, where: str = ""
) -> list[Tokens | None]:
    """Tokenise sentences; an empty one gives None.

    Parameters
    ----------
    tokenizer
        Tokenizer of the snapshot.
    texts
        Sentences; nothing is added but what the tokenizer itself adds.
    extraction
        Pooling, special tokens and the largest number of tokens.
    where
        Name of the text for messages.

    Raises
    ------
    CorpusError
        A sentence is longer than ``max_tokens``, or nothing of it would be pooled.
    """
    encodings = [
        tokenizer(text, return_special_tokens_mask=True) if text.strip() else None for text in texts
    ]
    _refuse_long([e["input_ids"] if e else () for e in encodings], extraction, where=where)
    result: list[Tokens | None] = []
    for line, encoded in enumerate(encodings, start=1):
        if encoded is None:
            result.append(None)
            continue
        ids = np.asarray(encoded["input_ids"], dtype=np.int64)
        pooled = np.ones(len(ids), dtype=bool)
        if extraction.special_tokens == "exclude":
            pooled = np.asarray(encoded["special_tokens_mask"]) == 0
        if not pooled.any():
            raise CorpusError(
                "the tokenizer makes no token of the sentence", where=f"{where}, line {line}"
            )
        result.append(Tokens(ids, pooling_weights(pooled, extraction.pooling), pooled))
    return result


def _refuse_long(
    sentences: Sequence[Sequence[int]], extraction: ExtractionRow, *, where: str
) -> None:
    """Refuse the longest sentence, so that the limit need be raised only once."""
    if not sentences:
        return
    longest = max(range(len(sentences)), key=lambda row: len(sentences[row]))
    tokens = len(sentences[longest])
    if tokens > extraction.max_tokens:
        raise CorpusError(
            f"the sentence has {tokens} tokens, {extraction.max_tokens} are allowed",
            where=f"{where}, line {longest + 1}",
            remedy="raise 'max_tokens' in the extractions sheet; sentences are never cut",
        )


def pooling_weights(pooled: np.ndarray, pooling: str) -> np.ndarray:
    """Integer weights of the tokens of one sentence.

    ``weighted``: t = 1..T over the pooled tokens, so that the normalised weight is t / sum k
    (Muennighoff 2022; MEXA and NeuronXA use it). ``mean``: 1. ``last``: 1 for the last one.

    Parameters
    ----------
    pooled
        Which tokens are pooled, bool ``(token,)``.
    pooling
        ``weighted``, ``mean`` or ``last``.
    """
    if pooling == "weighted":
        return np.asarray(np.cumsum(pooled, dtype=np.int64) * pooled)
    if pooling == "mean":
        return pooled.astype(np.int64)
    weights = np.zeros(len(pooled), dtype=np.int64)
    weights[np.flatnonzero(pooled)[-1]] = 1
    return weights
