"""Continuations scored as one packed row of branches: what they share is computed once.

Sequences are merged into a tree of tokens; each token sees its own ancestors alone, at its own
depth. The last token of a sequence is only scored, never fed, and the LM head runs only where a
scored token follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

from neuronxa.downstream.ranking import HEAD_ROWS, _ancestors, _masks

Model = Any  # a transformers causal language model that `ranking.runs_trees`

#: A shorter beginning that all sequences share is not worth a cache of its own.
LEAST_PREFIX = 32


@dataclass(frozen=True)
class Scored:
    """Token ids of one sequence, whose last ``scored`` tokens are scored."""

    tokens: list[int]
    scored: int


def blocks(sequences: Sequence[Scored], block_tokens: int) -> Iterator[list[int]]:
    """Positions of the sequences that are computed together.

    Sequences are sorted so that those that begin alike are neighbours, and cut into blocks of
    about ``block_tokens`` distinct tokens, where possible between sequences that share little.
    The blocks depend on the sequences alone.
    """
    order = sorted(range(len(sequences)), key=lambda i: sequences[i].tokens)
    block: list[int] = []
    size = 0
    start = shared_prefix(sequences)
    for place in order:
        tokens = sequences[place].tokens[start:]
        same = _common(sequences[block[-1]].tokens[start:], tokens) if block else 0
        if (size >= block_tokens and 2 * same < len(tokens)) or size >= 4 * block_tokens:
            yield block
            block, size, same = [], 0, 0
        block.append(place)
        size += len(tokens) - same
    if block:
        yield block


def shared_prefix(sequences: Sequence[Scored]) -> int:
    """Tokens with which all sequences begin, before the last one of any context; 0 if few."""
    if len(sequences) < 2:
        return 0
    first, last = min(s.tokens for s in sequences), max(s.tokens for s in sequences)
    least = min(len(s.tokens) - s.scored for s in sequences) - 1
    length = min(_common(first, last), least)
    return length if length >= LEAST_PREFIX else 0


class Trees:
    """Scores sequences with one model, the beginning that they share computed once.

    Parameters
    ----------
    model
        Loaded model.
    prefix
        Token ids with which every sequence begins; may be empty.
    """

    def __init__(self, model: Model, prefix: Sequence[int]) -> None:
        self._model, self._prefix = model, list(prefix)
        self._cache: DynamicCache | None = None

    def score(self, sequences: Sequence[Scored]) -> list[tuple[float, bool]]:
        """Log-probability of each sequence's scored tokens, and whether all are the likeliest.

        Parameters
        ----------
        sequences
            They begin with the prefix; at least one more token comes before the scored ones.

        Returns
        -------
        list
            (natural logarithm, summed over the scored tokens and taken in float32; is greedy).
        """
        start = len(self._prefix)
        fed: list[int] = []
        parents: list[int] = []
        nodes: dict[tuple[int, int], int] = {}
        paths: list[list[tuple[int, int]]] = []
        for sequence in sequences:
            node, path = -1, []
            first = len(sequence.tokens) - sequence.scored
            for place in range(start, len(sequence.tokens)):
                token = sequence.tokens[place]
                if place >= first:
                    path.append((node, token))
                if place == len(sequence.tokens) - 1:
                    break
                if (node, token) not in nodes:
                    nodes[node, token] = len(fed)
                    fed.append(token)
                    parents.append(node)
                node = nodes[node, token]
            paths.append(path)
        values = self._steps(fed, parents, list(dict.fromkeys(s for path in paths for s in path)))
        return [
            (sum(values[step][0] for step in path), all(values[step][1] for step in path))
            for path in paths
        ]

    @torch.inference_mode()
    def _steps(
        self, fed: list[int], parents: list[int], steps: list[tuple[int, int]]
    ) -> dict[tuple[int, int], tuple[float, bool]]:
        """(Fed token, next token) -> log-probability and whether it is the likeliest."""
        model, start = self._model, len(self._prefix)
        if self._prefix and self._cache is None:
            # Without the config every layer keeps all keys; windows are left to the mask.
            self._cache = DynamicCache()
            ids = torch.tensor([self._prefix], device=model.device)
            model(input_ids=ids, past_key_values=self._cache, logits_to_keep=1)
        visible, depths = _ancestors(parents)
        scored = sorted({node for node, _ in steps})
        logits = model(
            input_ids=torch.tensor([fed], device=model.device),
            position_ids=(start + depths).unsqueeze(0).to(model.device),
            attention_mask=_masks(model, visible, depths, start),
            past_key_values=self._cache,
            use_cache=self._cache is not None,
            logits_to_keep=torch.tensor(scored, device=model.device),
        ).logits[0]
        if self._cache is not None:
            self._cache.crop(-len(fed))
        parts = [part.float() for part in torch.split(logits, HEAD_ROWS)]
        norms = torch.cat([part.logsumexp(dim=-1) for part in parts]).cpu()
        likeliest = torch.cat([part.argmax(dim=-1) for part in parts]).tolist()
        row = {node: number for number, node in enumerate(scored)}
        rows = torch.tensor([row[node] for node, _ in steps])
        tokens = torch.tensor([token for _, token in steps])
        picked = logits[rows.to(model.device), tokens.to(model.device)].float().cpu()
        values = (picked - norms[rows]).double().tolist()
        return {
            step: (value, likeliest[row[step[0]]] == step[1])
            for step, value in zip(steps, values, strict=True)
        }


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the beginning that two sequences share."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
