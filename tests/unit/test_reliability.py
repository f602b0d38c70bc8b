"""Reliability from halves, against plain loops and against scores whose reliability is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neuronxa.alignment.question import Reduction
from neuronxa.alignment.reduction import reduce_alignment
from neuronxa.errors import StatisticsError
from neuronxa.statistics import reliability as module
from neuronxa.statistics.reliability import (
    ALIGNMENT_COLUMNS,
    HALVES,
    TASK_COLUMNS,
    UNKNOWN,
    VARIANCE,
    alignment_reliability,
    half_means,
    noise_ceiling,
    random_halves,
    spearman_brown,
    task_reliability,
    variance_reliability,
)
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import Alignment

from .stores import filled_store
from .synthetic import PIVOT

CODES = ["eng_Latn", "deu_Latn", "swh_Latn", "hin_Deva", "rus_Cyrl", "fra_Latn", "tam_Taml"]


def plain(values, halves) -> float:
    """Spearman-Brown of the mean correlation of halves, by loops."""
    found = []
    for half in halves:
        first = [np.nanmean(row[half == 1]) for row in values]
        second = [np.nanmean(row[half == 0]) for row in values]
        if np.ptp(first) > 0 and np.ptp(second) > 0:
            found.append(np.corrcoef(first, second)[0, 1])
    r = np.mean(found)
    return 2 * r / (1 + r)


def test_many_splits_are_averaged_in_parts(monkeypatch) -> None:
    rng = np.random.default_rng(4)
    values, halves = rng.random((6, 12)), random_halves(12, 50, 1)
    whole = half_means(values, halves)
    monkeypatch.setattr(module, "_SPLITS", 7)
    np.testing.assert_allclose(half_means(values, halves), whole)


def test_halves_are_halves() -> None:
    halves = random_halves(9, 30, 2)
    assert halves.shape == (30, 9)
    assert (halves.sum(axis=1) == 4).all()
    assert len(np.unique(halves, axis=0)) > 20
    assert np.array_equal(halves, random_halves(9, 30, 2))


def test_it_is_what_loops_say_with_missing_units() -> None:
    rng = np.random.default_rng(1)
    values = (rng.random((8, 30)) < np.linspace(0.1, 0.9, 8)[:, None]).astype(float)
    values[2, :7] = np.nan
    halves = random_halves(30, 25, 0)
    assert spearman_brown(*half_means(values, halves)) == pytest.approx(plain(values, halves))


def test_a_known_reliability_is_found() -> None:
    """Truth of variance 1, noise of variance 8 in 8 units: the mean is half truth, half noise."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=3000)
    values = truth[:, None] + rng.normal(scale=np.sqrt(8), size=(3000, 8))
    found = spearman_brown(*half_means(values, random_halves(8, 20, 0)))
    assert found == pytest.approx(0.5, abs=0.04)
    again = truth + rng.normal(size=3000)
    # which is the correlation with a second measurement
    assert np.corrcoef(values.mean(axis=1), again)[0, 1] == pytest.approx(0.5, abs=0.05)


def test_reliability_is_not_known_of_few_languages_or_equal_scores() -> None:
    halves = random_halves(10, 5, 0)
    rng = np.random.default_rng(0)
    assert np.isnan(spearman_brown(*half_means(rng.random((4, 10)), halves)))
    assert np.isnan(spearman_brown(*half_means(np.ones((6, 10)), halves)))
    holed = rng.random((6, 10))
    holed[:2] = np.nan
    assert np.isnan(spearman_brown(*half_means(holed, halves)))


@pytest.fixture(scope="module")
def alignment(tmp_path_factory) -> Alignment:
    folder = tmp_path_factory.mktemp("stores")
    for seed, code in enumerate(CODES):
        missing = (1, 5) if code == "swh_Latn" else ()
        filled_store(
            folder / code, language=code, seed=seed, missing=missing, sentences=16, layers=3
        )
    stores = {code: Activations(folder / code) for code in CODES}
    reduction = Reduction(
        stores=stores,
        pivot=PIVOT,
        layout="parallel",
        representations=next(iter(stores.values())).representations,
        keep_similarities=False,
    )
    reduce_alignment(reduction, folder / "out", memory_gb=1, workers=1)
    return Alignment(folder / "out")


