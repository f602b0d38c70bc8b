"""Log-probabilities of many token sequences that begin alike, by a causal language model.

All sequences of one forward pass are packed into one row as a trie: what two of them have in
common at the start is fed once, each token sees its own ancestors alone, and the last token of a
sequence is only scored, never fed. The LM head runs only where a score is read off. Models whose
layers cannot be masked so run plainly, one batch per question.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache

HEAD_ROWS = 32  # rows whose vocabulary is normalised together; a row is 1 MB for 262,144 entries

Model = Any  # a transformers causal language model


@dataclass(frozen=True)
class Sequences:
    """The token sequences of one question, one per candidate, without the common prefix.

    Attributes
    ----------
    tokens
        Token ids of each sequence.
    given
        So many tokens at the start are not scored: at least one, since the first has no context.
    """

    tokens: list[list[int]]
    given: int


@dataclass
class Trie:
    """Questions packed into one row.

    Attributes
    ----------
    tokens
        Token ids that are fed.
    parents
        Index of the token before each of them; -1: the prefix.
    steps
        The scored continuations: (index of a fed token, next token id) -> number of the step.
    paths
        The steps of each sequence of each question.
    """

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    steps: dict[tuple[int, int], int] = field(default_factory=dict)
    paths: list[list[list[int]]] = field(default_factory=list)
    _nodes: dict[tuple[int, int], int] = field(default_factory=dict)

    def add(self, question: Sequences) -> None:
        """Append what is new of a question's sequences."""
        paths = []
        for sequence in question.tokens:
            node, path = -1, []
            for place, token in enumerate(sequence):
                if place >= question.given:
                    path.append(self.steps.setdefault((node, token), len(self.steps)))
                if place < len(sequence) - 1:
                    node = self._feed(node, token)
            paths.append(path)
        self.paths.append(paths)

    def _feed(self, parent: int, token: int) -> int:
        """The node of a token behind its parent, made if it is new."""
        if (parent, token) not in self._nodes:
            self._nodes[parent, token] = len(self.tokens)
            self.tokens.append(token)
            self.parents.append(parent)
        return self._nodes[parent, token]


def score_sequences(
    model: Model, prefix: Sequence[int], questions: Sequence[Sequences], *, chunk_tokens: int
) -> list[list[float]]:
    """Log-probability (natural, in float32) of every sequence, summed over its scored tokens.

    Parameters
    ----------
    model
        Loaded causal language model, on any one device and in any dtype.
    prefix
        Token ids before every sequence; they run once and may be none.
    questions
        What is scored.
    chunk_tokens
        Tokens of one forward pass; a question is never split.

    Returns
    -------
    list
        For each question the sums of its sequences.
    """
    with torch.inference_mode():
        if runs_trees(model):
            return _score_trees(model, list(prefix), questions, chunk_tokens)
        return _score_plainly(model, list(prefix), questions)


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
    model: Model, prefix: list[int], questions: Sequence[Sequences], chunk_tokens: int
) -> list[list[float]]:
    scorer = TrieScorer(model, prefix)
    scores: list[list[float]] = []
    for trie in pack(questions, chunk_tokens):
        values = scorer.log_probabilities(trie)
        scores += [[sum(values[step] for step in path) for path in paths] for paths in trie.paths]
    return scores


class TrieScorer:
    """Scores tries behind a prefix that all share and that runs once.

    Parameters
    ----------
    model
        Loaded causal language model for which `runs_trees` holds.
    prefix
        Token ids before every sequence; they may be none.
    """

    def __init__(self, model: Model, prefix: Sequence[int]) -> None:
        self.prefix = list(prefix)
        self._model = model
        self._cache: DynamicCache | None = None

    @torch.inference_mode()
    def log_probabilities(self, trie: Trie) -> list[float]:
        """Log-probability of each step of ``trie.steps``, in its order, taken in float32."""
        return _log_probabilities(*self._logits(trie)) if trie.steps else []

    @torch.inference_mode()
    def steps(self, trie: Trie) -> list[tuple[float, bool]]:
        """The log-probabilities, and whether each step's token is the likeliest."""
        if not trie.steps:
            return []
        logits, rows, tokens = self._logits(trie)
        likeliest = logits.argmax(dim=-1).tolist()
        return [
            (value, likeliest[row] == token)
            for value, row, token in zip(
                _log_probabilities(logits, rows, tokens), rows, tokens, strict=True
            )
        ]

    def _logits(self, trie: Trie) -> tuple[torch.Tensor, list[int], list[int]]:
        """Logits where a step is scored, and the row and the token of each step."""
        model, start = self._model, len(self.prefix)
        if self.prefix and self._cache is None:
            # Without the config every layer keeps all keys; windows are left to the mask.
            self._cache = DynamicCache()
            ids = torch.tensor([self.prefix], device=model.device)
            model(input_ids=ids, past_key_values=self._cache, logits_to_keep=1)
        visible, depths = _ancestors(trie.parents)
        scored = sorted({node for node, _ in trie.steps})
        logits = model(
            input_ids=torch.tensor([trie.tokens], device=model.device),
            position_ids=(start + depths).unsqueeze(0).to(model.device),
            attention_mask=_masks(model, visible, depths, start),
            past_key_values=self._cache,
            use_cache=self._cache is not None,
            logits_to_keep=torch.tensor(scored, device=model.device),
        ).logits[0]
        if self._cache is not None:
            self._cache.crop(-len(trie.tokens))
        row = {node: number for number, node in enumerate(scored)}
        return logits, [row[node] for node, _ in trie.steps], [token for _, token in trie.steps]


def pack(questions: Sequence[Sequences], chunk_tokens: int) -> Iterator[Trie]:
    """Tries of about ``chunk_tokens`` tokens, in the order of the questions."""
    trie = Trie()
    for question in questions:
        if len(trie.tokens) >= chunk_tokens:
            yield trie
            trie = Trie()
        trie.add(question)
    if trie.paths:
        yield trie


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
    if not rows:
        return []
    norms = torch.cat([part.float().logsumexp(dim=-1) for part in torch.split(logits, HEAD_ROWS)])
    places = torch.tensor(rows, device=logits.device)
    picked = logits[places, torch.tensor(tokens, device=logits.device)].float()
    values: list[float] = (picked - norms[places]).double().tolist()
    return values


def _score_plainly(
    model: Model, prefix: list[int], questions: Sequence[Sequences]
) -> list[list[float]]:
    """Every sequence behind the prefix; the sequences of a question are one batch.

    Only their ends differ in length, so they are padded on the right, where nothing causal looks:
    no mask is needed.
    """
    scores: list[list[float]] = []
    for question in questions:
        longest = max(map(len, question.tokens))
        batch = [
            prefix + sequence[:-1] + [sequence[0]] * (longest - len(sequence))
            for sequence in question.tokens
        ]
        ids = torch.tensor(batch, device=model.device)
        kept = longest - question.given  # the last given token scores the first scored one
        extra = (
            {"logits_to_keep": kept}
            if "logits_to_keep" in inspect.signature(model.forward).parameters
            else {}
        )
        logits = model(input_ids=ids, use_cache=False, **extra).logits[:, -kept:]
        scores.append(
            [
                sum(_log_probabilities(row, range(len(scored)), scored))
                for row, scored in zip(
                    logits, (tokens[question.given :] for tokens in question.tokens), strict=True
                )
            ]
        )
    return scores
