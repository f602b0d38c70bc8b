"""Neurons: counts, LAPE, overlap and agreement equal plain loops, and edges are told."""

from __future__ import annotations

import itertools
import json
import logging
import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.text import Text
from scipy import stats

from neuronxa.errors import StatisticsError, StoreError
from neuronxa.neurons.agreement import NAMES, States, agreement, correlation, kappa
from neuronxa.neurons.census import take_census
from neuronxa.neurons.counts import active_counts, kth_share, kth_smallest, shares
from neuronxa.neurons.lape import KINDS, entropy, find_specific, kinds
from neuronxa.neurons.overlap import most_active, overlap_frame
from neuronxa.neurons.summaries import layer_census
from neuronxa.output.figures import figure_neurons
from neuronxa.output.style import save_figure
from neuronxa.output.tables import neurons_table, specific_neurons_table, write_table
from neuronxa.stores.activations import Activations, ActivationStore

from .stores import filled_store, identity, random_blocks
from .synthetic import make_languages

CODES = ("eng_Latn", "deu_Latn", "swh_Latn")
LAYERS, NEURONS = 2, 6
SIZES = {"layers": LAYERS, "neurons": NEURONS}


def stores_of(folder, codes=CODES, **options):
    """Small published stores, each with content of its own."""
    found = {}
    for seed, code in enumerate(codes):
        filled_store(folder / code, language=code, **{"seed": seed, **SIZES, **options})
        found[code] = Activations(folder / code)
    return found


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return stores_of(tmp_path_factory.mktemp("stores"))


def counts_of(values, tokens=None):
    """Counts ``(language, layer, neuron)`` as the library labels them."""
    values = np.asarray(values, dtype=np.uint32)
    tokens = [100] * len(values) if tokens is None else tokens
    codes = [f"l{number:02d}_Latn" for number in range(len(values))]
    coords = {"language": codes, "tokens": ("language", np.array(tokens, dtype=np.int64))}
    return xr.DataArray(values, dims=("language", "layer", "neuron"), coords=coords)


# Counts


def test_counts_are_sums_over_blocks_and_tokens(stores):
    counts = active_counts(stores, "gate")
    for code, store in stores.items():
        expected = store.array("active_gate").astype(int).sum(axis=0)
        assert (counts.sel(language=code).values == expected).all()
        assert int(counts["tokens"].sel(language=code)) == int(store.array("tokens").sum())
    share = shares(counts, 1)
    assert share[2, 4] == counts.values[2, 1, 4] / counts["tokens"].values[2]


def test_in_a_corpus_of_pairs_blocks_of_the_pivot_side_are_not_counted(tmp_path, caplog):
    """Blocks of three: seven rows of the language, then five of the pivot; one block has both."""
    sides = [0] * 7 + [1] * 5
    found = stores_of(tmp_path, ["deu_Latn"], sentences=12, sides=sides)
    filled_store(tmp_path / "swh_Latn", sentences=4, sides=[0, 0, 1, 1], **SIZES)
    found["swh_Latn"] = Activations(tmp_path / "swh_Latn")
    with caplog.at_level(logging.WARNING):
        counts = active_counts(found, "gate")
    assert counts["language"].values.tolist() == ["deu_Latn"]
    assert "swh_Latn: no block of sentences of its own" in caplog.text
    store = found["deu_Latn"]
    assert (counts.values[0] == store.array("active_gate")[:2].astype(int).sum(axis=0)).all()
    assert int(counts["tokens"][0]) == int(store.array("tokens")[:6].sum())


@given(
    arrays(np.uint32, st.tuples(*[st.integers(1, 4)] * 3), elements=st.integers(0, 12)),
    st.floats(0, 1),
    st.data(),
)
@settings(deadline=None)
def test_the_threshold_is_the_kth_smallest_share(values, fraction, data):
    tokens = data.draw(st.lists(st.integers(12, 30), min_size=len(values), max_size=len(values)))
    flat = sorted(
        int(count) / total
        for part, total in zip(values, tokens, strict=True)
        for count in part.ravel()
    )
    expected = flat[max(round(len(flat) * fraction), 1) - 1]
    assert kth_share(counts_of(values, tokens), fraction) == expected
    assert kth_smallest(np.array(flat)[::-1], fraction) == expected


