"""Figures and table of the controls: what is shown is what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.text import Text

from neuronxa.errors import StatisticsError
from neuronxa.output.figures import figure_lexical, figure_pool
from neuronxa.output.figures.names import ALL_NAMED, named_points
from neuronxa.output.figures.pool import pool_curves
from neuronxa.output.labels import Labels
from neuronxa.output.style import PAGE_WIDTH, save_figure
from neuronxa.output.tables import controls_table, write_table

from .synthetic import PIVOT, make_languages

LANGUAGES = make_languages(12)
OTHERS = [code for code in LANGUAGES if code != PIVOT]
LABELS = Labels(models={"m": "Model"}, corpora={"c": "Corpus"})
RUN = {"model": "m", "corpus": "c", "extraction": "x"}
REPRESENTATIONS = {"NASCA": "nas_gate", "NAVCA": "nav_gate", "MEXA": "hidden"}


def make_methods() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        {
            **RUN,
            "method": method,
            "reduction": reduction,
            "language": code,
            "value": 1.0 if code == PIVOT else float(rng.random()),
            "n": 100,
        }
        for method in ("NASCA", "MEXA")
        for reduction in ("mean", "max")
        for code in LANGUAGES
    ]
    return pd.DataFrame(rows)


def make_lexical() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = [
        ("c", code, measure, direction, float(rng.random()), 100)
        for code in OTHERS
        for measure, direction in (("mu", "both"), ("top1", "pivot_to_other"))
    ]
    return pd.DataFrame(rows, columns=["corpus", "language", "measure", "direction", "value", "n"])


def make_fertility() -> pd.DataFrame:
    rows = [
        {**RUN, "language": code, "measure": measure, "value": start + place, "n": 100}
        for place, code in enumerate(LANGUAGES)
        for measure, start in (("tokens_per_sentence", 20.0), ("premium", 1.0))
    ]
    return pd.DataFrame(rows).assign(special_tokens="include", spaced=True)


def make_pool(sizes: dict[str, tuple[int, ...]]) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = [
        {
            **RUN,
            "representation": representation,
            "language": code,
            "measure": measure,
            "direction": direction,
            "n": n,
            "value": float(rng.random()),
            "shuffled": shuffled,
            "chance": 1 / (2 * n - 1) if measure == "mu" else 1 / n,
        }
        for code, ns in sizes.items()
        for n in ns
        for representation in (*REPRESENTATIONS.values(), "nas_product")
        for shuffled in (False, True)
        for measure, direction in (
            ("mu", "both"),
            ("top1", "pivot_to_other"),
            ("top1", "other_to_pivot"),
        )
    ]
    return pd.DataFrame(rows)


def texts(figure) -> list[str]:  # type: ignore[no-untyped-def]
    return [found.get_text() for found in figure.findobj(Text) if found.get_text()]


@pytest.fixture(scope="module")
def pool() -> pd.DataFrame:
    return make_pool({code: (10, 20, 50, 99 if code == "swh_Latn" else 100) for code in OTHERS})


def test_curves_are_means_over_languages(pool: pd.DataFrame) -> None:
    curves = pool_curves(pool, site="gate").set_index(["method", "measure", "shuffled", "n"])
    assert set(curves.index.get_level_values("method")) == set(REPRESENTATIONS)
    # one language alone has 99 sentences
    assert set(curves.index.get_level_values("n")) == {10, 20, 50, 100}
    for key, row in curves.iterrows():
        method, measure, shuffled, n = key  # type: ignore[misc]
        kept = pool[
            (pool["representation"] == REPRESENTATIONS[method])
            & (pool["measure"] == measure)
            & (pool["shuffled"] == shuffled)
            & (pool["n"] == n)
        ]
        values = [float(kept.loc[kept["language"] == c, "value"].mean()) for c in OTHERS]
        values = [value for value in values if not np.isnan(value)]
        assert row["value"] == pytest.approx(np.mean(values))
        assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(values, [0.25, 0.75])))
        assert row["languages"] == len(values)
        assert row["chance"] == pytest.approx(1 / (2 * n - 1) if measure == "mu" else 1 / n)


def test_pools_drawn_are_pools_given(pool: pd.DataFrame) -> None:
    figure = figure_pool(pool, site="gate", labels=LABELS)
    assert figure.get_figwidth() == PAGE_WIDTH
    curves = pool_curves(pool, site="gate")
    for ax, measure in zip(figure.axes, ("mu", "top1"), strict=True):
        part = curves[curves["measure"] == measure]
        lines = {str(line.get_label()): line for line in ax.lines}
        boxes = [found for found in ax.collections if isinstance(found, LineCollection)]
        for name, whiskers in zip(REPRESENTATIONS, boxes, strict=True):
            rows = part[(part["method"] == name) & ~part["shuffled"]]
            np.testing.assert_allclose(lines[name].get_ydata(orig=False), rows["value"])
            np.testing.assert_allclose(lines[name].get_xdata(orig=False), rows["n"], rtol=0.05)
            ends = np.array([segment[:, 1] for segment in whiskers.get_segments()])
            np.testing.assert_allclose(ends, rows[["low", "high"]].to_numpy())
        dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert len(dotted) == 3
        shuffled = part[(part["method"] == "NASCA") & part["shuffled"]]
        np.testing.assert_allclose(dotted[0].get_ydata(), shuffled["value"])
        np.testing.assert_allclose(lines["chance"].get_ydata(), rows["chance"])
        assert ax.get_xscale() == "log"
        assert ax.get_ylim()[1] >= part["high"].max()
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [*REPRESENTATIONS, "chance", "re-paired at random"]
    assert "Model · Corpus" in texts(figure)


def test_one_good_language_among_bad_ones_lifts_the_mean_out_of_the_middle_half(
    pool: pd.DataFrame,
) -> None:
    skewed = pool.assign(value=(pool["language"] == "fra_Latn").astype(float))
    curves = pool_curves(skewed, site="gate")
    assert (curves["value"] > curves["high"]).all()
    assert len(figure_pool(skewed, site="gate").axes) == 2


def test_pools_of_too_different_sizes_are_told() -> None:
    figure = figure_pool(
        make_pool({code: (7 + place,) for place, code in enumerate(OTHERS)}), site="gate"
    )
    assert not figure.axes
    assert "half of the languages share no number of sentences to draw" in texts(figure)
    one = figure_pool(make_pool(dict.fromkeys(OTHERS, (10,))), site="gate")
    assert len(one.axes) == 2


def test_points_are_scores_against_floors() -> None:
    methods, lexical = make_methods(), make_lexical()
    figure = figure_lexical(methods, lexical, languages=LANGUAGES, labels=LABELS)
    floor = lexical[lexical["measure"] == "mu"].set_index("language")["value"]
    for ax, name in zip(figure.axes, ("NASCA", "MEXA"), strict=True):
        rows = methods[(methods["method"] == name) & (methods["reduction"] == "mean")]
        score = rows.set_index("language")["value"]
        drawn = {
            str(found.get_label()): {tuple(point) for point in np.asarray(found.get_offsets())}
            for found in ax.collections
            if isinstance(found, PathCollection)
        }
        for group in ("head", "long-tail"):
            assert drawn[group] == {
                (floor[code], score[code])
                for code in OTHERS
                if LANGUAGES[code].resource_class == group
            }
        above = sum(score[code] > floor[code] for code in OTHERS)
        r = np.corrcoef(floor[OTHERS], score[OTHERS])[0, 1]
        (note,) = [text for text in texts(ax) if "above the floor" in text]
        assert note.startswith(f"{above} of 11 above the floor\nr = {r:.2f} [")
        (line,) = ax.lines
        assert np.array_equal(line.get_xdata(), line.get_ydata())
        assert ax.get_xlim() == ax.get_ylim()
        assert "11 languages, n = 100" in texts(ax)
        assert {"fra", "swh"} <= set(texts(ax))


def test_a_floor_without_scores_says_so() -> None:
    lexical = make_lexical()
    none = lexical[lexical["measure"] == "top1"]
    figure = figure_lexical(make_methods(), none, languages=LANGUAGES)
    assert "no language has both a score and a lexical floor" in texts(figure)
    few = lexical[lexical["language"].isin(OTHERS[:3])]
    figure = figure_lexical(make_methods(), few, languages=LANGUAGES, methods=["MEXA"])
    assert len(figure.axes) == 1
    assert not any("r = " in text for text in texts(figure))


def test_of_many_points_those_that_say_most_are_named() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame(rng.normal(size=(ALL_NAMED, 2)), columns=["x", "y"])
    assert named_points(data) == list(data.index)
    data = pd.DataFrame(rng.normal(size=(200, 2)), columns=["x", "y"])
    named = named_points(data)
    assert 12 <= len(named) <= 18
    assert (data["x"] + data["y"]).idxmax() in named


def test_figures_have_the_same_bytes_each_time(pool: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_figure(figure_pool(pool, site="gate"), tmp_path / f"pool_{name}")
        figure = figure_lexical(make_methods(), make_lexical(), languages=LANGUAGES)
        save_figure(figure, tmp_path / f"lexical_{name}")
    for figure_name in ("pool", "lexical"):
        for ending in ("svg", "pdf"):
            first, second = (tmp_path / f"{figure_name}_{x}.{ending}" for x in "ab")
            assert first.read_bytes() == second.read_bytes()


def test_the_table_puts_scores_beside_controls(tmp_path: Path) -> None:
    methods, lexical, fertility = make_methods(), make_lexical(), make_fertility()
    table = controls_table(methods, lexical, fertility, pivot=PIVOT, languages=LANGUAGES)
    frame = table.frame.set_index("code")
    assert set(frame.index) == set(OTHERS)
    assert frame["NASCA"].is_monotonic_decreasing
    floor = lexical[lexical["measure"] == "mu"].set_index("language")["value"]
    for code, row in frame.iterrows():
        place = list(LANGUAGES).index(str(code))
        assert row["lexical_floor"] == floor[code]
        assert (row["tokens_per_sentence"], row["premium"]) == (20.0 + place, 1.0 + place)
        assert row["language"] == LANGUAGES[str(code)].name
        assert row["n"] == 100
    write_table(table, tmp_path / "t", caption="c", label="tab:t")
    head = (tmp_path / "t.md").read_text("utf-8").splitlines()[2]
    assert "lexical floor" in head
    assert "tokens per sentence" in head
    with pytest.raises(StatisticsError, match="expected scores of one model, got 2"):
        controls_table(
            pd.concat([methods, methods.assign(model="b")]),
            lexical,
            fertility,
            pivot=PIVOT,
            languages=LANGUAGES,
        )
