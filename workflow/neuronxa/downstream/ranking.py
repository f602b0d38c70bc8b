"""Candidates of every question, scored by a causal language model.

The score of a candidate is the sum of the log-probabilities of its tokens, given the worked
examples and the question: the probability that the model goes on with just this answer, and what
lm-evaluation-harness calls `acc`. The mean over tokens favours long answers whose later tokens
follow from the first; the number of tokens is stored, so it can be had from the same table. Within
one item the order by whole-prompt cross-entropy that RankC's authors use differs from the sum only
by the number of tokens it is divided by.

The prefix runs once. All questions then follow as one packed row of trees: the tokens of a
question once, the candidates as branches that share what they have in common, each token seeing
the prefix and its own ancestors alone. The last token of a branch is only scored, never fed, and
the LM head runs only where a branch goes on.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from transformers import DynamicCache

from neuronxa.downstream.facts import Questions
from neuronxa.errors import ModelError

HEAD_ROWS = 32  # rows whose vocabulary is normalised together; a row is 1 MB for 262,144 entries

Model = Any  # a transformers causal language model
Tokenizer = Any  # its tokenizer


@dataclass(frozen=True)
class _Tokens:
    """Token ids of one question: ``prefix + query + candidate`` is one full prompt."""

    query: list[int]
    candidates: list[list[int]]


@dataclass
class _Tree:
    """Questions packed into one row.

    ``tokens`` are fed; ``parents`` holds the index of the token before (-1: the prefix). ``steps``
    are the scored continuations: (index of a fed token, next token id) -> number of the step.
    ``paths`` lists the steps of each candidate of each question.
    """

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    steps: dict[tuple[int, int], int] = field(default_factory=dict)
    paths: list[list[list[int]]] = field(default_factory=list)

    def add(self, question: _Tokens) -> None:
        """Append a question's tokens and its candidates' branches."""
        last = -1
        for token in question.query:
            last = self._feed(token, last)
        branches: dict[tuple[int, ...], int] = {(): last}
        paths = []
        for candidate in question.candidates:
            path = []
            for length, token in enumerate(candidate):
                before = tuple(candidate[:length])
                if before not in branches:
                    branches[before] = self._feed(before[-1], branches[before[:-1]])
                path.append(self.steps.setdefault((branches[before], token), len(self.steps)))
            paths.append(path)
        self.paths.append(paths)

    def _feed(self, token: int, parent: int) -> int:
        self.tokens.append(token)
        self.parents.append(parent)
        return len(self.tokens) - 1


def rank_candidates(
    model: Model, tokenizer: Tokenizer, questions: Questions, *, chunk_tokens: int = 256
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
        From `facts.build_questions`.
    chunk_tokens
        Tokens of one forward pass; a question is never split.

    Returns
    -------
    pandas.DataFrame
        One row per item and candidate, columns ``item`` (str), ``candidate`` (int64, position),
        ``answer`` (str, identifier of the item's right answer), ``log_probability`` (float64,
        natural logarithm, summed over the candidate's tokens), ``tokens`` (int64), ``gold`` (bool)
        and ``given_away`` (bool). Empty where the language is not available.

    Raises
    ------
    ModelError
        A prompt is longer than the model's context.
    """
    prefix, tokens = tokenize(tokenizer, questions)
    _check_length(model, prefix, tokens)
    with torch.inference_mode():
        if runs_trees(model):
            scores = _score_trees(model, prefix, tokens, chunk_tokens)
        else:
            scores = _score_plainly(model, prefix, tokens)
    rows = [
        (
            question.item_id,
            position,
            question.answer,
            score,
            len(ids.candidates[position]),
            position == question.gold,
            question.given_away,
        )
        for question, ids, candidate_scores in zip(questions.questions, tokens, scores, strict=True)
        for position, score in enumerate(candidate_scores)
    ]
    kinds = {
        "item": "str",
        "candidate": "int64",
        "answer": "str",
        "log_probability": "float64",
        "tokens": "int64",
        "gold": "bool",
        "given_away": "bool",
    }
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)