def test_the_threshold_agrees_with_torch():
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).integers(0, 50, (5, 3, 40))
    share = torch.from_numpy(values / 100).flatten()
    for fraction in (0.95, 0.5, 0.01):
        expected = share.kthvalue(round(len(share) * fraction)).values.item()
        assert kth_share(counts_of(values), fraction) == expected
    # and is not the percentile, which may lie between two values
    assert kth_smallest(np.array([0.0, 1.0]), 0.5) == 0.0
    assert np.percentile([0.0, 1.0], 50) == 0.5


def test_no_counts_have_no_threshold():
    assert math.isnan(kth_share(counts_of(np.zeros((0, 2, 3))), 0.95))
    assert math.isnan(kth_smallest(np.array([]), 0.95))


# LAPE


@given(arrays(np.float64, (4, 5), elements=st.floats(0, 1, allow_subnormal=False)))
def test_entropy_is_scipys_and_nothing_for_neurons_that_never_act(share):
    found = entropy(share)
    for neuron in range(share.shape[1]):
        column = share[:, neuron]
        if column.sum() == 0:
            assert math.isnan(found[neuron])
        else:
            assert found[neuron] == pytest.approx(stats.entropy(column), abs=1e-9)


def test_entropy_at_its_ends():
    share = np.array([[0.3, 0.2, 0.0], [0.0, 0.2, 0.0], [0.0, 0.2, 0.0]])
    assert entropy(share)[0] == 0.0
    assert entropy(share)[1] == pytest.approx(math.log(3))


