"""Every measure against a plain computation in float64, pair by pair."""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronxa.alignment.measures import MEASURES, chosen_measures
from neuronxa.alignment.products import ON_CPU, products_on, through_torch
from neuronxa.alignment.tiles import Tile
from neuronxa.alignment.vectors import Block
from neuronxa.config.settings import MeasureName
from neuronxa.errors import ConfigError

NEIGHBOURS = 10


def cosines(x, y):
    norms = [np.linalg.norm(v, axis=1) for v in (x, y)]
    return x @ y.T / np.outer(*(np.where(n == 0, 1, n) for n in norms))


def nothing(value, there):
    return value if there else np.nan


def plain(x, y, *, weights_x=None, weights_y=None, centre=None):
    """All measures of two languages with the same sentences, by their definitions."""
    n = len(x)
    c = cosines(x, y)
    # states are stored as numerators: all that is not a cosine is of their shares
    shares = [x, y] if weights_x is None else [x / weights_x[:, None], y / weights_y[:, None]]
    own = np.diag(c)
    others = ~np.eye(n, dtype=bool)
    beats = [
        (own[:, None] > c)[others].reshape(n, -1).all(axis=1),
        (own[None] > c).T[others].reshape(n, -1).all(axis=1),
    ]
    ranks = [1 + ((m >= own[:, None]) & others).sum(axis=1) for m in (c, c.T)]
    found = {
        "mu": (beats[0] & beats[1]).mean(),
        "top1": (beats[0].mean(), beats[1].mean()),
        "mrr": ((1 / ranks[0]).mean(), (1 / ranks[1]).mean()),
        "cosine": own.mean(),
    }
    inside = [np.where(others, cosines(v, v), -np.inf).max(axis=1) for v in (x, y)]
    found["strong"] = (beats[0] & beats[1] & (own > inside[0]) & (own > inside[1])).mean()
    k = min(NEIGHBOURS, n)
    r_x, r_y = np.sort(c, axis=1)[:, -k:].mean(axis=1), np.sort(c, axis=0)[-k:].mean(axis=0)
    csls = 2 * c - r_x[:, None] - r_y[None]
    best = np.diag(csls)
    hits = [((best[:, None] > m + 1e-12) | ~others).all(axis=1) for m in (csls, csls.T)]
    found["csls"] = (hits[0] & hits[1]).mean()
    found["csls_top1"] = (hits[0].mean(), hits[1].mean())
    found["margin"] = nothing(own.mean() - c[others].mean() if n > 1 else 0, n > 1)
    dprime = []
    for m in (c, c.T):
        rivals = [np.delete(m[i], i) for i in range(n)]
        each = [
            (own[i] - r.mean()) / r.std() for i, r in enumerate(rivals) if r.size and r.std() > 1e-6
        ]
        dprime.append(np.mean(each) if each else np.nan)
    found["dprime"] = tuple(dprime)
    moved = [v - v.mean(axis=0) for v in shares]
    kx, ky = (v @ v.T for v in moved)
    below = np.linalg.norm(kx) * np.linalg.norm(ky)
    found["cka"] = (kx * ky).sum() / below if below else np.nan
    both = (moved[0].std(axis=0) > 0) & (moved[1].std(axis=0) > 0)
    if both.any():
        found["anc"] = np.mean(
            [np.corrcoef(moved[0][:, u], moved[1][:, u])[0, 1] for u in np.flatnonzero(both)]
        )
    else:
        found["anc"] = np.nan
    if weights_x is not None:
        a, b = x * 2 >= weights_x[:, None], y * 2 >= weights_y[:, None]
        either, shared = (a | b).sum(axis=1), (a & b).sum(axis=1)
        found["jaccard"] = np.where(either == 0, 1, shared / np.maximum(either, 1)).mean()
        found["hamming"] = (a == b).mean()
    if centre is not None:
        moved = plain(shares[0] - centre[0], shares[1] - centre[1])
        found |= {f"{m}_centred": moved[m] for m in ("mu", "top1", "margin", "dprime")}
    return found


def measured(x, y, present_x, present_y, weights_x, weights_y, names=tuple(MEASURES)):
    blocks = [
        Block.of(v, p, weights=w, centred=True, standardised=True)
        for v, p, w in ((x, present_x, weights_x), (y, present_y, weights_y))
    ]
    tile = Tile(*blocks)
    found = {}
    for name in names:
        found.update(MEASURES[name].map(tile))
    return found


