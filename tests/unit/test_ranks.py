"""Ranks against plain loops without rounding, over shapes, ties, gaps and missing sentences."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronxa.alignment.tiles import Cosines
from neuronxa.alignment.vectors import Block
from neuronxa.errors import StoreError


def ranks_of(x, y, present_x, present_y, *, centred=False, weights=(None, None)):
    """Ranks between all languages of two sets, as the library finds them."""
    blocks = [
        Block.of(v, p, weights=w, centred=True)
        for v, p, w in ((x, present_x, weights[0]), (y, present_y, weights[1]))
    ]
    return Cosines.of(*[block.centred if centred else block.raw for block in blocks]).rank()


def exact_vectors(x, present, *, centred, weights=None):
    """Vectors as fractions, over their weights and less the mean of their language if asked for."""
    weights = [1] * len(x) if weights is None else weights.tolist()
    rows = [
        [Fraction(float(value)) / weight for value in row]
        for row, weight in zip(x, weights, strict=True)
    ]
    if not centred:
        return rows
    there = [row for row, here in zip(rows, present, strict=True) if here] or rows
    mean = [sum(column) / len(there) for column in zip(*there, strict=True)]
    return [[value - m for value, m in zip(row, mean, strict=True)] for row in rows]


def exact_ranks(x, y, present_x, present_y, *, centred=False, weights=(None, None)):
    """Ranks by the definition, with cosines compared as fractions: no rounding anywhere."""
    x = exact_vectors(x, present_x, centred=centred, weights=weights[0])
    y = exact_vectors(y, present_y, centred=centred, weights=weights[1])
    both = present_x & present_y

    def signed_square(a, b):
        """Sign times square of the cosine."""
        product = sum(u * v for u, v in zip(a, b, strict=True))
        norms = (sum(u * u for u in a) or 1) * (sum(v * v for v in b) or 1)
        return product * abs(product) / norms

    forward, backward, ties = np.zeros(len(x), int), np.zeros(len(x), int), 0
    for i in np.flatnonzero(both):
        rivals = [j for j in np.flatnonzero(both) if j != i]
        true = signed_square(x[i], y[i])
        there = [signed_square(x[i], y[j]) for j in rivals]
        back = [signed_square(x[j], y[i]) for j in rivals]
        forward[i] = 1 + sum(value >= true for value in there)
        backward[i] = 1 + sum(value >= true for value in back)
        ties += sum(value == true for value in there + back)
    return forward, backward, ties


@settings(max_examples=80, deadline=None)
@given(
    languages=st.integers(1, 3),
    others=st.integers(1, 3),
    n=st.integers(1, 6),
    units=st.integers(1, 5),
    levels=st.integers(1, 4),
    negative=st.booleans(),
    centred=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_ranks_equal_the_definition_with_ties_and_gaps(
    languages, others, n, units, levels, negative, centred, seed
):
    rng = np.random.default_rng(seed)
    low = -levels if negative else 0
    # few levels: many equal and parallel vectors, zero vectors, and true ties
    x = rng.integers(low, levels + 1, (languages, n, units)).astype(np.float32)
    y = rng.integers(low, levels + 1, (others, n, units)).astype(np.float32)
    present_x, present_y = rng.random((languages, n)) < 0.8, rng.random((others, n)) < 0.8
    found = ranks_of(x, y, present_x, present_y, centred=centred)
    for s, t in itertools.product(range(languages), range(others)):
        pair = (x[s], y[t], present_x[s], present_y[t])
        forward, backward, ties = exact_ranks(*pair, centred=centred)
        assert np.array_equal(found.ranks[0, s, t], forward)
        assert np.array_equal(found.ranks[1, s, t], backward)
        assert found.ties[s, t] == ties


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 5), units=st.integers(1, 4), seed=st.integers(0, 2**16))
def test_centred_states_are_shares_of_their_weights(n, units, seed):
    rng = np.random.default_rng(seed)
    weights = tuple(rng.integers(1, 8, (1, n)).astype(np.uint32) for _ in range(2))
    x, y = (rng.integers(0, w[..., None] + 1, (1, n, units)).astype(np.uint32) for w in weights)
    present = np.ones((1, n), bool)
    found = ranks_of(x, y, present, present, centred=True, weights=weights)
    forward, backward, ties = exact_ranks(
        x[0], y[0], present[0], present[0], centred=True, weights=(weights[0][0], weights[1][0])
    )
    assert np.array_equal(found.ranks[0, 0, 0], forward)
    assert np.array_equal(found.ranks[1, 0, 0], backward)
    assert found.ties[0, 0] == ties


@settings(max_examples=20, deadline=None)
@given(scale=st.sampled_from([1e-20, 1.0, 3e12]), seed=st.integers(0, 2**16))
def test_parallel_vectors_are_exact_ties_at_any_scale(scale, seed):
    rng = np.random.default_rng(seed)
    query = rng.normal(size=7)
    true = (rng.normal(size=7) * scale).astype(np.float32)
    # three times a vector has its very cosine, though no bit of the two agrees
    rival = (true.astype(np.float64) * 3).astype(np.float32)
    exactly = np.array_equal(rival.astype(np.float64), true.astype(np.float64) * 3)
    x = np.stack([query, rng.normal(size=7)])[None].astype(np.float32)
    y = np.stack([true, rival])[None]
    present = np.ones((1, 2), bool)
    forward, backward, ties = exact_ranks(x[0], y[0], present[0], present[0])
    found = ranks_of(x, y, present, present)
    assert np.array_equal(found.ranks[0, 0, 0], forward)
    assert np.array_equal(found.ranks[1, 0, 0], backward)
    assert found.ties[0, 0] == ties
    assert ties >= 1 or not exactly


def test_real_valued_vectors_equal_a_float64_computation():
    rng = np.random.default_rng(3)
    base = rng.normal(size=(60, 300))
    x, y = ((base + 3 * rng.normal(size=base.shape) + 2).astype(np.float32) for _ in range(2))
    unit_x, unit_y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in map(float64, (x, y)))
    cosine = unit_x @ unit_y.T
    present = np.ones((1, 60), bool)
    found = ranks_of(x[None], y[None], present, present)
    own = np.diag(cosine)
    assert np.array_equal(found.ranks[0, 0, 0], (cosine >= own[:, None]).sum(axis=1))
    assert np.array_equal(found.ranks[1, 0, 0], (cosine >= own[None]).sum(axis=0))
    assert 1 < found.ranks.mean() < 30  # neither all found nor chance: the case is not trivial


def float64(values):
    return values.astype(np.float64)


def test_a_layer_that_is_nearly_all_ties_is_exact_and_needs_no_second_look():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(3, 40)).astype(np.float32)
    values = base[rng.integers(0, 3, (2, 30))]
    present = np.ones((2, 30), bool)
    found = ranks_of(values, values, present, present)
    for s, t in itertools.product(range(2), repeat=2):
        forward, backward, ties = exact_ranks(values[s], values[t], present[s], present[t])
        assert np.array_equal(found.ranks[0, s, t], forward)
        assert np.array_equal(found.ranks[1, s, t], backward)
        assert found.ties[s, t] == ties
        assert forward.min() > 1  # every sentence has rivals with its very vector
    assert not found.settled.any()


def test_near_ties_are_settled_beyond_float32():
    # the rival is better by 1e-9, which float32 cannot see
    true = np.array([1.0, 0.0, 0.0])
    rival = np.array([1.0, 1e-5, 0.0])
    query = np.array([1.0, 1e-4, 0.0])
    source = np.stack([query, [0, 0, 1]])[None].astype(np.float32)
    target = np.stack([true, rival])[None].astype(np.float32)
    present = np.ones((1, 2), bool)
    found = ranks_of(source, target, present, present)
    assert found.ranks[0, 0, 0, 0] == 2
    assert found.settled[0, 0] > 0


def test_a_constant_language_is_a_tie_with_everything_and_asks_for_no_exact_comparison(monkeypatch):
    """Less its mean a constant language is zero, and so are all its cosines."""
    from neuronxa.alignment import exact

    asked = []
    monkeypatch.setattr(exact, "compare", lambda *given: asked.append(given) or 0)
    rng = np.random.default_rng(0)
    x = np.broadcast_to(rng.normal(size=9), (1, 12, 9)).astype(np.float32)
    y = rng.normal(size=(3, 9))[np.arange(12) % 3][None].astype(np.float32)
    present = np.ones((1, 12), bool)
    found = ranks_of(x, y, present, present, centred=True)
    assert (found.ranks == 12).all()
    assert found.ties[0, 0] == 2 * 12 * 11
    assert not asked


def test_minus_zero_is_zero():
    values = np.array([[[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0]]], np.float32)
    present = np.ones((1, 3), bool)
    groups = Block.of(values, present).raw.side.groups
    assert groups[0, 0] == groups[0, 1] != groups[0, 2]


def test_what_is_not_finite_is_refused():
    values = np.array([[[1.0, np.inf]]], np.float32)
    with pytest.raises(StoreError, match="not a finite number"):
        Block.of(values, np.ones((1, 1), bool))
