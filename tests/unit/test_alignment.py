"""The reduction against plain loops in float64: blocks, strips, kills, more languages."""

import itertools
import shutil

import numpy as np
import pytest

from neuronxa.alignment import budget as budget_module
from neuronxa.alignment.budget import Budget
from neuronxa.alignment.measures import MEASURES
from neuronxa.alignment.question import Reduction
from neuronxa.alignment.reduction import PARTIAL, reduce_alignment
from neuronxa.alignment.scores import named_layers, pairs_frame, scores_frame
from neuronxa.alignment.work import Work
from neuronxa.errors import ConfigError, StoreError
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import STORE, Alignment
from neuronxa.stores.alignment_store import EARLIER

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


@pytest.fixture
def folders(tmp_path):
    codes = ["eng_Latn", "deu_Latn", "swh_Latn", "hin_Deva", "rus_Cyrl"]
    for seed, code in enumerate(codes):
        missing = (1, 5) if code == "swh_Latn" else ()
        filled_store(tmp_path / code, language=code, seed=seed, missing=missing)
    return {code: tmp_path / code for code in codes}


def reduction_of(folders, **changes):
    stores = {code: Activations(folder) for code, folder in folders.items()}
    settings = {
        "stores": stores,
        "pivot": "eng_Latn",
        "layout": "parallel",
        "representations": next(iter(stores.values())).representations,
        "keep_similarities": True,
        **changes,
    }
    return Reduction(**settings)


def reduced(folders, out, *, workers=1, **changes):
    reduce_alignment(reduction_of(folders, **changes), out, memory_gb=1, workers=workers)
    return Alignment(out)


def cut(monkeypatch, *, block, strip):
    """Cut the work into blocks of so many languages and strips of so many blocks."""
    plain = Budget.fitted

    def fitted(self, *, workers, memory_gb):
        found = plain(self, workers=workers, memory_gb=memory_gb)
        return budget_module.replace(found, block=block, strip=strip)

    monkeypatch.setattr(Budget, "fitted", fitted)


@pytest.mark.parametrize(
    ("block", "strip", "workers"), [(1, 1, 1), (1, 2, 2), (2, 1, 3), (8, 1, 1)]
)
def test_every_pair_and_layer_equals_the_plain_loop(
    folders, tmp_path, monkeypatch, block, strip, workers
):
    cut(monkeypatch, block=block, strip=strip)
    alignment = reduced(folders, tmp_path / "out", workers=workers)
    stores = {code: Activations(folder) for code, folder in folders.items()}
    present = {code: store.array("tokens") > 0 for code, store in stores.items()}
    for name in alignment.layers:
        rank, mu = alignment.array("rank", name), alignment.scores("mu", name)
        top1, similarity = alignment.scores("top1", name), alignment.array("similarity", name)
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
                both = np.outer(present[a], present[b]) & np.outer(present[b], present[a])
                expected = np.where(both, cosine_matrix(x, y), np.nan)
                np.testing.assert_allclose(similarity.sel(target=b)[layer], expected, atol=2e-6)


def test_pairs_compare_a_language_with_its_own_pivot_side(tmp_path):
    folders = {}
    for seed, (code, n) in enumerate([("deu_Latn", 5), ("swh_Latn", 3)]):
        sides = [0] * n + [1] * n
        filled_store(tmp_path / code, language=code, seed=seed, sentences=2 * n, sides=sides)
        folders[code] = tmp_path / code
    alignment = reduced(folders, tmp_path / "out", layout="pairs")
    assert alignment.languages == ("eng_Latn", "deu_Latn", "swh_Latn")
    rank = alignment.array("rank", "nas_gate")
    assert set(alignment.measures("nas_gate")) == set(MEASURES)
    assert "jaccard" not in alignment.measures("hidden")
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

    reduction = reduction_of(folders)
    with pytest.raises(StopError):
        reduce_alignment(reduction, tmp_path / "part", memory_gb=1, progress=StopAfter(3))

    count = Count()
    reduce_alignment(reduction, tmp_path / "part", memory_gb=1, progress=count)
    assert count.total == sum(whole.layers.values()) - 3
    assert Alignment(tmp_path / "part").manifest["parts"] == whole.manifest["parts"]


class Count:
    """A counter that remembers what it was told to count to."""

    total = 0

    def start(self, total):
        self.total = total

    def advance(self, amount):
        pass