def check(x, y, present_x, present_y, weights_x, weights_y):
    found = measured(x, y, present_x, present_y, weights_x, weights_y)
    assert set(MEASURES) <= set(found)
    for s, t in itertools.product(range(len(x)), range(len(y))):
        both = present_x[s] & present_y[t]
        if not both.any():
            for name in MEASURES:
                assert np.isnan(found[name].forward[s, t]), name
            continue
        # the mean of a language is over all its own sentences, whatever the pair shares
        centre = [
            (v[p] / w[p, None]).mean(axis=0)
            for v, w, p in (
                (x[s], weights_x[s], present_x[s]),
                (y[t], weights_y[t], present_y[t]),
            )
        ]
        expected = plain(
            x[s][both].astype(float),
            y[t][both].astype(float),
            weights_x=weights_x[s][both].astype(float),
            weights_y=weights_y[t][both].astype(float),
            centre=centre,
        )
        assert set(MEASURES) <= set(expected), "a measure without a plain definition in plain()"
        for name, value in expected.items():
            forth, back = value if isinstance(value, tuple) else (value, value)
            for side, want in ((found[name].forward, forth), (found[name].backward, back)):
                # a d-prime of hundreds divides by a deviation near the rounding of float32
                near = 2e-4 + 2e-6 * abs(want) * (name.startswith("dprime"))
                np.testing.assert_allclose(
                    side[s, t], want, rtol=near, atol=2e-5, err_msg=f"{name} {s} {t}"
                )


@settings(max_examples=60, deadline=None)
@given(
    languages=st.integers(1, 3),
    others=st.integers(1, 2),
    n=st.integers(1, 24),
    units=st.integers(3, 40),
    missing=st.sampled_from([0.0, 0.2]),
    alike=st.sampled_from(["", "", "sentences", "everything"]),
    seed=st.integers(0, 2**16),
)
def test_every_measure_equals_its_definition(languages, others, n, units, missing, alike, seed):
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(n, units))
    weights_x, weights_y = (
        rng.integers(10, 90, (k, n)).astype(np.uint32) for k in (languages, others)
    )

    def states(weights):
        noise = rng.normal(size=(*weights.shape, units))
        share = 1 / (1 + np.exp(-(meaning + noise)))
        if alike == "sentences":  # half of them are the same: ties
            share[:, n // 2 :] = share[:, : n - n // 2]
            weights[:, n // 2 :] = weights[:, : n - n // 2]
        if alike == "everything":
            share[:], weights[:] = 0.5, 40
        return np.round(share * weights[..., None]).astype(np.uint32)

    present_x, present_y = (rng.random((k, n)) >= missing for k in (languages, others))
    check(states(weights_x), states(weights_y), present_x, present_y, weights_x, weights_y)


def test_the_length_of_sentences_correlates_nothing():
    """Numerators grow with the weights, which translations share; the states do not."""
    rng = np.random.default_rng(0)
    weights = rng.integers(50, 5000, (1, 60)).astype(np.uint32)
    x, y = ((rng.random((1, 60, 80)) * weights[..., None]).astype(np.uint32) for _ in range(2))
    present = np.ones((1, 60), bool)
    found = measured(x, y, present, present, weights, weights, ("anc", "margin_centred"))
    assert abs(found["anc"].forward[0, 0]) < 0.05
    assert abs(found["margin_centred"].forward[0, 0]) < 0.05
    assert np.corrcoef(x[0, :, 0], y[0, :, 0])[0, 1] > 0.3  # the numerators do correlate


def test_only_directed_measures_differ_between_directions():
    rng = np.random.default_rng(0)
    weights = np.full((1, 40), 60, np.uint32)
    values = rng.integers(0, 60, (2, 1, 40, 30)).astype(np.uint32)
    values[1] = (values[0] + 2 * values[1]) // 3
    present = np.ones((1, 40), bool)
    found = measured(*values, present, present, weights, weights)
    for name, measure in MEASURES.items():
        same = (found[name].forward == found[name].backward).all()
        assert same != measure.directed, name


def test_constant_vectors_have_no_spread_and_no_correlation():
    x = np.full((2, 5, 4), 7, np.uint32)
    weights = np.full((2, 5), 10, np.uint32)
    present = np.ones((2, 5), bool)
    found = measured(x, x, present, present, weights, weights)
    for name in ("dprime", "dprime_centred", "cka", "anc"):
        assert np.isnan(found[name].forward).all(), name
    for name in ("mu", "top1", "strong", "csls", "csls_top1", "mu_centred"):
        assert (found[name].forward == 0).all(), name  # all are ties, and ties are misses
    np.testing.assert_allclose(found["cosine"].forward, 1, atol=1e-6)
    assert (found["jaccard"].forward == 1).all()


def test_one_sentence_is_always_found():
    x = np.array([[[3, 0, 5]]], np.uint32)
    weights, present = np.array([[5]], np.uint32), np.ones((1, 1), bool)
    found = measured(x, x + 1, present, present, weights, weights)
    for name in ("mu", "top1", "mrr", "strong", "csls"):
        assert found[name].forward[0, 0] == 1
    for name in ("margin", "dprime", "cka", "anc"):
        assert np.isnan(found[name].forward[0, 0])


def test_csls_prefers_the_translation_to_a_hub():
    # sentence 0 of the target is near to everything
    rng = np.random.default_rng(1)
    x = np.eye(12, dtype=np.float32)
    y = (0.4 * np.eye(12) + 0.02 * rng.random((12, 12))).astype(np.float32)
    y[0] = 1
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    x = x + 2.5 * y[0]
    present = np.ones((1, 12), bool)
    weights = np.ones((1, 12), np.uint32)
    found = measured(x[None], y[None], present, present, weights, weights, ("top1", "csls_top1"))
    assert found["csls_top1"].forward[0, 0] > found["top1"].forward[0, 0]


def test_csls_of_equal_vectors_needs_no_second_look(monkeypatch):
    """The last tokens of a layer are nearly all the same: no pair may take seconds there."""
    from neuronxa.alignment import hubness

    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 640))[rng.integers(0, 3, 100)][None].astype(np.float32)
    present, weights = np.ones((1, 100), bool), np.ones((1, 100), np.uint32)
    looked = []

    def settle(*given):
        looked.append(given)
        return 1

    # uncompiled, so that calls can be counted
    for name in ("_count", "_order", "_has_equal"):
        monkeypatch.setattr(hubness, name, getattr(hubness, name).py_func)
    monkeypatch.setattr(hubness, "_settle", settle)
    found = measured(values, values, present, present, weights, weights, ("csls",))
    assert found["csls"].forward[0, 0] == 0
    assert not looked


