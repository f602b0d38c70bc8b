"""The reduction against plain loops in float64, over shapes, blocks, ties and gaps."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronxa.alignment import reduction as reduction_module
from neuronxa.alignment.reduction import Reduction, reduce_alignment
from neuronxa.alignment.scores import scores_frame
from neuronxa.alignment.similarity import Vectors, rank_translations
from neuronxa.errors import StoreError
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import STORE, Alignment

from .stores import filled_store


def cosine_matrix(x, y):
    """All cosines by a double loop; a zero vector has cosine 0 with everything."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    matrix = np.zeros((len(x), len(y)))
    for i, j in itertools.product(range(len(x)), range(len(y))):
        # divided in one step by each norm, so that equal vectors give equal numbers
        norm_x, norm_y = np.sqrt((x[i] ** 2).sum()), np.sqrt((y[j] ** 2).sum())
        matrix[i, j] = (x[i] @ y[j]) / (norm_x or 1.0) / (norm_y or 1.0)
    return matrix


def plain_ranks(x, y, present_x, present_y):
    """Ranks of the true translations in both directions, by the definition."""
    matrix = cosine_matrix(x, y)
    both = present_x & present_y
    forward, backward = np.zeros(len(x), int), np.zeros(len(x), int)
    for i in np.flatnonzero(both):
        rivals = [j for j in np.flatnonzero(both) if j != i]
        forward[i] = 1 + sum(matrix[i, j] >= matrix[i, i] for j in rivals)
        backward[i] = 1 + sum(matrix[j, i] >= matrix[i, i] for j in rivals)
    return forward, backward


@settings(max_examples=60, deadline=None)
@given(
    languages=st.integers(1, 3),
    n=st.integers(1, 6),
    units=st.integers(1, 5),
    levels=st.integers(1, 4),
    seed=st.integers(0, 2**16),
)
def test_ranks_equal_the_definition_with_ties_and_gaps(languages, n, units, levels, seed):
    rng = np.random.default_rng(seed)
    # few levels: many equal vectors, zero vectors, and true ties
    values = rng.integers(0, levels + 1, (languages, n, units)).astype(np.float32)
    # powers of two keep every cosine exact in the loop, too, where norms are whole
    present = rng.random((languages, n)) < 0.8
    vectors = Vectors.of(values, present)
    ranks = rank_translations(vectors, vectors)
    for s, t in itertools.product(range(languages), repeat=2):
        forward, backward = exact_ranks(values[s], values[t], present[s], present[t])
        assert np.array_equal(ranks.forward[s, t], forward)
        assert np.array_equal(ranks.backward[s, t], backward)


def exact_ranks(x, y, present_x, present_y):
    """Ranks of small integer vectors, compared as fractions: no rounding anywhere."""
    x, y = x.astype(int), y.astype(int)
    both = present_x & present_y

    def squared(a, b):
        product = int(a @ b)
        norms = (int(a @ a) or 1) * (int(b @ b) or 1)
        return product * product, norms

    def at_least(first, second):
        return first[0] * second[1] >= second[0] * first[1]

    forward, backward = np.zeros(len(x), int), np.zeros(len(x), int)
    for i in np.flatnonzero(both):
        rivals = [j for j in np.flatnonzero(both) if j != i]
        true = squared(x[i], y[i])
        forward[i] = 1 + sum(at_least(squared(x[i], y[j]), true) for j in rivals)
        backward[i] = 1 + sum(at_least(squared(x[j], y[i]), true) for j in rivals)
    return forward, backward


def test_a_layer_that_is_nearly_all_ties_is_exact():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(3, 40)).astype(np.float32)
    values = base[rng.integers(0, 3, (2, 30))]
    present = np.ones((2, 30), bool)
    vectors = Vectors.of(values, present)
    ranks = rank_translations(vectors, vectors)
    for s, t in itertools.product(range(2), repeat=2):
        forward, backward = plain_ranks(values[s], values[t], present[s], present[t])
        assert np.array_equal(ranks.forward[s, t], forward)
        assert np.array_equal(ranks.backward[s, t], backward)
        assert forward.min() > 1  # every sentence has rivals with its very vector
    assert ranks.settled == 0  # equal vectors need no second look


