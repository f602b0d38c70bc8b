"""Candidates of every question, scored by a causal language model.

A candidate of a fact is scored by the sum of the log-probabilities of its tokens, given the worked
examples and the question: the probability that the model goes on with just this answer, and what
lm-evaluation-harness calls `acc`. A candidate of a cloze is filled into the sentence, and all
tokens of the sentence are scored: the sum divided by their number is less the mean cross-entropy
by which RankC's authors rank. Sum and number of tokens are stored, so both can be had of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from neuronxa.downstream.bmlama import Cloze, Clozes
from neuronxa.downstream.facts import Question, Questions
from neuronxa.downstream.prompts import Tokenizer, tokenize
from neuronxa.downstream.trees import Model, Sequences, score_sequences
from neuronxa.errors import ModelError

COLUMNS = {
    "item": "str",
    "candidate": "int64",
    "answer": "str",
    "log_probability": "float64",
    "tokens": "int64",
    "gold": "bool",
    "given_away": "bool",
}


def rank_candidates(
    model: Model, tokenizer: Tokenizer, questions: Questions | Clozes, *, chunk_tokens: int = 256
) -> pd.DataFrame:
    """Score all candidates of all questions of one language.

    Parameters
    ----------
    model
        Loaded causal language model, on any one device and in any dtype; log-probabilities are
        taken in float32.
    tokenizer
        Its tokenizer.
    questions
        From `facts.build_questions` or `bmlama.read_clozes`.
    chunk_tokens
        Tokens of one forward pass; a question is never split.

    Returns
    -------
    pandas.DataFrame
        One row per item and candidate, columns ``item`` (str), ``candidate`` (int64, position),
        ``answer`` (str, the item's right answer), ``log_probability`` (float64, natural logarithm,
        summed over the scored tokens), ``tokens`` (int64, how many these are), ``gold`` (bool) and
        ``given_away`` (bool). Empty where the language is not available.

    Raises
    ------
    ModelError
        A prompt is longer than the model's context.
    """
    prefix, asked = tokenize(questions, tokenizer)
    worded: Sequence[Question | Cloze] = questions.questions
    _check_length(model, prefix, asked)
    scores = score_sequences(model, prefix, asked, chunk_tokens=chunk_tokens)
    rows = [
        (
            question.item_id,
            position,
            question.answer,
            score,
            len(sequences.tokens[position]) - sequences.given,
            position == question.gold,
            question.given_away,
        )
        for question, sequences, values in zip(worded, asked, scores, strict=True)
        for position, score in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _check_length(model: Any, prefix: list[int], asked: list[Sequences]) -> None:
    limit = getattr(model.config, "max_position_embeddings", None)
    longest = max((len(prefix) + max(map(len, one.tokens)) for one in asked), default=0)
    if limit is not None and longest > limit:
        raise ModelError(
            f"a prompt has {longest} tokens, the model takes {limit}",
            remedy="lower 'shots' of the task, or take another model",
        )
