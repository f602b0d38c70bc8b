"""Tables of the statistics: the numbers of the frames, readable, also where nothing is defined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neuronxa.alignment.methods import method_scores
from neuronxa.output.labels import Labels
from neuronxa.output.tables import (
    averages_table,
    claim_table,
    differences_table,
    families_table,
    mantel_table,
    partial_table,
    write_table,
)
from neuronxa.statistics import correlate_methods
from neuronxa.statistics.averages import average_correlations
from neuronxa.statistics.claim import chance_share, claim_frame
from neuronxa.statistics.differences import compare_methods
from neuronxa.statistics.families import leave_out_families
from neuronxa.statistics.mantel import compare_pairs
from neuronxa.statistics.partial import control_methods
from neuronxa.statistics.reliability import task_reliability
from neuronxa.statistics.reported import Published

from .synthetic import PIVOT, make_downstream, make_languages, make_pairs, make_scores

SCORED = {"continent": {"benchmarks": ("accuracy",), "transfer": ("rankc",)}}
LABELS = Labels(
    models={"gemma_270m": "Gemma 3"}, tasks={"continent": "Continents"}, corpora={"flores_200": "F"}
)
TABLES = {
    "averages": averages_table,
    "differences": differences_table,
    "partial": partial_table,
    "families": families_table,
    "mantel": mantel_table,
    "claim": claim_table,
}


def frames_of(count: int) -> dict[str, pd.DataFrame]:
    """All statistics of a made-up run of so many languages."""
    languages = make_languages(count)
    scores = make_scores(languages, layers=4)
    methods = method_scores(scores, pivot=PIVOT, site="gate")
    downstream = make_downstream(languages)
    some = {"pivot": PIVOT, "resamples": 100}
    correlations = correlate_methods(methods, downstream, **some)
    keys = ["model", "corpus", "extraction", "method", "reduction", "pivot_included"]
    rng = np.random.default_rng(0)
    fertility = pd.DataFrame(
        [("gemma_270m", "flores_200", "default", c, "premium", rng.uniform()) for c in languages],
        columns=["model", "corpus", "extraction", "language", "measure", "value"],
    )
    lexical = pd.DataFrame(
        [("flores_200", c, "mu", rng.uniform()) for c in languages],
        columns=["corpus", "language", "measure", "value"],
    )
    codes = list(languages)
    pairs = pd.DataFrame(
        [
            ("gemma_270m", "continent", a, b, "rankc", rng.uniform())
            for place, a in enumerate(codes)
            for b in codes[:place]
        ],
        columns=["model", "task", "source", "target", "metric", "value"],
    )
    return {
        "averages": average_correlations(correlations, SCORED),
        "differences": compare_methods(methods, downstream, **some),
        "partial": control_methods(
            methods, downstream, fertility, lexical, pivot=PIVOT, languages=languages
        ),
        "families": leave_out_families(methods, downstream, languages=languages, **some),
        "mantel": compare_pairs(
            make_pairs(scores), pairs, pivot=PIVOT, sites={"default": "gate"}, permutations=99
        ),
        "claim": claim_frame(
            correlations,
            correlations[keys].drop_duplicates().assign(reliability=0.9),
            task_reliability(downstream, None, pivot=PIVOT),
            chance_share(downstream, pivot=PIVOT),
            SCORED,
            (Published("NASCA", "benchmarks", 0.9556, "A paper, abstract"),),
            benchmarks={"continent": "belebele"},
        ),
    }


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return frames_of(24)


@pytest.mark.parametrize("name", list(TABLES))
def test_every_table_is_written_with_labels(frames, name, tmp_path) -> None:
    table = TABLES[name](frames[name], labels=LABELS)
    write_table(table, tmp_path / name, caption="c", label="l")
    csv = pd.read_csv(tmp_path / f"{name}.csv")
    assert len(csv) == len(table.frame)
    assert set(csv["corpus"]) == {"F"}
    assert "Continents" in set(csv["task"])
    assert not {"tests", "reduction"} & set(csv)
    if "pivot" in csv:
        order = csv["pivot"].tolist()
        assert order == sorted(order, reverse=True)  # without, then with
    text = (tmp_path / f"{name}.md").read_text("utf-8")
    cells = {cell.strip() for line in text.splitlines() for cell in line.split("|")}
    assert not cells & {"nan", "None", "<NA>"}


def test_tables_keep_the_numbers(frames) -> None:
    plain = frames["differences"].query("reduction == 'mean'")
    plain = plain.sort_values("pivot_included", kind="stable")
    frame = differences_table(frames["differences"]).frame
    np.testing.assert_array_equal(frame["difference"], plain["difference"])
    np.testing.assert_array_equal(frame["difference_low"], plain["low"])
    frame = partial_table(frames["partial"]).frame
    partial = frames["partial"].query("reduction == 'mean'")
    np.testing.assert_array_equal(frame["partial"], partial["partial"])


def test_the_table_of_families_sums_up_the_parts(frames) -> None:
    frame = families_table(frames["families"]).frame
    assert len(frame) == 4 * 2 * 3
    families = frames["families"]
    row = frame.loc[
        (frame["method"] == "NASCA")
        & (frame["metric"] == "rankc")
        & (frame["coefficient"] == "kendall")
    ].iloc[0]
    parts = families.query(
        "method == 'NASCA' and reduction == 'mean' and metric == 'rankc' "
        "and coefficient == 'kendall' and left_out != 'none'"
    )
    assert row["least"] == parts["estimate"].min()
    assert row["highest"] == parts["estimate"].max()
    far = parts.loc[parts["change"].abs().idxmax()]
    assert row["without_it"] == pytest.approx(far["estimate"])
    assert row["moved_by"] == far["left_out"]


def test_the_table_of_the_claim_is_of_pearsons_mean_over_layers(frames) -> None:
    frame = claim_table(frames["claim"]).frame
    assert len(frame) == 4 * 2 * 2
    assert frame["sentence"].str.endswith(".").all()


@pytest.mark.parametrize("name", list(TABLES))
def test_a_run_of_few_languages_has_tables_that_say_why(name, tmp_path) -> None:
    frames = frames_of(4)
    table = TABLES[name](frames[name])
    write_table(table, tmp_path / name, caption="c", label="l")
    assert (tmp_path / f"{name}.tex").is_file()
    if name not in ("averages", "claim"):
        assert table.frame["message"].str.contains("at least 5|pivot").all()