def plain_lape(values, tokens, active_fraction, selected_fraction):
    """The published code, loop by loop."""
    languages, layers, neurons = values.shape
    share = {
        (k, i, j): int(values[k, i, j]) / tokens[k]
        for k, i, j in itertools.product(range(languages), range(layers), range(neurons))
    }
    flat = sorted(share.values())
    tau = flat[round(len(flat) * active_fraction) - 1]
    found = []
    for i, j in itertools.product(range(layers), range(neurons)):
        column = [share[k, i, j] for k in range(languages)]
        if not any(p > tau for p in column):
            continue
        normed = [p / sum(column) for p in column]
        found.append((-sum(q * math.log(q) for q in normed if q > 0), i, j))
    chosen = sorted(found)[: round(layers * neurons * selected_fraction)]
    return tau, {
        k: [(i, j) for _, i, j in sorted(chosen, key=lambda c: c[1:]) if share[k, i, j] > tau]
        for k in range(languages)
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fractions", [(0.95, 0.01), (0.8, 0.1), (0.5, 0.5)])
def test_lape_equals_plain_loops(seed, fractions):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(800, 1200, 5).tolist()
    values = (rng.beta(0.3, 1.2, (5, 4, 60)) * 800).astype(np.uint32)
    counts = counts_of(values, tokens)
    found = find_specific(counts, active_fraction=fractions[0], selected_fraction=fractions[1])
    tau, expected = plain_lape(values, tokens, *fractions)
    assert found.attrs["tau"] == tau
    for k in range(5):
        chosen = found["above"].values[k] & found["selected"].values
        assert (
            list(zip(*(place.tolist() for place in np.nonzero(chosen)), strict=True))
            == (expected[k])
        )
    share = values / np.array(tokens)[:, None, None]
    np.testing.assert_allclose(found["activity"].values, share.mean(axis=0))


def test_a_share_at_the_threshold_is_not_above_it():
    """Twenty shares, the largest two equal: rank 19 of 20 is one of them, and none is above."""
    values = np.arange(20).reshape(2, 1, 10)
    values[1, 0, 8] = 19
    found = find_specific(counts_of(values))
    assert found.attrs["tau"] == 0.19
    assert not found["above"].any()
    assert not found["selected"].any()
    assert (kinds(found["above"]) == "inactive").all()


def test_ties_of_entropy_go_to_the_lower_layer_and_number():
    values = np.zeros((2, 2, 50), dtype=np.uint32)
    values[0, 1, [7, 40]] = 60
    values[1, 0, 30] = 60
    found = find_specific(counts_of(values), selected_fraction=0.02)
    assert np.argwhere(found["selected"].values).tolist() == [[0, 30], [1, 7]]


def test_with_one_language_nothing_is_selected():
    values = np.random.default_rng(0).integers(0, 100, (1, 2, 50))
    found = find_specific(counts_of(values))
    assert found["entropy"].isnull().all()
    assert not found["selected"].any()
    assert set(kinds(found["above"]).ravel()) == {"inactive", "specific"}


def test_kinds_follow_the_number_of_languages():
    above = np.array([[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]], dtype=bool)[:, None]
    data = xr.DataArray(above, dims=("language", "layer", "neuron"))
    assert kinds(data)[0].tolist() == list(KINDS)
    assert kinds(data[:2])[0].tolist() == ["inactive", "specific", "agnostic", "agnostic"]


# Overlap


def test_overlap_equals_sets():
    rng = np.random.default_rng(3)
    counts = counts_of(rng.integers(0, 30, (4, 3, 40)))
    above = find_specific(counts, active_fraction=0.7)["above"]
    above.values[3] = False
    top = most_active(counts)
    frame = overlap_frame(above, top)
    assert len(frame) == 16
    for row in frame.itertuples():
        sets = []
        for code in (row.source, row.target):
            active = {tuple(at) for at in np.argwhere(above.sel(language=code).values)}
            share = {
                at: count / 100
                for at, count in np.ndenumerate(counts.sel(language=code).values.astype(int))
            }
            limit = sorted(share.values())[round(120 * 0.99) - 1]
            sets.append((active, {at for at, value in share.items() if value >= limit}))
        (active, most), (other, other_most) = sets
        assert (row.active_source, row.active_target) == (len(active), len(other))
        assert row.active_shared == len(active & other)
        assert (row.top_source, row.top_target) == (len(most), len(other_most))
        assert row.top_shared == len(most & other_most)
        if active | other:
            assert row.jaccard == len(active & other) / len(active | other)
        else:
            assert math.isnan(row.jaccard)
        assert row.neurons == 120


# Agreement


def states_of(share, weight=None):
    share = np.asarray(share, dtype=np.uint32)
    weight = np.full(len(share), 10) if weight is None else np.asarray(weight)
    return States(share, weight.astype(np.uint32))


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_agreement_of_a_pair_is_scipys_and_a_plain_kappa(sentences, seed):
    rng = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        weight = rng.integers(1, 30, sentences)
        share = (rng.integers(0, 5, (sentences, 7)) * weight[:, None]) // 4
        share[:, 5] = weight  # always active
        share[:, 6] = 0
        sides.append(states_of(share, weight))
    found_r, found_k = correlation(*sides), kappa(*sides)
    for unit in range(7):
        x, y = (side.share[:, unit] for side in sides)
        if len(set(x)) == 1 or len(set(y)) == 1:
            assert math.isnan(found_r[unit])
        else:
            assert found_r[unit] == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
        a, b = ([p >= 0.5 for p in values] for values in (x, y))
        observed = sum(p == q for p, q in zip(a, b, strict=True)) / sentences
        rate_a, rate_b = sum(a) / sentences, sum(b) / sentences
        expected = rate_a * rate_b + (1 - rate_a) * (1 - rate_b)
        if a == b and len(set(a)) == 1:
            assert math.isnan(found_k[unit])
        else:
            assert found_k[unit] == pytest.approx((observed - expected) / (1 - expected), abs=1e-9)


def test_agreement_at_its_edges():
    one = states_of([[5, 0, 10]])
    assert np.isnan(correlation(one, one)).all()
    assert np.isnan(kappa(one, one)).all()
    none = states_of(np.zeros((0, 3)))
    assert np.isnan(correlation(none, none)).all()
    assert np.isnan(kappa(none, none)).all()
    # one side constant: agreement is what chance gives; opposite constants agree in nothing
    assert kappa(states_of([[10], [10]]), states_of([[10], [0]]))[0] == 0
    assert kappa(states_of([[10], [10]]), states_of([[0], [0]]))[0] == 0
    # exactly one half counts as active
    assert states_of([[5], [4]]).active.ravel().tolist() == [True, False]
    # weights of long sentences stay exact
    big = States(np.array([[2**31]], dtype=np.uint32), np.array([2**32 - 1], dtype=np.uint32))
    assert big.active.all()


@given(st.integers(4, 12), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_partial_correlation_is_that_of_residuals(sentences, seed):
    rng = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        weight = rng.choice(np.arange(2, 60), sentences, replace=False)
        share = (rng.integers(0, 5, (sentences, 4)) * weight[:, None]) // 4
        share[:, 2] = weight - 1  # inactive on the first token alone
        share[:, 3] = 1
        sides.append(states_of(share, weight))
    found = correlation(*sides, partial=True)
    assert np.isnan(found[2:]).all()
    assert (~np.isnan(correlation(*sides)[2:])).all()
    residuals = []
    for side in sides:
        design = np.column_stack([np.ones(sentences), 1 / side.weight])
        residuals.append(side.share - design @ np.linalg.lstsq(design, side.share, rcond=None)[0])
    for unit in range(2):
        x, y = (part[:, unit] for part in residuals)
        if min(x @ x, y @ y) > 1e-6:
            assert found[unit] == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-6)


def test_without_differences_in_length_there_is_nothing_to_take_away():
    rng = np.random.default_rng(0)
    sides = [states_of(rng.integers(0, 11, (8, 5))) for _ in range(2)]
    found = correlation(*sides, partial=True)
    np.testing.assert_array_equal(found, correlation(*sides))


def plain_agreement(sides_of, codes, layer, unit):
    """Means over languages of SciPy's correlation and of kappa, where they are defined."""
    values = {"agreement": [], "partial": [], "kappa": []}
    for code in codes:
        first, second = sides_of(code, layer)
        r = correlation(first, second)[unit]
        x, y = first.share[:, unit], second.share[:, unit]
        if len(x) > 1 and len(set(x)) > 1 and len(set(y)) > 1:
            assert r == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
            values["agreement"].append(r)
        r = correlation(first, second, partial=True)[unit]
        if not math.isnan(r):
            values["partial"].append(r)
        k = kappa(first, second)[unit]
        if not math.isnan(k):
            values["kappa"].append(k)
    return values


def check_means(found, sides_of, codes):
    for layer, unit in itertools.product(range(LAYERS), range(NEURONS)):
        values = plain_agreement(sides_of, codes, layer, unit)
        for name, parts in values.items():
            assert int(found[f"{name}_languages"][layer, unit]) == len(parts)
            if parts:
                assert float(found[name][layer, unit]) == pytest.approx(np.mean(parts), abs=1e-12)
            else:
                assert math.isnan(float(found[name][layer, unit]))


def test_missing_sentences_are_left_out_of_their_pairs(tmp_path):
    found = stores_of(tmp_path, sentences=9)
    filled_store(tmp_path / "hin_Deva", language="hin_Deva", sentences=9, missing=(1, 5), **SIZES)
    filled_store(tmp_path / "eng_Latn", language="eng_Latn", sentences=9, missing=(0,), **SIZES)
    for code in ("hin_Deva", "eng_Latn"):
        found[code] = Activations(tmp_path / code)

    def sides_of(code, layer):
        gone = {"hin_Deva": (0, 1, 5)}.get(code, (0,))
        rows = np.array([row for row in range(9) if row not in gone])
        first, second = (
            States(
                found[c].layer("nas_gate", layer).values[rows],
                found[c].array("pooling_weight")[rows],
            )
            for c in ("eng_Latn", code)
        )
        return first, second

    result = agreement(found, "gate", pivot="eng_Latn", layout="parallel", workers=2)
    check_means(result, sides_of, ["deu_Latn", "swh_Latn", "hin_Deva"])


def test_pairs_compare_each_language_with_its_own_pivot_side(tmp_path):
    sides = [0] * 6 + [1] * 6
    codes = ["deu_Latn", "swh_Latn"]
    found = stores_of(tmp_path, codes, sentences=12, sides=sides, missing=(2, 6))

    def sides_of(code, layer):
        own = np.array([1, 3, 4, 5])  # 2 is missing, and 0 on the pivot's side
        states = found[code].layer("nas_gate", layer).values
        weight = found[code].array("pooling_weight")
        return States(states[own + 6], weight[own + 6]), States(states[own], weight[own])

    result = agreement(found, "gate", pivot="eng_Latn", layout="pairs")
    check_means(result, sides_of, codes)


def test_constant_neurons_agree_in_nothing(tmp_path):
    found = {}
    for code in ("eng_Latn", "deu_Latn"):
        layout, blocks = random_blocks(seed=len(found), **SIZES)
        store = ActivationStore(tmp_path / code, layout, identity=identity(layout, code))
        for number, block in enumerate(blocks):
            block["nas_gate"][:, :, 0] = block["pooling_weight"]
            block["nas_gate"][:, :, 1] = 0
            store.commit(number, block)
        store.finish({})
        store.publish()
        found[code] = Activations(tmp_path / code)
    result = agreement(found, "gate", pivot="eng_Latn", layout="parallel")
    for name in NAMES:
        assert result[name][:, :2].isnull().all()
        assert (result[f"{name}_languages"][:, :2] == 0).all()
    assert result["agreement"][:, 2:].notnull().all()


def test_damage_is_an_error(tmp_path):
    found = stores_of(tmp_path)
    for path in (tmp_path / "deu_Latn/store.zarr/nas_gate").rglob("c/1/*/0"):
        path.unlink()
    with pytest.raises(StoreError, match="missing or damaged"):
        agreement(found, "gate", pivot="eng_Latn", layout="parallel")


# The census


@pytest.fixture(scope="module")
def census(stores):
    return take_census(stores, sites=["gate"], pivot="eng_Latn", layout="parallel")


def test_the_frames_tell_the_same(census):
    neurons, languages = census.neurons, census.languages
    assert len(neurons) == LAYERS * NEURONS
    assert set(neurons["model"]) == {"tiny"}
    assert set(neurons["site"]) == {"gate"}
    kind = neurons["languages"].map({0: "inactive", 1: "specific", 2: "related", 3: "agnostic"})
    assert (neurons["kind"] == kind).all()
    assert languages["active"].sum() == neurons["languages"].sum()
    assert languages["specific"].sum() == (neurons["kind"] == "specific").sum()
    own = census.overlap[census.overlap["source"] == census.overlap["target"]]
    active = languages.groupby("language")["active"].sum()
    assert own.set_index("source")["active_source"].to_dict() == active.to_dict()


def test_selected_neurons_can_be_named_elsewhere(tmp_path):
    found = stores_of(tmp_path, neurons=200)
    census = take_census(found, sites=["gate"], pivot="eng_Latn", layout="parallel")
    plain = json.loads(json.dumps(census.specific))
    site = plain["sites"]["gate"]
    assert (plain["model"], plain["corpus"], plain["extraction"]) == ("tiny", "toy", "default")
    assert set(site["languages"]) == set(CODES)
    counts = active_counts(found, "gate")
    named = {
        (int(layer), neuron)
        for layers in site["languages"].values()
        for layer, members in layers.items()
        for neuron in members
    }
    chosen = census.neurons[census.neurons["selected"]]
    assert len(chosen) == 4  # 1% of 400
    assert named == set(zip(chosen["layer"], chosen["neuron"], strict=True))
    for code, layers in site["languages"].items():
        for layer, members in layers.items():
            share = counts.sel(language=code).values[int(layer)] / int(
                counts["tokens"].sel(language=code)
            )
            assert (share[members] > site["tau"]).all()


def test_workers_change_nothing(stores, census):
    again = take_census(stores, sites=["gate"], pivot="eng_Latn", layout="parallel", workers=3)
    pd.testing.assert_frame_equal(again.neurons, census.neurons, check_exact=True)
    pd.testing.assert_frame_equal(again.overlap, census.overlap, check_exact=True)
    assert again.specific == census.specific


def test_a_language_without_counts_of_its_own_is_shown_without_values(tmp_path):
    found = stores_of(tmp_path, ["deu_Latn"], sentences=12, sides=[0] * 6 + [1] * 6)
    filled_store(
        tmp_path / "swh_Latn", language="swh_Latn", sentences=4, sides=[0, 0, 1, 1], **SIZES
    )
    found["swh_Latn"] = Activations(tmp_path / "swh_Latn")
    census = take_census(found, sites=["gate"], pivot="eng_Latn", layout="pairs")
    rows = census.languages.set_index("language").loc["swh_Latn"]
    assert len(rows) == LAYERS
    assert (rows["tokens"] == 0).all()
    assert rows[["activity", "active", "specific", "selected"]].isna().all(axis=None)
    assert (census.neurons["agreement_languages"] <= 2).all()
    figure = figure_neurons(census.neurons, census.languages)
    assert "fewer than two" in " ".join(text.get_text() for text in figure.findobj(Text))
    table = specific_neurons_table(
        census.languages, census.overlap, pivot="eng_Latn", languages=make_languages(9)
    )
    write_table(table, tmp_path / "t", caption="c", label="l")
    assert table.frame["pivot_overlap"].isna().all()


def test_no_language_with_counts_still_gives_a_row_per_neuron(tmp_path):
    found = stores_of(tmp_path, ["swh_Latn"], sentences=4, sides=[0, 0, 1, 1])
    census = take_census(found, sites=["gate"], pivot="eng_Latn", layout="pairs")
    assert len(census.neurons) == LAYERS * NEURONS
    assert (census.neurons["kind"] == "inactive").all()
    assert census.specific["sites"]["gate"]["languages"] == {}
    json.dumps(census.specific, allow_nan=False)
    assert len(census.languages) == LAYERS
    assert census.overlap.empty
    specific_neurons_table(
        census.languages, census.overlap, pivot="eng_Latn", languages=make_languages(9)
    )


# Figure and tables


def made_up(languages=4, layers=5, neurons=300, sites=("gate",)):
    rng = np.random.default_rng(0)
    rows = []
    for site, layer in itertools.product(sites, range(layers)):
        count = rng.binomial(languages, 0.2, neurons)
        rows.append(
            pd.DataFrame(
                {
                    "model": "gemma_270m",
                    "corpus": "toy",
                    "extraction": "default",
                    "site": site,
                    "layer": layer,
                    "neuron": range(neurons),
                    "languages": count,
                    "kind": np.select(
                        [count == 0, count == 1, count < languages], KINDS[:3], KINDS[3]
                    ),
                    "selected": rng.random(neurons) < 0.05,
                    "agreement": np.where(count == 0, np.nan, rng.normal(0.3, 0.1, neurons)),
                    "partial": np.where(count == 0, np.nan, rng.normal(0.3, 0.1, neurons)),
                    "kappa": rng.normal(0.1, 0.1, neurons),
                }
            )
        )
    per_language = pd.DataFrame(
        [
            ("gemma_270m", "toy", "default", site, code, layer, 900, 10 + layer, layer, layer)
            for site in sites
            for code in list(make_languages(languages))
            for layer in range(layers)
        ],
        columns=["model", "corpus", "extraction", "site", "language", "layer", "tokens", "active",
                 "specific", "selected"],
    )  # fmt: skip
    return pd.concat(rows, ignore_index=True), per_language


def test_the_figure_shows_the_census(tmp_path):
    neurons, per_language = made_up()
    census = layer_census(neurons)
    assert census[list(KINDS)].sum(axis=1).tolist() == [300] * 5
    figure = figure_neurons(neurons, per_language)
    stack, selected, agreed = figure.axes
    heights = [[bar.get_height() for bar in group] for group in stack.containers]
    for kind, found in zip(("agnostic", "related", "specific"), heights, strict=True):
        expected = [
            100 * ((neurons["layer"] == layer) & (neurons["kind"] == kind)).sum() / 300
            for layer in range(5)
        ]
        assert found == pytest.approx(expected)
    chosen = [bar.get_height() for bar in selected.containers[0]]
    assert chosen == neurons.groupby("layer")["selected"].sum().tolist()
    lines = {line.get_label(): line.get_ydata() for line in agreed.lines}
    mean = neurons.groupby("layer")["agreement"].mean()
    np.testing.assert_allclose(lines["correlation"], mean)
    assert "4 languages" in [text.get_text() for text in stack.findobj(Text)]
    paths = save_figure(figure, tmp_path / "neurons")
    again = save_figure(figure_neurons(neurons, per_language), tmp_path / "again")
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in again]