def tokenize(tokenizer: Tokenizer, questions: Questions) -> tuple[list[int], list[_Tokens]]:
    """Token ids of the prefix and of every question, such that they can be joined.

    The prefix carries the special tokens that the tokenizer puts in front; those it puts at the end
    are left out. A question is cut after the prefix's line break and a candidate, with its leading
    space, after the colon: the places where tokenizers split anyway. Each part is tokenized behind
    the character it follows and that character's tokens are cut off again, since some tokenizers
    treat the start of a text as a word boundary of its own.
    """
    leading = _leading_special_tokens(tokenizer)
    prefix = leading + (_plain(tokenizer, questions.prefix) if questions.prefix else [])
    behind = "\n" if questions.prefix else ""
    return prefix, [
        _Tokens(
            query=_continue(tokenizer, behind, question.prompt),
            candidates=[_continue(tokenizer, ":", text) for text in question.candidates],
        )
        for question in questions.questions
    ]


def _plain(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _continue(tokenizer: Tokenizer, before: str, text: str) -> list[int]:
    head, whole = _plain(tokenizer, before) if before else [], _plain(tokenizer, before + text)
    joined = whole[: len(head)] == head
    return whole[len(head) :] if joined else _plain(tokenizer, text)


def _leading_special_tokens(tokenizer: Tokenizer) -> list[int]:
    plain = _plain(tokenizer, "a")
    whole = list(tokenizer("a", add_special_tokens=True)["input_ids"])
    for start in range(len(whole) - len(plain) + 1):
        if whole[start : start + len(plain)] == plain:
            return whole[:start]
    return []


def _check_length(model: Model, prefix: Sequence[int], questions: Sequence[_Tokens]) -> None:
    limit = getattr(model.config, "max_position_embeddings", None)
    longest = max(
        (len(prefix) + len(q.query) + max(map(len, q.candidates)) for q in questions), default=0
    )
    if limit is not None and longest > limit:
        raise ModelError(
            f"a prompt has {longest} tokens, the model takes {limit}",
            remedy="lower 'shots' of the task",
        )


def runs_trees(model: Model) -> bool:
    """Whether a packed tree gives what separate prompts give, told from the model's properties.

    Needs an attention that takes a ready 4-D mask and explicit positions, and layers that pass on
    nothing but what the mask lets through: full or sliding-window attention. Recurrent layers,
    convolutions, chunked attention and ALiBi (which counts places in the row) run plainly.
    """
    kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
    takes = inspect.signature(model.forward).parameters
    return (
        bool(getattr(model, "_supports_attention_backend", False))
        and not getattr(model, "_is_stateful", False)
        and not getattr(model.config, "alibi", False)
        and model.config._attn_implementation in ("sdpa", "eager")
        and kinds <= {"full_attention", "sliding_attention"}
        and {"position_ids", "past_key_values", "logits_to_keep"} <= set(takes)
    )


def _score_trees(
    model: Model, prefix: list[int], questions: Sequence[_Tokens], chunk_tokens: int
) -> list[list[float]]:
    device = model.device
    cache = None
    if prefix and questions:
        # Without the config every layer keeps all keys; windows are left to the mask.
        cache = DynamicCache()
        model(
            input_ids=torch.tensor([prefix], device=device), past_key_values=cache, logits_to_keep=1
        )
    scores: list[list[float]] = []
    for tree in _chunks(questions, chunk_tokens):
        visible, depths = _ancestors(tree.parents)
        scored = sorted({node for node, _ in tree.steps})
        logits = model(
            input_ids=torch.tensor([tree.tokens], device=device),
            position_ids=(len(prefix) + depths).unsqueeze(0).to(device),
            attention_mask=_masks(model, visible, depths, len(prefix)),
            past_key_values=cache,
            use_cache=cache is not None,
            logits_to_keep=torch.tensor(scored, device=device),
        ).logits[0]
        if cache is not None:
            cache.crop(-len(tree.tokens))
        row = {node: number for number, node in enumerate(scored)}
        steps = list(tree.steps)
        values = _log_probabilities(
            logits, [row[node] for node, _ in steps], [token for _, token in steps]
        )
        scores += [[sum(values[step] for step in path) for path in paths] for paths in tree.paths]
    return scores


def _chunks(questions: Sequence[_Tokens], chunk_tokens: int) -> Iterator[_Tree]:
    """Trees of about ``chunk_tokens`` tokens, in the order of the questions."""
    tree = _Tree()
    for question in questions:
        if len(tree.tokens) >= chunk_tokens:
            yield tree
            tree = _Tree()
        tree.add(question)
    if tree.paths:
        yield tree


def _ancestors(parents: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Which tokens of the row each token sees (T, T), and its distance from the prefix (T,)."""
    visible = torch.eye(len(parents), dtype=torch.bool)
    depths = torch.zeros(len(parents), dtype=torch.long)
    for node, parent in enumerate(parents):
        if parent >= 0:
            visible[node] |= visible[parent]
            depths[node] = depths[parent] + 1
    return visible, depths


def _masks(
    model: Model, visible: torch.Tensor, depths: torch.Tensor, prefix: int
) -> torch.Tensor | dict[str, torch.Tensor]:
    """Additive masks (1, 1, T, prefix + T), one per kind of layer where the kinds differ."""
    every = torch.cat([torch.ones(len(depths), prefix, dtype=torch.bool), visible], dim=1)
    positions = torch.cat([torch.arange(prefix), prefix + depths])
    window = getattr(model.config, "sliding_window", None)
    kinds = getattr(model.config, "layer_types", None) or [
        "full_attention" if window is None else "sliding_attention"
    ]

    def additive(allowed: torch.Tensor) -> torch.Tensor:
        mask = torch.zeros(allowed.shape, dtype=model.dtype)
        mask.masked_fill_(~allowed, torch.finfo(model.dtype).min)
        return mask[None, None].to(model.device)

    distance = (prefix + depths)[:, None] - positions[None, :]
    if window is None or int(positions.max()) < window or "sliding_attention" not in kinds:
        return additive(every)
    near = additive(every & (distance < window))
    if set(kinds) == {"sliding_attention"}:
        return near
    return {"full_attention": additive(every), "sliding_attention": near}


def _log_probabilities(
    logits: torch.Tensor, rows: Sequence[int], tokens: Sequence[int]
) -> list[float]:
    """Log softmax(logits)[row, token], normalised in float32 a few rows at a time."""
    norms = torch.cat([part.float().logsumexp(dim=-1) for part in torch.split(logits, HEAD_ROWS)])
    picked = logits[torch.tensor(rows), torch.tensor(tokens)].float()
    values: list[float] = (picked - norms[torch.tensor(rows)]).double().tolist()
    return values


def _score_plainly(
    model: Model, prefix: list[int], questions: Sequence[_Tokens]
) -> list[list[float]]:
    """Every candidate with its full prompt; the candidates of a question are one batch.

    They share the prompt, so only the candidates are padded, on the right, where nothing causal
    looks: no mask is needed.
    """
    scores: list[list[float]] = []
    for question in questions:
        longest = max(map(len, question.candidates))
        context = prefix + question.query
        batch = [
            context + candidate[:-1] + [context[-1]] * (longest - len(candidate))
            for candidate in question.candidates
        ]
        ids = torch.tensor(batch, device=model.device)
        keep = inspect.signature(model.forward).parameters
        extra = {"logits_to_keep": longest} if "logits_to_keep" in keep else {}
        logits = model(input_ids=ids, use_cache=False, **extra).logits[:, -longest:]
        scores.append(
            [
                sum(_log_probabilities(row, range(len(candidate)), candidate))
                for row, candidate in zip(logits, question.candidates, strict=True)
            ]
        )
    return scores