def test_close_calls_of_csls_are_settled_from_the_vectors():
    rng = np.random.default_rng(5)
    base = rng.normal(size=(30, 50))
    y = base + 0.3 * rng.normal(size=base.shape)
    y[1] = y[0]
    y[1, 0] += 1e-7 * abs(y[1, 0])
    x, y = base[None].astype(np.float32), y[None].astype(np.float32)
    present, weights = np.ones((1, 30), bool), np.ones((1, 30), np.uint32)
    found = measured(x, y, present, present, weights, weights, ("csls_top1",))["csls_top1"]
    expected = plain(x[0].astype(float), y[0].astype(float))["csls_top1"]
    assert (found.forward[0, 0], found.backward[0, 0]) == expected


@pytest.mark.parametrize("n", [1, 2, 7])
def test_chance_levels_are_those_of_random_similarities(n):
    rng = np.random.default_rng(0)
    draws = rng.random((20000, n, n))
    own = np.einsum("dii->di", draws)
    row = (own[:, :, None] >= draws).all(axis=2)
    column = (own[:, None, :] >= draws).all(axis=1)
    rank = (draws >= own[:, :, None]).sum(axis=2)
    for name, value in (
        ("mu", (row & column).mean()),
        ("top1", row.mean()),
        ("mrr", (1 / rank).mean()),
    ):
        assert MEASURES[name].chance(n) == pytest.approx(value, abs=0.01)


def test_products_through_torch_give_the_same_measures():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(2, 20, 64)).astype(np.float32)
    present = np.ones((2, 20), bool)
    products = through_torch("cpu")
    there = Block.of(values, present, centred=True, standardised=True, upload=products.upload)
    here = Block.of(values, present, centred=True, standardised=True)
    names = [name for name in MEASURES if "active" not in MEASURES[name].needs]
    for name in names:
        one = MEASURES[name].map(Tile(there, there, multiply=products.multiply))[name]
        other = MEASURES[name].map(Tile(here, here))[name]
        np.testing.assert_allclose(one.forward, other.forward, atol=1e-5, err_msg=name)


def test_products_run_on_the_processor_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert products_on("auto") is ON_CPU
    monkeypatch.setattr("neuronxa.alignment.products._has_gpu", lambda: True)
    assert products_on("auto") is ON_CPU  # a driver, and a torch without it
    assert products_on("cpu") is ON_CPU
    with pytest.raises(
        ConfigError, match=r"'cuda:1' is asked for and torch finds no GPU(.|\n)*auto"
    ):
        products_on("cuda:1")


def test_the_registry_is_complete_and_in_step_with_the_config(repository):
    assert tuple(MEASURES) == get_args(MeasureName)
    text = (repository / "docs/measures.md").read_text("utf-8")
    for name, measure in MEASURES.items():
        assert measure.name == name
        assert measure.formula
        assert measure.source
        assert measure.low < measure.high
        formula = measure.formula.replace("|", "\\|")
        assert f"| `{name}` | {formula} | " in text, name
        assert f"| {measure.source} |\n" in text, name
        assert f"| {'yes' if measure.directed else 'no'} | {measure.source} |\n" in text, name
    assert chosen_measures("all") == tuple(MEASURES)
    assert chosen_measures(["cka"]) == ("mu", "top1", "cka")
