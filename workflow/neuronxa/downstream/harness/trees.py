"""The harness's requests as packed tries: what they share is computed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neuronxa.downstream.trees import Sequences, Trie, TrieScorer

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


def score_block(scorer: TrieScorer, sequences: Sequence[Scored]) -> list[tuple[float, bool]]:
    """Log-probability of each sequence's scored tokens, and whether all are the likeliest.

    Parameters
    ----------
    scorer
        Of a prefix with which all sequences begin.
    sequences
        At least one more token comes before the scored ones.

    Returns
    -------
    list
        (natural logarithm, summed over the scored tokens and taken in float32; is greedy).
    """
    start = len(scorer.prefix)
    trie = Trie()
    for one in sequences:
        trie.add(Sequences([one.tokens[start:]], len(one.tokens) - one.scored - start))
    steps = scorer.steps(trie)
    return [
        (sum(steps[place][0] for place in path), all(steps[place][1] for place in path))
        for (path,) in trie.paths
    ]


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the beginning that two sequences share."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