def test_each_site_has_its_row():
    figure = figure_neurons(*made_up(sites=("gate", "product")))
    assert len(figure.axes) == 6
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0::3] == ["active (gate)", "active (product)"]
    with pytest.raises(StatisticsError, match="one model, got 2"):
        neurons, per_language = made_up()
        figure_neurons(pd.concat([neurons, neurons.assign(model="b")]), per_language)


def test_a_run_without_any_agreement_is_drawn():
    neurons, per_language = made_up()
    figure_neurons(neurons.assign(agreement=np.nan, partial=np.nan, kappa=np.nan), per_language)


def test_tables_hold_the_census(tmp_path):
    neurons, per_language = made_up()
    frame = neurons_table(neurons).frame
    assert list(frame.columns) == [
        "site", "layer", "neurons", *KINDS, "selected", "agreement", "partial", "kappa",
    ]  # fmt: skip
    assert frame["selected"].sum() == neurons["selected"].sum()
    overlap = pd.DataFrame(
        {
            "site": "gate",
            "source": "eng_Latn",
            "target": list(make_languages(4)),
            "jaccard": [1.0, 0.5, 0.4, 0.3],
        }
    )
    languages = make_languages(4)
    table = specific_neurons_table(per_language, overlap, pivot="eng_Latn", languages=languages)
    row = table.frame.set_index("code").loc["fra_Latn"]
    assert (row["language"], row["active"], row["selected"]) == ("French", 60, 10)
    assert (row["peak_layer"], row["pivot_overlap"]) == (4, 0.5)
    paths = write_table(table, tmp_path / "t", caption="c", label="l")
    assert {path.suffix for path in paths} == {".csv", ".md", ".tex", ".html"}
    with pytest.raises(StatisticsError, match="one corpus, got 2"):
        neurons_table(pd.concat([neurons, neurons.assign(corpus="b")]))
