"""Batches: which sentences go through the model together, and where each of them lies.

A *packed* batch is one row in which whole sentences follow one another; a *padded* batch gives each
sentence a row of its own, filled up on the right. Either way the states that hooks see are laid out
token after token, and a sentence is a range of them: pooling knows no difference.

A batch holds sentences of one block of one language. What is stored then depends on the text of the
block alone: not on the other languages, and not on where an earlier run was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from neuronxa.activations.tokens import Tokens

#: Row in a store -> its tokens.
Sentence = tuple[int, Tokens]

#: Matrix products with fewer rows take other kernels, whose rounding differs: shorter packs are
#: filled up with a sentence of padding that nothing looks at.
MIN_PACK_TOKENS = 32


@dataclass(frozen=True)
class Batch:
    """Sentences of one forward pass.

    Attributes
    ----------
    rows
        Row of each sentence in its store.
    tokens
        The sentences.
    shape
        Rows and columns of the token ids.
    starts
        Where each sentence begins among all tokens, row after row.
    """

    rows: tuple[int, ...]
    tokens: tuple[Tokens, ...]
    shape: tuple[int, int]
    starts: tuple[int, ...]

    @property
    def segments(self) -> tuple[tuple[int, int], ...]:
        """Start and end of each sentence among all tokens."""
        return tuple((s, s + len(t.ids)) for s, t in zip(self.starts, self.tokens, strict=True))

    @property
    def size(self) -> int:
        """Number of tokens, padding included."""
        return self.shape[0] * self.shape[1]

    @property
    def attended(self) -> tuple[tuple[int, int], ...]:
        """Segments of a packed row that attention runs over: the sentences and the filler."""
        segments = self.segments
        end = segments[-1][1]
        return (*segments, (end, self.size)) if end < self.size else segments

    def inputs(self, device: str) -> dict[str, torch.Tensor]:
        """Token ids and positions, both int64 of `shape`; padding is token 0."""
        ids = np.zeros(self.size, dtype=np.int64)
        positions = np.tile(np.arange(self.shape[1]), self.shape[0])
        for (start, end), tokens in zip(self.segments, self.tokens, strict=True):
            ids[start:end] = tokens.ids
            positions[start:end] = np.arange(end - start)
        filled = self.segments[-1][1]
        if self.shape[0] == 1:
            positions[filled:] = np.arange(self.size - filled)
        return {
            name: on_device(values.reshape(self.shape), device)
            for name, values in (("input_ids", ids), ("position_ids", positions))
        }


def on_device(values: np.ndarray, device: str) -> torch.Tensor:
    """An array as a tensor on a device; copies to a GPU do not wait for it."""
    tensor = torch.from_numpy(values)
    if device.startswith("cuda"):
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def plan_batches(
    sentences: Iterable[Sentence], *, token_budget: int, batching: Literal["packed", "padded"]
) -> list[Batch]:
    """Distribute the sentences of one block over forward passes.

    Parameters
    ----------
    sentences
        Sentences that exist, by row.
    token_budget
        Largest number of tokens of a batch, padding included; a longer sentence goes alone.
    batching
        ``packed`` or ``padded``.
    """
    plan = _packed if batching == "packed" else _padded
    return list(plan(list(sentences), token_budget))


def _packed(sentences: Sequence[Sentence], token_budget: int) -> Iterator[Batch]:
    """Rows of about equal length, as few as the budget allows, sentences in their order."""
    total = sum(len(tokens.ids) for _, tokens in sentences)
    even = total / max(1, -(-total // token_budget))

    def full(filled: int, longer: int) -> bool:
        return filled >= even or longer > token_budget

    for group in _groups(sentences, lambda group: sum(len(t.ids) for _, t in group), full):
        lengths = [len(tokens.ids) for _, tokens in group]
        starts = np.cumsum([0, *lengths[:-1]])
        yield _batch(group, (1, max(MIN_PACK_TOKENS, sum(lengths))), starts.tolist())


def _padded(sentences: Sequence[Sentence], token_budget: int) -> Iterator[Batch]:
    """Rows of similar lengths, the longest first."""
    order = sorted(sentences, key=lambda sentence: (-len(sentence[1].ids), sentence[0]))

    def padded(group: Sequence[Sentence]) -> int:
        return len(group) * len(group[0][1].ids) if group else 0

    for group in _groups(order, padded, lambda _, longer: longer > token_budget):
        width = max(MIN_PACK_TOKENS // len(group), len(group[0][1].ids))
        yield _batch(group, (len(group), width), [row * width for row in range(len(group))])


def _groups(
    sentences: Sequence[Sentence],
    size: Callable[[Sequence[Sentence]], int],
    full: Callable[[int, int], bool],
) -> Iterator[list[Sentence]]:
    """Cut a sequence wherever a group is full, or would be too large with the next sentence."""
    group: list[Sentence] = []
    for sentence in sentences:
        if group and full(size(group), size([*group, sentence])):
            yield group
            group = []
        group.append(sentence)
    if group:
        yield group


def _batch(group: Sequence[Sentence], shape: tuple[int, int], starts: Sequence[int]) -> Batch:
    rows, tokens = zip(*group, strict=True)
    return Batch(rows, tokens, shape, tuple(starts))