def test_near_ties_are_settled_beyond_float32():
    # the rival is better by 1e-9, which float32 cannot see
    true = np.array([1.0, 0.0, 0.0])
    rival = np.array([1.0, 1e-5, 0.0])
    query = np.array([1.0, 1e-4, 0.0])
    source = np.stack([query, [0, 0, 1]])[None].astype(np.float32)
    target = np.stack([true, rival])[None].astype(np.float32)
    present = np.ones((1, 2), bool)
    ranks = rank_translations(Vectors.of(source, present), Vectors.of(target, present))
    assert ranks.forward[0, 0, 0] == 2
    assert ranks.settled > 0


@pytest.fixture
def folders(tmp_path):
    codes = ["eng_Latn", "deu_Latn", "swh_Latn", "hin_Deva", "rus_Cyrl"]
    for seed, code in enumerate(codes):
        missing = (1, 5) if code == "swh_Latn" else ()
        filled_store(tmp_path / code, language=code, seed=seed, missing=missing)
    return {code: tmp_path / code for code in codes}


def reduced(folders, out, **changes):
    stores = {code: Activations(folder) for code, folder in folders.items()}
    settings = {
        "stores": stores,
        "pivot": "eng_Latn",
        "layout": "parallel",
        "representations": next(iter(stores.values())).representations,
        "keep_similarities": True,
        **changes,
    }
    reduce_alignment(Reduction(**settings), out, memory_gb=1)
    return Alignment(out)


@pytest.mark.parametrize("block", [1, 2, 8])
def test_every_pair_and_layer_equals_the_plain_loop(folders, tmp_path, monkeypatch, block):
    monkeypatch.setattr(reduction_module, "BLOCK_LANGUAGES", block)
    alignment = reduced(folders, tmp_path / "out")
    stores = {code: Activations(folder) for code, folder in folders.items()}
    present = {code: store.array("tokens") > 0 for code, store in stores.items()}
    for name in alignment.layers:
        rank, mu = alignment.array("rank", name), alignment.array("mu", name)
        top1, similarity = alignment.array("top1", name), alignment.array("similarity", name)
        for layer, (a, b) in itertools.product(
            range(alignment.layers[name]), itertools.product(folders, repeat=2)
        ):
            x, y = (stores[code].layer(name, layer).values for code in (a, b))
            forward, backward = plain_ranks(x, y, present[a], present[b])
            assert np.array_equal(rank.sel(source=a, target=b)[layer], forward)
            n = (forward > 0).sum()
            hits = ((forward == 1) & (backward == 1)).sum()
            assert mu.sel(source=a, target=b)[layer] == hits / n
            assert top1.sel(source=a, target=b)[layer] == (forward == 1).sum() / n
            if a == "eng_Latn":
                np.testing.assert_allclose(
                    similarity.sel(target=b)[layer], cosine_matrix(x, y), atol=2e-6
                )