def test_reliability_of_alignment_from_the_stored_ranks(alignment: Alignment) -> None:
    table = alignment_reliability(
        alignment, pivot=PIVOT, site="gate", groups={"low": [0, 1]}, halves=40, seed=3
    )
    assert list(table.columns) == list(ALIGNMENT_COLUMNS)
    found = table.set_index(["method", "reduction", "pivot_included"])["reliability"]
    assert len(found) == 4 * 3 * 2
    halves = random_halves(16, 40, 3)
    compared = 0
    for method, name in (("NASCA", "nas_gate"), ("MEXA", "hidden"), ("MEXA-last", "hidden_last")):
        rank = alignment.array("rank", name).transpose("source", "target", ..., "sentence")
        forth, back = rank.sel(source=PIVOT).values, rank.sel(target=PIVOT).values
        hits = np.where(forth > 0, (forth == 1) & (back == 1), np.nan).astype(float)
        others = hits[1:]  # the pivot comes first
        for reduction, values in (
            ("mean", others.mean(axis=1)),
            ("low", others[:, :2].mean(axis=1)),
        ):
            expected = plain(values, halves)
            assert found[method, reduction, False] == pytest.approx(expected, nan_ok=True)
            compared += np.isfinite(expected)
        correlations = []
        for half in halves:
            first, second = (
                [max(np.nanmean(layer[half == side]) for layer in language) for language in others]
                for side in (1, 0)
            )
            if np.ptp(first) > 0 and np.ptp(second) > 0:
                correlations.append(np.corrcoef(first, second)[0, 1])
        r = np.mean(correlations)
        assert found[method, "max", False] == pytest.approx(2 * r / (1 + r))
        assert found[method, "mean", True] == pytest.approx(
            plain(hits.mean(axis=1), halves), nan_ok=True
        )
    assert compared >= 4
    assert set(table.loc[table["pivot_included"], "n"]) == {7}


def items_of(languages, task="t", metric="accuracy", seed=0, count=40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        ("m", task, code, metric, f"item {i}", float(rng.random() < place / len(languages)))
        for place, code in enumerate(languages)
        for i in range(count)
    ]
    return pd.DataFrame(rows, columns=["model", "task", "language", "metric", "item", "value"])


def scores_of(items, n=40) -> pd.DataFrame:
    keys = ["model", "task", "metric", "language"]
    means = items.groupby(keys, sort=False)["value"].mean().reset_index()
    return means.assign(n=pd.array([n] * len(means), dtype="Int64"))


def test_reliability_of_a_task_from_its_items() -> None:
    items = items_of(CODES)
    table = task_reliability(scores_of(items), items, pivot=PIVOT, halves=30, seed=5)
    assert list(table.columns) == list(TASK_COLUMNS)
    wide = items.pivot(index="language", columns="item", values="value")
    halves = random_halves(40, 30, 5)
    found = table.set_index("pivot_included")
    others = wide.drop(PIVOT).to_numpy()
    assert found.loc[False, "reliability"] == pytest.approx(plain(others, halves))
    assert found.loc[True, "reliability"] == pytest.approx(plain(wide.to_numpy(), halves))
    assert found["n"].tolist() == [6, 7]
    assert set(found["basis"]) == {HALVES}


def test_a_ratio_is_as_reliable_as_what_it_is_the_ratio_of() -> None:
    items = items_of(CODES)
    scores = scores_of(items)
    both = pd.concat([scores, scores.assign(metric="ratio", value=scores["value"] / 0.9)])
    table = task_reliability(both, items, pivot=PIVOT, halves=30)
    plain_rows, ratio_rows = (table.loc[table["metric"] == m] for m in ("accuracy", "ratio"))
    assert ratio_rows["reliability"].tolist() == plain_rows["reliability"].tolist()
    assert set(ratio_rows["basis"]) == {HALVES}


def test_without_items_the_number_of_items_serves() -> None:
    items = items_of(CODES)
    scores = scores_of(items)
    table = task_reliability(scores, None, pivot=PIVOT).set_index("pivot_included")
    p = scores.loc[scores["language"] != PIVOT, "value"].to_numpy()
    expected = 1 - np.mean([v * (1 - v) / 40 for v in p]) / np.var(p, ddof=1)
    assert table.loc[False, "reliability"] == pytest.approx(expected)
    assert set(table["basis"]) == {VARIANCE}
    unknown = task_reliability(
        scores.assign(n=pd.array([None] * len(scores), dtype="Int64")), None, pivot=PIVOT
    )
    assert unknown["reliability"].isna().all()
    assert set(unknown["basis"]) == {UNKNOWN}
    # the two agree where there is much to tell apart
    both = task_reliability(scores, items, pivot=PIVOT).set_index("pivot_included")
    assert both.loc[False, "reliability"] == pytest.approx(expected, abs=0.05)


def test_variance_reliability_is_not_known_of_what_is_no_share() -> None:
    assert np.isnan(variance_reliability(np.array([0.1, 0.2, 1.3, 0.4, 0.5]), np.full(5, 10.0)))
    assert np.isnan(variance_reliability(np.full(5, 0.3), np.full(5, 10.0)))
    assert np.isnan(variance_reliability(np.array([0.1, 0.2]), np.full(2, 10.0)))
    # less spread than chance makes
    assert variance_reliability(np.array([0.5, 0.51, 0.5, 0.49, 0.5]), np.full(5, 10.0)) < 0


def test_the_noise_ceiling() -> None:
    assert noise_ceiling(0.81, 0.64) == pytest.approx(0.72)
    assert noise_ceiling(-0.2, 0.9) == 0.0
    assert np.isnan(noise_ceiling(np.nan, 0.9))
    assert np.isnan(noise_ceiling(0.9, np.nan))
    with pytest.raises(StatisticsError, match=r"1\.2 is no reliability"):
        noise_ceiling(1.2, 0.5)