def compared_languages(monkeypatch):
    """Note the positions of every tile that is measured."""

    seen = []
    plain = Work.measure

    def measure(self, representation, sources, source, targets, target):
        seen.append((representation, tuple(sources), tuple(targets)))
        return plain(self, representation, sources, source, targets, target)

    monkeypatch.setattr(Work, "measure", measure)
    return seen


def test_a_reduction_goes_on_after_its_last_finished_strip(folders, tmp_path, monkeypatch):
    cut(monkeypatch, block=1, strip=1)
    whole = reduced(folders, tmp_path / "whole")
    seen = compared_languages(monkeypatch)
    from neuronxa.alignment.layer import Layer

    save, kills = Layer.save, []

    def save_and_die(self, path):
        save(self, path)
        kills.append(len(seen))
        if len(kills) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Layer, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        reduced(folders, tmp_path / "part")
    assert (tmp_path / "part" / PARTIAL).is_file()
    monkeypatch.setattr(Layer, "save", save)
    before = list(seen)
    seen.clear()
    part = reduced(folders, tmp_path / "part")
    assert len(before) == 5 + 4  # two strips of the first layer
    # what the two strips had is not computed again
    assert len(seen) == 15 * sum(whole.layers.values()) - len(before)
    assert part.manifest["parts"] == whole.manifest["parts"]
    assert not (tmp_path / "part" / PARTIAL).exists()


def test_a_damaged_partial_file_is_computed_again(folders, tmp_path):
    whole = reduced(folders, tmp_path / "whole")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / PARTIAL).write_bytes(b"PK not a zip file")
    assert reduced(folders, tmp_path / "part").manifest["parts"] == whole.manifest["parts"]


@pytest.mark.parametrize("finished", [True, False])
def test_adding_a_language_computes_only_its_pairs(folders, tmp_path, monkeypatch, finished):
    cut(monkeypatch, block=2, strip=2)
    whole = reduced(folders, tmp_path / "whole")
    codes = list(folders)
    fewer = {code: folders[code] for code in codes if code != "deu_Latn"}
    if finished:
        reduced(fewer, tmp_path / "out")
        known = sum(whole.layers.values())
    else:
        known = 3
        monkeypatch.setattr(Count, "advance", stop_after(known))
        with pytest.raises(KeyboardInterrupt):
            reduce_alignment(reduction_of(fewer), tmp_path / "out", memory_gb=1, progress=Count())
        monkeypatch.undo()
        cut(monkeypatch, block=2, strip=2)
    seen = compared_languages(monkeypatch)
    grown = reduced(folders, tmp_path / "out")
    assert grown.languages == tuple(codes)
    new = codes.index("deu_Latn")
    with_new = [tile for tile in seen if new in (*tile[1], *tile[2])]
    assert len(with_new) == 3 * sum(whole.layers.values())  # two blocks of others, and itself
    assert len(seen) - len(with_new) == 3 * (sum(whole.layers.values()) - known)
    for name in whole.layers:
        for array in ("rank", "ties", "settled", "similarity", "score"):
            one, other = whole.array(array, name), grown.array(array, name)
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert not (tmp_path / "out" / EARLIER).exists()


def stop_after(layers):
    left = [layers]

    def advance(self, amount):
        left[0] -= amount
        if not left[0]:
            raise KeyboardInterrupt

    return advance


def test_a_language_that_changed_is_compared_again(folders, tmp_path):
    reduced(folders, tmp_path / "out")
    shutil.rmtree(folders["hin_Deva"])
    filled_store(folders["hin_Deva"], language="hin_Deva", seed=77)
    again, afresh = reduced(folders, tmp_path / "out"), reduced(folders, tmp_path / "afresh")
    for name in again.layers:
        assert np.array_equal(again.array("rank", name), afresh.array("rank", name))
        np.testing.assert_allclose(
            again.array("score", name), afresh.array("score", name), rtol=1e-5, atol=1e-6
        )