def test_pairs_compare_a_language_with_its_own_pivot_side(tmp_path):
    folders = {}
    for seed, (code, n) in enumerate([("deu_Latn", 5), ("swh_Latn", 3)]):
        sides = [0] * n + [1] * n
        filled_store(tmp_path / code, language=code, seed=seed, sentences=2 * n, sides=sides)
        folders[code] = tmp_path / code
    alignment = reduced(folders, tmp_path / "out", layout="pairs")
    assert alignment.languages == ("eng_Latn", "deu_Latn", "swh_Latn")
    rank = alignment.array("rank", "nas_gate")
    for code, n in (("deu_Latn", 5), ("swh_Latn", 3)):
        values = Activations(folders[code]).layer("nas_gate", 1).values
        ones = np.ones(n, bool)
        forward, backward = plain_ranks(values[n:], values[:n], ones, ones)
        assert np.array_equal(rank.sel(source="eng_Latn", target=code)[1, :n], forward)
        assert np.array_equal(rank.sel(source=code, target="eng_Latn")[1, :n], backward)
        assert not rank.sel(source=code, target="eng_Latn")[1, n:].any()
    scores = scores_frame(alignment, pivot="eng_Latn")
    assert set(scores["n"]) == {5, 3}
    # only pairs with the pivot are defined
    assert ((scores["source"] == "eng_Latn") | (scores["target"] == "eng_Latn")).all()


def test_a_reduction_goes_on_after_its_last_committed_layer(folders, tmp_path):
    whole = reduced(folders, tmp_path / "whole")

    class StopError(Exception):
        pass

    class StopAfter:
        def __init__(self, layers):
            self.left = layers

        def start(self, total):
            assert total > self.left

        def advance(self, amount):
            self.left -= amount
            if not self.left:
                raise StopError

    stores = {code: Activations(folder) for code, folder in folders.items()}
    reduction = Reduction(stores, "eng_Latn", "parallel", tuple(whole.layers), True)
    with pytest.raises(StopError):
        reduce_alignment(reduction, tmp_path / "part", memory_gb=1, progress=StopAfter(3))

    class Count:
        total = 0

        def start(self, total):
            self.total = total

        def advance(self, amount):
            pass

    count = Count()
    reduce_alignment(reduction, tmp_path / "part", memory_gb=1, progress=count)
    assert count.total == sum(whole.layers.values()) - 3
    assert Alignment(tmp_path / "part").manifest["parts"] == whole.manifest["parts"]


def test_too_little_memory_is_refused_with_both_numbers(folders, tmp_path):
    stores = {code: Activations(folder) for code, folder in folders.items()}
    reduction = Reduction(stores, "eng_Latn", "parallel", ("nas_gate",), True)
    with pytest.raises(StoreError, match=r"would need .* GB, 0\.0 GB are allowed(.|\n)*memory_gb"):
        reduce_alignment(reduction, tmp_path / "out", memory_gb=1e-9)
    assert not (tmp_path / "out").exists()


def test_a_damaged_alignment_is_found(folders, tmp_path):
    reduced(folders, tmp_path / "out")
    chunk = next(p for p in (tmp_path / "out" / STORE / "nas_gate/mu/c").rglob("*") if p.is_file())
    chunk.unlink()
    with pytest.raises(StoreError, match="missing or damaged"):
        Alignment(tmp_path / "out").verify()


def test_scores_hold_reductions_of_all_pairs_and_curves_of_the_pivot(folders, tmp_path):
    alignment = reduced(folders, tmp_path / "out")
    scores = scores_frame(alignment, pivot="eng_Latn")
    mu = alignment.array("mu", "hidden")
    row = scores.query(
        "representation == 'hidden' and measure == 'mu' and source == 'deu_Latn' "
        "and target == 'rus_Cyrl'"
    )
    assert set(row["reduction"]) == {"mean", "max"}
    values = mu.sel(source="deu_Latn", target="rus_Cyrl")
    assert row.set_index("reduction")["value"]["mean"] == pytest.approx(float(values.mean()))
    assert row.set_index("reduction")["value"]["max"] == float(values.max())
    curve = scores.query(
        "representation == 'hidden' and measure == 'mu' and reduction == 'layer' "
        "and source == 'eng_Latn' and target == 'swh_Latn'"
    )
    assert list(curve["layer"]) == list(range(3))
    np.testing.assert_array_equal(
        curve["value"], mu.sel(source="eng_Latn", target="swh_Latn").values
    )
    assert set(curve["n"]) == {5}  # two of seven sentences are missing
