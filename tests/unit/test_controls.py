"""The controls against plain loops, scikit-learn and SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import comb
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from neuronxa.activations.texts import Text
from neuronxa.alignment.resampling import _weights, resampled
from neuronxa.controls import pool
from neuronxa.controls.fertility import fertility_frame
from neuronxa.controls.lexical import NGRAMS, lexical_floor, lexical_frame, strict_hits
from neuronxa.controls.rivals import beaten_by, shuffled_hits, true_hits
from neuronxa.controls.texts import beside_pivot, read_texts
from neuronxa.errors import CorpusError, StatisticsError, StoreError
from neuronxa.stores.activations import Activations, ActivationStore

from .stores import identity, random_blocks
from .synthetic import make_languages

PIVOT = "eng_Latn"
ENGLISH = ["The cat sleeps in Berlin.", "Water is wet.", "", "I read 3 books.", "Paris 1998!"]
GERMAN = ["Die Katze schläft in Berlin.", "Wasser ist nass.", "Leer.", "Ich lese 3 Bücher.", ""]


def plain_hits(similarity):
    """Rows and columns whose true translation beats every rival, by the definition."""
    n = len(similarity)
    forward = [
        all(similarity[i, i] > similarity[i, j] for j in range(n) if j != i) for i in range(n)
    ]
    backward = [
        all(similarity[i, i] > similarity[j, i] for j in range(n) if j != i) for i in range(n)
    ]
    return np.array(forward), np.array(backward)


# Lexical floor


def grams(sentence):
    """Character n-grams inside words, a blank at both ends of each."""
    found = set()
    for word in sentence.lower().split():
        padded = f" {word} "
        for size in range(NGRAMS[0], NGRAMS[1] + 1):
            found |= {padded[at : at + size] for at in range(max(1, len(padded) - size + 1))}
    return found


def test_the_floor_is_tf_idf_retrieval_by_hand():
    rows = [i for i in range(5) if ENGLISH[i] and GERMAN[i]]
    sets = [grams(text[i]) for text in (ENGLISH, GERMAN) for i in rows]
    vocabulary = sorted(set().union(*sets))
    weight = {
        gram: 1 + np.log((1 + len(sets)) / (1 + sum(gram in s for s in sets)))
        for gram in vocabulary
    }
    vectors = np.array([[weight[g] * (g in s) for g in vocabulary] for s in sets])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    n = len(rows)
    forward, backward = plain_hits(vectors[:n] @ vectors[n:].T)
    floor = lexical_floor(ENGLISH, GERMAN)
    assert floor == {
        "both": (forward & backward).mean(),
        "pivot_to_other": forward.mean(),
        "other_to_pivot": backward.mean(),
        "n": 3,
    }
    assert floor["both"] > 0


def test_the_vectors_are_scikit_learns_of_this_pair_alone():
    rng = np.random.default_rng(0)
    words = ["tea", "milk", "sun", "moon", "rain", "snow", "hat", "shoe"]
    pivot, other = ([" ".join(rng.choice(words, 4)) for _ in range(30)] for _ in range(2))
    counts = CountVectorizer(analyzer="char_wb", ngram_range=NGRAMS).fit_transform(pivot + other)
    vectors = TfidfTransformer().fit_transform(counts > 0).toarray()
    # near equal cosines are equal: sums in another order differ in the last digit
    forward, backward = plain_hits(np.round(vectors[:30] @ vectors[30:].T, 10))
    frame = lexical_frame("toy", {"a": (pivot, other), "b": (other, other)})
    values = frame.set_index(["language", "direction"])["value"]
    assert values["a", "pivot_to_other"] == forward.mean()
    assert values["a", "other_to_pivot"] == backward.mean()
    assert values["a", "both"] == (forward & backward).mean()
    assert list(frame["measure"][:3]) == ["mu", "top1", "top1"]
    assert set(frame["n"]) == {30}
    assert set(frame["corpus"]) == {"toy"}


@pytest.mark.parametrize(
    ("pivot", "other", "expected"),
    [
        # the same sentence twice on one side: neither is found there
        (["one two", "one two", "red"], ["eins one", "zwei two", "red"], (1, 2, 1)),
        # equal but for order, case and repetition: the same n-grams
        (["b A", "a b b", "z"], ["b a", "c", "z"], (1, 2, 1)),
        # nothing in common: every cosine is 0, all are ties
        (["abc", "def"], ["гд", "жз"], (0, 0, 0)),
        # all sentences are the same
        (["same", "same"], ["same", "same"], (0, 0, 0)),
        # a sentence without rivals
        (["abc"], ["гд"], (1, 1, 1)),
    ],
)
def test_ties_are_misses(pivot, other, expected):
    floor = lexical_floor(pivot, other)
    n = len(pivot)
    got = tuple(round(floor[key] * n) for key in ("both", "pivot_to_other", "other_to_pivot"))
    assert got == expected


def test_equal_cosines_are_ties_whatever_rounding_says():
    matrix = np.array([[0.3, 0.3 - 1e-15], [0.1, 0.5]])
    forward, backward = strict_hits(matrix)
    assert forward.tolist() == [False, True]
    assert backward.tolist() == [True, True]


def test_a_language_without_common_sentences_is_left_out():
    assert np.isnan(lexical_floor(["a", ""], ["", "b"])["both"])
    assert lexical_frame("toy", {"a": (["a", ""], ["", "b"])}).empty


def test_texts_stand_beside_their_pivot(tmp_path):
    for name, content in (("eng_Latn", "a\n\nc\n"), ("deu_Latn", "x\ny\nz\n")):
        (tmp_path / f"{name}.txt").write_text(content, "utf-8")
    paths = sorted(tmp_path.glob("*.txt"))
    texts = read_texts(paths)
    assert beside_pivot(texts, PIVOT) == {"deu_Latn": (("a", "", "c"), ("x", "y", "z"))}
    (tmp_path / "deu_Latn.pivot.txt").write_text("p\nq\nr\n", "utf-8")
    pairs = read_texts([tmp_path / "deu_Latn.txt", tmp_path / "deu_Latn.pivot.txt"])
    assert beside_pivot(pairs, PIVOT) == {"deu_Latn": (("p", "q", "r"), ("x", "y", "z"))}
    with pytest.raises(CorpusError, match="the pivot 'fra_Latn' has no text"):
        beside_pivot(texts, "fra_Latn")
    (tmp_path / "deu_Latn.txt").write_text("x\n", "utf-8")
    with pytest.raises(CorpusError, match="1 sentences, the pivot has 3"):
        beside_pivot(read_texts(paths), PIVOT)


# Tokens


def store_of(folder, text, tokens):
    """A published store with the given numbers of tokens."""
    n = len(text.sentences)
    layout, blocks = random_blocks(sentences=n, block_sentences=n)
    blocks[0]["tokens"] = np.array(tokens, dtype=np.uint32)
    about = identity(layout, text.language, list(text.sides)) | {"text_digest": text.digest}
    store = ActivationStore(folder, layout, identity=about)
    store.commit(0, blocks[0])
    store.finish({})
    store.publish()
    return Activations(folder)


def test_tokens_are_counted_on_the_sentences_that_count(tmp_path):
    texts = {
        PIVOT: Text(PIVOT, ("a bc", "", "d"), (0, 0, 0)),
        "zho_Hans": Text("zho_Hans", ("猫在睡", "水", "读 书"), (0, 0, 0)),
    }
    stores = {
        PIVOT: store_of(tmp_path / "a", texts[PIVOT], [4, 0, 2]),
        "zho_Hans": store_of(tmp_path / "b", texts["zho_Hans"], [5, 3, 7]),
    }
    frame = fertility_frame(stores, texts, pivot=PIVOT, languages=make_languages(8))
    found = frame.set_index(["language", "measure"])
    expected = {
        (PIVOT, "tokens_per_sentence"): (6 / 2, 2),
        (PIVOT, "premium"): (1.0, 2),
        (PIVOT, "tokens_per_word"): (6 / 3, 2),
        (PIVOT, "tokens_per_character"): (6 / 5, 2),
        ("zho_Hans", "tokens_per_sentence"): (15 / 3, 3),
        ("zho_Hans", "premium"): (12 / 6, 2),
        ("zho_Hans", "tokens_per_word"): (15 / 4, 3),
        ("zho_Hans", "tokens_per_character"): (15 / 7, 3),
    }
    assert {key: tuple(row) for key, row in found[["value", "n"]].iterrows()} == expected
    assert found.loc["zho_Hans", "spaced"].tolist() == [False] * 4
    assert found.loc[PIVOT, "spaced"].all()
    assert set(frame["special_tokens"]) == {"include"}


def test_pairs_are_relative_to_their_own_pivot_side(tmp_path):
    texts = {"deu_Latn": Text("deu_Latn", ("x y", "z", "I see", "no"), (0, 0, 1, 1))}
    stores = {"deu_Latn": store_of(tmp_path, texts["deu_Latn"], [6, 3, 4, 2])}
    frame = fertility_frame(stores, texts, pivot=PIVOT, languages=make_languages(8))
    values = frame.set_index("measure")["value"]
    assert values["premium"] == 9 / 6
    assert values["tokens_per_sentence"] == 9 / 2
    changed = {"deu_Latn": Text("deu_Latn", ("x", "z", "I see", "no"), (0, 0, 1, 1))}
    with pytest.raises(StoreError, match="made from another text"):
        fertility_frame(stores, changed, pivot=PIVOT, languages=make_languages(8))


# Pool


def ranks_of(matrix, present):
    """Exact ranks by row; 0 = missing."""
    rows = np.flatnonzero(present)
    rank = np.zeros(len(matrix), dtype=np.int64)
    for i in rows:
        rank[i] = 1 + sum(matrix[i, j] >= matrix[i, i] for j in rows if j != i)
    return rank


def unpacked(bits, n):
    return np.array(
        [[bool(row[j // 64] >> np.uint64(j % 64) & np.uint64(1)) for j in range(n)] for row in bits]
    )


@pytest.mark.parametrize("n", [1, 2, 7, 64, 65, 130])
@pytest.mark.parametrize("levels", [1, 4, 1000])
def test_hits_of_subsets_equal_plain_loops(n, levels):
    rng = np.random.default_rng(n * levels)
    matrix = rng.integers(0, levels, (n, n)).astype(np.float32)
    matrix[np.diag_indices(n)] += levels // 2
    present = rng.random(n) < 0.9
    present[0] = True
    ahead, back = ranks_of(matrix, present), ranks_of(matrix.T, present)
    by_row, by_column = (
        beaten_by(np.ascontiguousarray(m), r) for m, r in ((matrix, ahead), (matrix.T, back))
    )
    rival = present[:, None] & present[None] & ~np.eye(n, dtype=bool)
    true = matrix.diagonal()
    assert np.array_equal(unpacked(by_row, n), rival & (matrix >= true[:, None]))
    assert np.array_equal(unpacked(by_column, n), rival & (true[:, None] <= matrix.T))
    for draws in pool.draw(present, subsets=3):
        counts = np.zeros((len(draws.members), 3), dtype=np.int64)
        true_hits(by_row, by_column, draws.members, counts)
        expected = []
        for members in draws.members:
            assert present[members].all()
            forward, backward = plain_hits(matrix[np.ix_(members, members)])
            expected.append([(forward & backward).sum(), forward.sum(), backward.sum()])
        assert counts.tolist() == expected
        shuffled = np.zeros((len(draws.partners), 3), dtype=np.int64)
        shuffled_hits(
            matrix, np.ascontiguousarray(matrix.T), draws.reordered, draws.partners, shuffled
        )
        for members, partners, got in zip(draws.reordered, draws.partners, shuffled, strict=False):
            forward, backward = plain_hits(matrix[np.ix_(members, members[partners])])
            assert got.tolist() == [(forward & backward).sum(), forward.sum(), backward.sum()]


def test_exact_ranks_settle_what_float32_cannot():
    # rounding put the twin of the first translation below it, and made a rival of the second up
    matrix = np.array([[0.5, 0.4999, 0.1], [0.3, 0.6, 0.6], [0.2, 0.1, 0.9]], dtype=np.float32)
    bits = unpacked(beaten_by(matrix, np.array([2, 1, 1])), 3)
    assert bits.tolist() == [[False, True, False], [False] * 3, [False] * 3]


def test_sizes_climb_to_all_sentences():
    assert pool.sizes(1) == (1,)
    assert pool.sizes(10) == (10,)
    assert pool.sizes(100) == (10, 25, 50, 75, 100)
    assert pool.sizes(1012) == (10, 25, 50, 75, 100, 250, 500, 750, 1000, 1012)


def test_derangements_leave_nothing_in_its_place_and_are_uniform():
    assert pool.derangements(1, count=3).shape == (0, 1)
    drawn = pool.derangements(4, count=9000)
    assert (drawn != np.arange(4)).all()
    kinds, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(kinds) == 9
    assert stats.chisquare(counts).pvalue > 0.001


class Kept:
    """What the pool reads of an alignment store, in memory."""

    def __init__(self, similarity, rank, languages):
        self.layers = {"nas_gate": len(similarity)}
        self.manifest = {
            "identity": {"model": "m", "corpus": "c", "extraction": "x", "pivot": PIVOT}
        }
        codes = list(languages)
        self._arrays = {
            "similarity": xr.DataArray(
                similarity,
                dims=("layer", "target", "pivot_sentence", "target_sentence"),
                coords={"target": codes},
            ),
            "rank": xr.DataArray(
                rank,
                dims=("layer", "source", "target", "sentence"),
                coords={"source": codes, "target": codes},
            ),
        }

    def layer(self, name, representation, layer):
        assert representation in self.layers
        return self._arrays[name].isel(layer=layer)


def kept(*, n=60, layers=3, languages=(PIVOT, "deu_Latn", "swh_Latn"), noise=1.0, seed=0):
    """Languages as noisy copies of the pivot; the last one lacks two sentences."""
    rng = np.random.default_rng(seed)
    pivot = rng.normal(size=(layers, n, 12))
    similarity = np.full((layers, len(languages), n, n), np.nan, dtype=np.float32)
    rank = np.zeros((layers, len(languages), len(languages), n), dtype=np.uint16)
    for place in range(len(languages)):
        present = np.ones(n, dtype=bool)
        if place == 2:
            present[[3, 8]] = False
        for layer in range(layers):
            other = pivot[layer] + place * noise * rng.normal(size=(n, 12))
            lengths = [np.linalg.norm(x, axis=1) for x in (pivot[layer], other)]
            matrix = pivot[layer] @ other.T / np.outer(*lengths)
            matrix[~present] = np.nan
            matrix[:, ~present] = np.nan
            similarity[layer, place] = matrix
            rank[layer, 0, place] = ranks_of(matrix, present)
            rank[layer, place, 0] = ranks_of(matrix.T, present)
    return Kept(similarity, rank, languages)


def test_all_sentences_give_the_score_and_subsets_its_expectation():
    store = kept()
    frame, singles = pool.pool_frames(store, subsets=400)
    assert PIVOT not in set(frame["language"])
    n = frame[~frame["shuffled"]].groupby("language")["n"].unique()
    assert n["deu_Latn"].tolist() == [10, 25, 50, 60]
    assert n["swh_Latn"].tolist() == [10, 25, 50, 58]
    rank = store._arrays["rank"].astype(int)
    for code in ("deu_Latn", "swh_Latn"):
        ahead = rank.sel(source=PIVOT, target=code).values
        back = rank.sel(source=code, target=PIVOT).values
        found = frame[(frame["language"] == code) & ~frame["shuffled"]]
        found = found.set_index(["direction", "n"])
        total = int(n[code][-1])
        everything = {
            "both": ((ahead == 1) & (back == 1)).sum(axis=1) / total,
            "pivot_to_other": (ahead == 1).sum(axis=1) / total,
            "other_to_pivot": (back == 1).sum(axis=1) / total,
        }
        for direction, shares in everything.items():
            row = found.loc[(direction, total)]
            assert row["value"] == pytest.approx(shares.mean(), abs=1e-12)
            assert (row["subsets"], np.isnan(row["sd"])) == (1, True)
        # in a random subset a translation of rank r keeps its r - 1 rivals out with this chance
        for size, (direction, ranks) in itertools.product(
            (10, 25, 50), (("pivot_to_other", ahead), ("other_to_pivot", back))
        ):
            rivals = ranks[ranks > 0] - 1
            expected = (comb(total - 1 - rivals, size - 1) / comb(total - 1, size - 1)).mean()
            row = found.loc[(direction, size)]
            assert row["value"] == pytest.approx(expected, abs=4 * row["sd"] / np.sqrt(400))
            assert row["chance"] == 1 / size
        assert found.loc[("both", 10), "chance"] == 1 / 19
        alone = singles[singles["language"] == code].groupby("n")["value"]
        assert alone.size().to_dict() == {10: 400, 25: 400, 50: 400, total: 1}
        both = found.loc["both"]
        np.testing.assert_allclose(alone.mean(), both["value"].sort_index(), atol=1e-12)
        np.testing.assert_allclose(alone.std(), both["sd"].sort_index(), atol=1e-12)
        falling = found.loc["both"].sort_index()["value"]
        assert falling.is_monotonic_decreasing


def test_shuffled_translations_are_found_no_more_often_than_by_chance():
    frame = pool.pool_frames(kept(noise=0.3), subsets=20)[0]
    shuffled = frame[frame["shuffled"]]
    assert (shuffled["subsets"] == pool.SHUFFLES).all()
    # the true translation stays in the pool as a rival: what it wins the re-paired one cannot
    assert (shuffled["value"] <= shuffled["chance"] + 0.02).all()
    apart = pool.pool_frames(kept(n=100, layers=10, noise=1000.0), subsets=20)[0]
    for column in (True, False):
        rows = apart[(apart["shuffled"] == column) & (apart["n"] == 10)]
        np.testing.assert_allclose(rows["value"], rows["chance"], atol=0.035)


def test_re_paired_top_1_is_what_the_true_translations_leave():
    rng = np.random.default_rng(5)
    matrix = (rng.random((40, 40)) + 0.5 * np.eye(40)).astype(np.float32)
    forward, _ = plain_hits(matrix)
    partners = pool.derangements(40, count=4000)
    members = np.tile(np.arange(40), (4000, 1))
    counts = np.zeros((4000, 3), dtype=np.int64)
    shuffled_hits(matrix, np.ascontiguousarray(matrix.T), members, partners, counts)
    shares = counts[:, 1] / 40
    error = shares.std() / np.sqrt(4000)
    assert shares.mean() == pytest.approx((1 - forward.mean()) / 39, abs=4 * error)


def test_constant_similarities_have_no_hits_and_one_sentence_has_no_rival():
    constant = kept(n=12, layers=1, languages=(PIVOT, "deu_Latn"))
    constant._arrays["similarity"][:] = 0.5
    constant._arrays["rank"][:] = 12
    assert (pool.pool_frames(constant)[0]["value"] == 0).all()
    alone = pool.pool_frames(kept(n=1, languages=(PIVOT, "deu_Latn")))[0]
    assert alone["value"].tolist() == [1.0, 1.0, 1.0]
    assert not alone["shuffled"].any()


def test_the_pool_is_the_same_each_time():
    first, second = (pool.pool_frames(kept())[0] for _ in range(2))
    assert first.equals(second)
    assert not first.equals(pool.pool_frames(kept(), seed=1)[0])
    assert tuple(first.columns) == pool.COLUMNS
    with_all = first[(first["language"] == "deu_Latn") & (first["n"] == 10)]
    assert with_all["shuffled"].value_counts().to_dict() == {True: 3, False: 3}


def test_a_subset_has_one_number_in_all_languages():
    """mu of a numbered subset is that of the sentences that were drawn under this number."""
    store = kept(n=30, layers=2)
    _, singles = pool.pool_frames(store, subsets=3)
    assert tuple(singles.columns) == pool.SUBSET_COLUMNS
    found = singles.set_index(["language", "n", "subset"])["value"]
    for place, code in ((1, "deu_Latn"), (2, "swh_Latn")):
        present = store._arrays["rank"].values[0, 0, place] > 0
        for draws in pool.draw(present, subsets=3):
            for number, members in enumerate(draws.members):
                shares = []
                for layer in range(2):
                    matrix = store._arrays["similarity"].values[layer, place]
                    forward, backward = plain_hits(matrix[np.ix_(members, members)])
                    shares.append((forward & backward).mean())
                assert found[code, len(members), number] == pytest.approx(np.mean(shares))


def test_smaller_subsets_lie_inside_larger_ones():
    present = np.arange(120) % 7 != 0
    draws = pool.draw(present, subsets=4)
    for small, large in itertools.pairwise(draws[:-1]):
        for few, many in zip(small.members, large.members, strict=True):
            assert set(few) < set(many)
    assert sorted(draws[-1].members[0]) == np.flatnonzero(present).tolist()


# Resampling


def hits(n=80, layers=6, seed=0):
    """Hits of sentences of unequal ease, the layers like one another."""
    rng = np.random.default_rng(seed)
    ease = rng.random((n, 1)) * 0.6 + np.linspace(0, 0.4, layers)
    return (rng.random((n, layers)) < ease).astype(float)


def test_intervals_are_scipys_percentile_bootstrap():
    values = hits()
    found = resampled(values, {"late": [3, 4, 5]}, confidence=0.95, draws=20_000)
    mean = stats.bootstrap(
        (values.mean(axis=1),), np.mean, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    assert found["mean"] == pytest.approx((mean.low, mean.high), abs=0.01)
    late = stats.bootstrap(
        (values[:, 3:].mean(axis=1),), np.mean, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    assert found["late"] == pytest.approx((late.low, late.high), abs=0.01)
    rng = np.random.default_rng(2)
    drawn = [values[rng.integers(0, 80, 80)].mean(axis=0).max() for _ in range(20_000)]
    assert found["max"] == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.013)


def test_one_layer_of_hits_is_binomial():
    values = np.repeat([1.0, 0.0], [30, 70])[:, None]
    found = resampled(values, confidence=0.9, draws=40_000)
    expected = stats.binom(100, 0.3).ppf([0.05, 0.95]) / 100
    assert found["mean"] == pytest.approx(tuple(expected), abs=0.0101)
    assert found["max"] == found["mean"]
    shares = _weights(100, 40_000, 0) @ values[:, 0]
    assert shares.mean() == pytest.approx(0.3, abs=0.001)
    assert shares.var() == pytest.approx(0.3 * 0.7 / 100, rel=0.03)


def test_missing_sentences_are_left_out():
    values = hits()
    gaps = np.insert(values, 5, np.nan, axis=0)
    gaps[5, 1:] = 1.0
    kwargs = {"confidence": 0.95, "seed": 3}
    assert resampled(gaps, **kwargs) == resampled(values, **kwargs)
    assert resampled(values, **kwargs) == resampled(values, **kwargs)
    assert resampled(values, confidence=0.95) != resampled(values, **kwargs)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_sentences_have_no_interval(n):
    found = resampled(np.ones((n, 3)), {"first": [0]}, confidence=0.95)
    assert set(found) == {"mean", "max", "first"}
    assert np.isnan(list(found.values())).all()


def test_agreement_has_no_width_and_weights_are_kept():
    found = resampled(np.ones((10, 3)), confidence=0.95)
    assert found["mean"] == pytest.approx((1.0, 1.0))
    assert _weights(10, 1000, 0) is _weights(10, 1000, 0)
    assert np.allclose(_weights(10, 1000, 0).sum(axis=1), 1)


@pytest.mark.parametrize("groups", [{"mean": [0]}, {"max": [0]}, {"none": []}])
def test_groups_need_layers_and_a_name(groups):
    with pytest.raises(StatisticsError, match="no layer or no name of its own"):
        resampled(np.ones((4, 2)), groups, confidence=0.95)


def test_coverage_of_the_mean_over_layers():
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        ease = rng.random((100, 1))
        values = (rng.random((100, 4)) < ease).astype(float)
        low, high = resampled(values, confidence=0.95)["mean"]
        covered += low <= 0.5 <= high
    assert 0.90 < covered / 300 < 0.99
