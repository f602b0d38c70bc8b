"""Token ids of questions: candidates behind a question, and filled sentences as a whole."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from neuronxa.downstream.bmlama import Clozes
from neuronxa.downstream.facts import Questions
from neuronxa.downstream.trees import Sequences

Tokenizer = Any  # of a transformers causal language model


@singledispatch
def tokenize(questions: Any, tokenizer: Tokenizer) -> tuple[list[int], list[Sequences]]:
    """Token ids of the common prefix and of every question, such that they can be joined.

    Special tokens that the tokenizer puts in front are kept; those it puts at the end are left
    out.
    """
    raise TypeError(f"no way to ask {type(questions).__name__}")


@tokenize.register
def tokenize_questions(
    questions: Questions, tokenizer: Tokenizer
) -> tuple[list[int], list[Sequences]]:
    """Worked examples as the prefix, then the candidates of each question, which alone are scored.

    A question is cut after the prefix's line break and a candidate, with its leading space, after
    the colon: the places where tokenizers split anyway. Each part is tokenized behind the
    character it follows and that character's tokens are cut off again, since some tokenizers treat
    the start of a text as a word boundary of its own.
    """
    leading = leading_tokens(tokenizer)
    prefix = leading + (_plain(tokenizer, questions.prefix) if questions.prefix else [])
    behind = "\n" if questions.prefix else ""
    asked = []
    for question in questions.questions:
        query = _continue(tokenizer, behind, question.prompt)
        candidates = [_continue(tokenizer, ":", text) for text in question.candidates]
        asked.append(Sequences([query + candidate for candidate in candidates], len(query)))
    return prefix, asked


@tokenize.register
def tokenize_clozes(clozes: Clozes, tokenizer: Tokenizer) -> tuple[list[int], list[Sequences]]:
    """Filled sentences, each tokenized as a whole and scored from its second token on.

    Where the tokenizer adds a token in front, that is every token of the text, as in the mean loss
    that transformers computes.
    """
    leading = leading_tokens(tokenizer)
    return [], [
        Sequences([leading + _plain(tokenizer, text) for text in cloze.filled], 1)
        for cloze in clozes.questions
    ]


def leading_tokens(tokenizer: Tokenizer) -> list[int]:
    """Special tokens that the tokenizer puts in front of a text."""
    plain = _plain(tokenizer, "a")
    whole = list(tokenizer("a", add_special_tokens=True)["input_ids"])
    for start in range(len(whole) - len(plain) + 1):
        if whole[start : start + len(plain)] == plain:
            return whole[:start]
    return []


def _plain(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _continue(tokenizer: Tokenizer, before: str, text: str) -> list[int]:
    head, whole = _plain(tokenizer, before) if before else [], _plain(tokenizer, before + text)
    joined = whole[: len(head)] == head
    return whole[len(head) :] if joined else _plain(tokenizer, text)
