"""What a correlation could have shown: power by simulation, verdicts by their numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuronxa.alignment.methods import method_scores
from neuronxa.config.published import read_published
from neuronxa.output.figures import figure_claim
from neuronxa.statistics import correlate_methods
from neuronxa.statistics.claim import (
    AT_CHANCE,
    COLUMNS,
    CONSISTENT,
    INCONSISTENT,
    NOTHING,
    UNDEFINED,
    UNDERPOWERED,
    chance_share,
    claim_frame,
    detectable_correlation,
    disattenuated,
    verdict,
)
from neuronxa.statistics.reliability import task_reliability
from neuronxa.statistics.reported import Published, reported_correlations

from .synthetic import PIVOT, make_downstream, make_languages, make_scores

PUBLISHED = reported_correlations(
    read_published(Path(__file__).parents[2] / "config" / "published.tsv")
)
SCORED = {"continent": {"benchmarks": ("accuracy",), "transfer": ("rankc",)}}


def test_the_detectable_correlation_is_found_with_its_power() -> None:
    rng = np.random.default_rng(0)
    n, trials = 23, 4000
    r = detectable_correlation(n)
    x = rng.normal(size=(trials, n))
    y = r * x + np.sqrt(1 - r**2) * rng.normal(size=(trials, n))
    found = (stats.pearsonr(x, y, axis=1).pvalue < 0.05).mean()
    # 4 standard errors and the approximation of Fisher's transformation
    assert found == pytest.approx(0.8, abs=0.035)


def test_the_detectable_correlation_by_hand() -> None:
    # 1.95996 + 0.84162 over sqrt(25)
    assert detectable_correlation(28) == pytest.approx(np.tanh(2.80158 / 5), abs=1e-5)
    assert detectable_correlation(28, coefficient="spearman") == pytest.approx(
        np.tanh(2.80158 / 5), abs=1e-5
    )
    assert detectable_correlation(28, coefficient="kendall") == pytest.approx(
        np.tanh(2.80158 * np.sqrt(0.437 / 24)), abs=1e-5
    )
    assert np.isnan(detectable_correlation(4))
    assert detectable_correlation(20, confidence=0.99) > detectable_correlation(20)


def test_disattenuation_undoes_noise() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=50_000)
    y = 0.8 * x + 0.6 * rng.normal(size=50_000)
    noisy = x + rng.normal(size=50_000), y + 0.5 * rng.normal(size=50_000)
    ceiling = np.sqrt(0.5 * 0.8)  # reliabilities 1 / 2 and 1 / 1.25
    corrected, capped = disattenuated(np.corrcoef(*noisy)[0, 1], ceiling)
    assert corrected == pytest.approx(0.8, abs=0.02)
    assert not capped
    assert disattenuated(-0.9, 0.6) == (-1.0, True)
    assert np.isnan(disattenuated(0.5, 0.0)[0])
    assert np.isnan(disattenuated(0.5, np.nan)[0])


def row(**changes):
    plain = {
        "estimate": 0.8,
        "low": 0.6,
        "high": 0.9,
        "n": 23,
        "message": "",
        "at_chance": 0.0,
        "ceiling": 0.9,
        "detectable": 0.55,
        "published": 0.85,
        "source": "A 2025",
    }
    return {**plain, **changes}


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({"estimate": np.nan, "message": "n = 4"}, UNDEFINED, "Not defined: n = 4."),
        ({"at_chance": 0.6}, AT_CHANCE, "60% of the languages are at chance"),
        ({"at_chance": 0.5}, CONSISTENT, "the published 0.8500 (A 2025): r = 0.800"),
        ({"at_chance": np.nan}, CONSISTENT, "n = 23"),
        (
            {"low": -0.1, "detectable": 0.87},
            UNDERPOWERED,
            "from 0.87 on, above the published value of 0.85",
        ),
        ({"low": -0.1, "ceiling": 0.4}, UNDERPOWERED, "above the noise ceiling of 0.40"),
        ({"ceiling": np.nan}, CONSISTENT, "Consistent"),
        # what was found needs no power
        ({"detectable": 0.87}, CONSISTENT, "Consistent"),
        ({"low": -0.1}, CONSISTENT, "Consistent"),
        ({"published": 0.95}, INCONSISTENT, "is below the published 0.9500 (A 2025); noise alone"),
        ({"published": 0.95, "ceiling": np.nan}, INCONSISTENT, "is below the published 0.9500"),
        ({"published": 0.56, "ceiling": 1.0}, INCONSISTENT, "is above the published 0.5600"),
        ({"published": np.nan}, NOTHING, "No published value to compare with: r = 0.800"),
        ({"low": 0.0, "published": np.nan, "ceiling": 0.3}, UNDERPOWERED, "noise ceiling of 0.30"),
        ({"published": 0.6}, CONSISTENT, "0.6000"),
    ],
)
def test_verdicts(changes, expected, words) -> None:
    found, sentence = verdict(row(**changes))
    assert found == expected
    assert words in sentence
    assert sentence.endswith(".")


def test_what_a_primary_source_says_of_a_kind_of_tasks_is_picked_from_the_sheet() -> None:
    picked = {(one.method, one.kind): (one.value, one.source) for one in PUBLISHED}
    assert picked == {
        ("NASCA", "benchmarks"): (0.9556, "NeuronXA, abstract"),
        ("NASCA", "transfer"): (0.8514, "NeuronXA, abstract, arXiv"),
        ("MEXA", "benchmarks"): (0.93, "MEXA, Table 6, default"),
    }


def test_languages_at_chance_are_counted_without_the_pivot() -> None:
    downstream = pd.DataFrame(
        {
            "model": "m",
            "task": ["a"] * 5 + ["b"] * 2,
            "metric": "accuracy",
            "language": [PIVOT, "p", "q", "r", "s", "p", "q"],
            # the pivot does not count; q's interval contains chance, r's lies below, s has none
            "low": [0.1, 0.3, 0.2, 0.1, np.nan, np.nan, np.nan],
            "high": [0.9, 0.5, 0.3, 0.2, np.nan, np.nan, np.nan],
            "chance": [0.25] * 5 + [np.nan] * 2,
        }
    )
    shares = chance_share(downstream, pivot=PIVOT).set_index("task")["at_chance"]
    assert shares["a"] == pytest.approx(2 / 3)
    assert np.isnan(shares["b"])


@pytest.fixture(scope="module")
def frames():
    languages = make_languages(16)
    scores = method_scores(make_scores(languages, layers=4), pivot=PIVOT, site="gate")
    downstream = make_downstream(languages)
    correlations = correlate_methods(scores, downstream, pivot=PIVOT, resamples=100)
    keys = ["model", "corpus", "extraction", "method", "reduction", "pivot_included"]
    reliability = correlations[keys].drop_duplicates().reset_index(drop=True)
    return correlations, reliability.assign(reliability=0.81), downstream


def claimed(frames, downstream=None, published=PUBLISHED, measured="belebele"):
    correlations, reliability, plain = frames
    downstream = plain if downstream is None else downstream
    tasks = task_reliability(downstream, None, pivot=PIVOT)
    chance = chance_share(downstream, pivot=PIVOT)
    return claim_frame(
        correlations,
        reliability,
        tasks,
        chance,
        SCORED,
        published,
        benchmarks={"continent": measured},
    )


def test_every_correlation_has_its_row(frames) -> None:
    correlations, _, downstream = frames
    table = claimed(frames)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == len(correlations)
    np.testing.assert_array_equal(table["estimate"], correlations["estimate"])
    tasks = task_reliability(downstream, None, pivot=PIVOT).set_index(["metric", "pivot_included"])
    for found in table.itertuples():
        of_task = tasks.loc[(found.metric, found.pivot_included), "reliability"]
        ceiling = np.sqrt(0.81 * max(of_task, 0))
        assert found.ceiling == pytest.approx(ceiling)
        assert found.disattenuated == pytest.approx(np.clip(found.estimate / ceiling, -1, 1))
        assert found.kind == {"accuracy": "benchmarks", "rankc": "transfer"}[found.metric]
        assert found.detectable == pytest.approx(
            detectable_correlation(found.n, coefficient=found.coefficient)
        )


def test_published_values_stand_beside_what_they_are_of(frames) -> None:
    of = {
        "belebele": {("NASCA", "benchmarks"): 0.9556, ("MEXA", "benchmarks"): 0.93},
        "xnli": {("NASCA", "transfer"): 0.8514},
        # what the papers did not measure is compared with nothing
        "continent": {},
    }
    for measured, expected in of.items():
        table = claimed(frames, measured=measured)
        named = table.loc[table["published"].notna()]
        assert set(named["coefficient"]) <= {"pearson"}
        assert set(named["reduction"]) <= {"mean"}
        assert named.groupby(["method", "kind"])["published"].first().to_dict() == expected
    mine = (Published("NAVCA", "transfer", 0.3, "mine"),)
    table = claimed(frames, published=mine, measured="bmlama-53")
    assert set(table.loc[table["published"].notna(), "method"]) == {"NAVCA"}


def test_a_task_at_chance_cannot_inform(frames) -> None:
    downstream = frames[2]
    low = downstream.assign(low=0.0, high=0.3)
    table = claimed(frames, low)
    assert set(table["verdict"]) == {AT_CHANCE}
    assert table["sentence"].str.contains("100% of the languages").all()


def test_the_figure_draws_what_the_frame_says(frames) -> None:
    table = claimed(frames)
    figure = figure_claim(table)
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == [
        "gemma_270m\ncontinent, accuracy",
        "gemma_270m\ncontinent, rankc",
    ]
    kept = table.query("coefficient == 'pearson' and reduction == 'mean' and not pivot_included")
    for ax, metric in zip(figure.axes, ("accuracy", "rankc"), strict=True):
        part = kept.loc[kept["metric"] == metric]
        drawn = [container[0].get_xdata()[0] for container in ax.containers if len(container) == 3]
        assert drawn == pytest.approx(part["estimate"].tolist())
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(part["ceiling"].tolist())
        crosses = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "x"]
        assert crosses == pytest.approx(part["published"].dropna().tolist())


def test_the_figure_of_nothing_defined_can_be_drawn(frames) -> None:
    correlations, reliability, downstream = frames
    none = correlations.assign(estimate=np.nan, low=np.nan, high=np.nan, message="too few")
    table = claimed((none, reliability, downstream))
    assert set(table["verdict"]) == {UNDEFINED}
    assert len(figure_claim(table).axes) == 2