def test_another_order_of_languages_takes_no_pair_for_another(folders, tmp_path, monkeypatch):
    """Killed in the first layer, when only the file of that layer is there."""
    cut(monkeypatch, block=1, strip=1)
    from neuronxa.alignment.layer import Layer

    save = Layer.save

    def save_and_die(self, path):
        save(self, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(Layer, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        reduced(folders, tmp_path / "out")
    monkeypatch.setattr(Layer, "save", save)
    other = {code: folders[code] for code in reversed(folders)}
    again, afresh = reduced(other, tmp_path / "out"), reduced(other, tmp_path / "afresh")
    assert again.manifest["parts"] == afresh.manifest["parts"]


def test_another_pivot_costs_only_its_pairs(folders, tmp_path, monkeypatch):
    cut(monkeypatch, block=1, strip=8)
    reduced(folders, tmp_path / "out")
    seen = compared_languages(monkeypatch)
    moved = reduced(folders, tmp_path / "out", pivot="hin_Deva")
    position = list(folders).index("hin_Deva")
    assert all(position in (*sources, *targets) for _, sources, targets in seen)
    afresh = reduced(folders, tmp_path / "afresh", pivot="hin_Deva")
    for name in afresh.layers:
        for array in ("rank", "similarity"):
            one, other = moved.array(array, name), afresh.array(array, name)
            np.testing.assert_array_equal(one, other)


def test_pairs_grow_and_lose_their_longest_language(tmp_path):
    folders = {}
    for seed, (code, n) in enumerate([("deu_Latn", 5), ("swh_Latn", 3), ("hin_Deva", 4)]):
        sides = [0] * n + [1] * n
        filled_store(tmp_path / code, language=code, seed=seed, sentences=2 * n, sides=sides)
        folders[code] = tmp_path / code
    few = {code: folders[code] for code in ("swh_Latn", "hin_Deva")}
    for number, chosen in enumerate((few, folders, few)):
        grown = reduced(chosen, tmp_path / "out", layout="pairs")
        afresh = reduced(chosen, tmp_path / f"afresh{number}", layout="pairs")
        assert grown.layout == afresh.layout
        for name in afresh.layers:
            for array in ("rank", "score", "similarity"):
                one, other = grown.array(array, name), afresh.array(array, name)
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_record_never_stands_beside_a_store_that_it_does_not_describe(
    folders, tmp_path, monkeypatch
):
    from neuronxa.stores import alignment_store

    whole = reduced(folders, tmp_path / "out")
    fewer = {code: folder for code, folder in folders.items() if code != "rus_Cyrl"}
    create = alignment_store._create

    def create_and_die(*given):
        create(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(alignment_store, "_create", create_and_die)
    with pytest.raises(KeyboardInterrupt):
        reduced(fewer, tmp_path / "out")
    monkeypatch.setattr(alignment_store, "_create", create)
    assert not (tmp_path / "out" / "manifest.json").exists()
    # back to the languages before: all their pairs are still there
    seen = compared_languages(monkeypatch)
    again = reduced(folders, tmp_path / "out")
    assert not seen
    assert again.manifest["parts"] == whole.manifest["parts"]
    again.verify()


def test_a_removed_language_is_left_out(folders, tmp_path, monkeypatch):
    reduced(folders, tmp_path / "out")
    seen = compared_languages(monkeypatch)
    fewer = {code: folder for code, folder in folders.items() if code != "rus_Cyrl"}
    assert reduced(fewer, tmp_path / "out").languages == tuple(fewer)
    assert not seen


def test_too_little_memory_is_refused_with_the_numbers(folders, tmp_path):
    reduction = reduction_of(folders)
    message = r"would need .* GB, 0\.0 GB are allowed: 5 languages, 7 sentences, 6 units"
    with pytest.raises(StoreError, match=message + r"(.|\n)*memory_gb"):
        reduce_alignment(reduction, tmp_path / "out", memory_gb=1e-9)
    assert not (tmp_path / "out").exists()


def test_memory_does_not_grow_with_languages_but_for_the_result():
    sizes = {"sentences": 100, "units": 14336, "measures": 17, "copies": 3, "kept": True}
    few, many = (
        Budget(languages=count, **sizes).fitted(workers=2, memory_gb=4) for count in (50, 204)
    )
    result = [2 * (n * n * (200 + 17 * 8 + 8) + n * 100 * 100 * 4) for n in (50, 204)]
    assert many.bytes - result[1] == pytest.approx(few.bytes - result[0], rel=0.15)
    assert many.bytes < 3e9


def test_a_small_budget_cuts_finer(folders):
    sizes = {"languages": 204, "sentences": 100, "units": 14336, "measures": 17, "copies": 3}
    large, small = (Budget(**sizes, kept=True).fitted(workers=8, memory_gb=gb) for gb in (16, 1.5))
    assert small.bytes <= 1.5e9
    assert (small.workers, small.strip) < (large.workers, large.strip)


def test_a_damaged_alignment_is_found(folders, tmp_path):
    reduced(folders, tmp_path / "out")
    chunk = next(
        p for p in (tmp_path / "out" / STORE / "nas_gate/score/c").rglob("*") if p.is_file()
    )
    chunk.unlink()
    with pytest.raises(StoreError, match="missing or damaged"):
        Alignment(tmp_path / "out").verify()


def test_scores_hold_every_reduction_and_the_curves_of_the_pivot(folders, tmp_path):
    alignment = reduced(folders, tmp_path / "out")
    groups = {"middle": [0.5], "ends": [0, 2]}
    scores = scores_frame(alignment, pivot="eng_Latn", groups={"middle": [0.5]})
    mu = alignment.scores("mu", "hidden")
    rows = scores.query(
        "representation == 'hidden' and measure == 'mu' and source == 'eng_Latn' "
        "and target == 'swh_Latn'"
    )
    values = mu.sel(source="eng_Latn", target="swh_Latn").values
    reduced_rows = rows[rows["reduction"] != "layer"].set_index("reduction")
    assert set(reduced_rows.index) == {"mean", "max", "middle"}
    assert reduced_rows["value"]["mean"] == pytest.approx(values.mean())
    assert reduced_rows["value"]["max"] == values.max()
    assert reduced_rows["value"]["middle"] == values[1]
    assert (reduced_rows["low"] <= reduced_rows["value"]).all()
    assert (reduced_rows["high"] >= reduced_rows["value"]).all()
    curve = rows[rows["reduction"] == "layer"]
    assert list(curve["layer"]) == list(range(3))
    np.testing.assert_array_equal(curve["value"], values)
    assert set(rows["n"]) == {5}  # two of seven sentences are missing
    assert set(rows["chance"]) == {1 / 9}
    assert set(scores["source"]) == set(folders)
    assert ((scores["source"] == "eng_Latn") | (scores["target"] == "eng_Latn")).all()
    with pytest.raises(ConfigError, match=r"'alignment.layers.ends' names layer 2, and .* has 2"):
        scores_frame(alignment, pivot="eng_Latn", groups=groups)


def test_both_directions_of_a_pair_stand_the_right_way_round(folders, tmp_path):
    alignment = reduced(folders, tmp_path / "out")
    scores = scores_frame(alignment, pivot="eng_Latn").query(
        "representation == 'nav_gate' and measure == 'top1' and reduction == 'mean'"
    )
    value = scores.set_index(["source", "target"])["value"]
    assert value["eng_Latn", "rus_Cyrl"] != value["rus_Cyrl", "eng_Latn"]
    for source, target in (("eng_Latn", "rus_Cyrl"), ("rus_Cyrl", "eng_Latn")):
        ranks = alignment.array("rank", "nav_gate").sel(source=source, target=target)
        assert value[source, target] == pytest.approx(float((ranks == 1).mean()))
        low, high = scores.set_index(["source", "target"]).loc[(source, target), ["low", "high"]]
        assert low <= value[source, target] <= high


def test_pairs_hold_every_measure_of_every_pair(folders, tmp_path):
    alignment = reduced(folders, tmp_path / "out")
    pairs = pairs_frame(alignment, groups={"middle": [0.5]})
    assert len(pairs) == 4 * 3 * 25
    row = pairs.set_index(["representation", "reduction", "source", "target"]).loc[
        ("nas_gate", "mean", "deu_Latn", "rus_Cyrl")
    ]
    for measure in MEASURES:
        expected = alignment.scores(measure, "nas_gate").sel(source="deu_Latn", target="rus_Cyrl")
        assert row[measure] == pytest.approx(float(expected.mean()), nan_ok=True)
    assert pairs.query("representation == 'hidden'")["jaccard"].isna().all()


def test_named_layers_are_numbers_or_depths():
    assert named_layers({"a": [0, 3], "b": [0.5]}, layers=4, hidden=False) == {
        "a": [0, 3],
        "b": [1],  # block 2 of 4
    }
    assert named_layers({"b": [0.5]}, layers=5, hidden=True) == {"b": [2]}
