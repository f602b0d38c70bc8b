"""Figures: what is drawn is what was given, and the files are the same each time."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from scipy import stats

from neuronxa.alignment.methods import METHODS, method_scores
from neuronxa.errors import StatisticsError
from neuronxa.output.figures import (
    figure_consistency,
    figure_correlations,
    figure_heatmap,
    figure_layers,
    figure_retrieval,
    figure_scatter,
    plot_heatmap,
    plot_layers,
    plot_scatter,
)
from neuronxa.output.figures.consistency import symmetric_matrix
from neuronxa.output.figures.layers import layer_curves, spread
from neuronxa.output.figures.pairs import cluster_order, family_order, pair_matrix
from neuronxa.output.labels import Labels, short_codes
from neuronxa.output.style import PAGE_WIDTH, new_figure, save_figure, styled
from neuronxa.statistics import correlate, correlate_methods, retrieval_summary
from neuronxa.statistics.fit import fit_line

from .synthetic import PIVOT, N, make_downstream, make_languages, make_pairs, make_scores

LANGUAGES = make_languages(16)
LAYERS = 6
LABELS = Labels(models={"gemma_270m": "Gemma 3"}, tasks={"continent": "Continents"})


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return make_scores(LANGUAGES, layers=LAYERS)


@pytest.fixture(scope="module")
def tidy(scores: pd.DataFrame) -> pd.DataFrame:
    return method_scores(scores, pivot=PIVOT, site="gate")


def axes(size: float = 3.0) -> Axes:
    with styled():
        return new_figure(size, size).subplots()


def texts(where: Figure | Axes) -> list[str]:
    return [found.get_text() for found in where.findobj(Text) if found.get_text()]


def select(scores: pd.DataFrame, name: str, reduction: str, measure: str = "mu") -> pd.DataFrame:
    return scores.loc[
        (scores["representation"] == name)
        & (scores["reduction"] == reduction)
        & (scores["measure"] == measure)
    ]


# Layer curves


def test_neuron_and_hidden_layers_share_a_depth_axis(scores: pd.DataFrame) -> None:
    nas = layer_curves(scores, pivot=PIVOT, representation="nas_gate")
    hidden = layer_curves(scores, pivot=PIVOT, representation="hidden")
    blocks = layer_curves(scores, pivot=PIVOT, representation="nas_gate", depth="block")
    assert sorted(nas["depth"].unique()) == pytest.approx([b / LAYERS for b in range(1, 7)])
    assert sorted(hidden["depth"].unique()) == pytest.approx([b / LAYERS for b in range(7)])
    assert sorted(blocks["depth"].unique()) == [1, 2, 3, 4, 5, 6]
    assert PIVOT not in set(nas["language"])


def test_curves_drawn_are_curves_given(scores: pd.DataFrame) -> None:
    figure = figure_layers(scores, pivot=PIVOT, site="gate", labels=LABELS)
    assert figure.get_figwidth() == PAGE_WIDTH
    for ax, name in zip(figure.axes, ("nas_gate", "hidden"), strict=True):
        lines = {str(line.get_label()): line for line in ax.lines}
        rows = select(scores, name, "layer")
        rows = rows.loc[rows["source"] == PIVOT]
        for code in LANGUAGES:
            if code == PIVOT:
                assert code not in lines
                continue
            expected = rows.loc[rows["target"] == code].sort_values("layer")["value"]
            np.testing.assert_array_equal(lines[code].get_ydata(), expected)
        mean = rows.loc[rows["target"] != PIVOT].groupby("layer")["value"].mean()
        np.testing.assert_allclose(lines["mean"].get_ydata(), mean)
        assert lines["chance"].get_ydata()[0] == pytest.approx(1 / (2 * N - 1))
        assert ax.get_ylim()[1] >= rows.loc[rows["target"] != PIVOT, "value"].max()
        assert f"15 languages, n = {N}, chance 0.005" in texts(ax)
    assert "Gemma 3 · flores_200" in texts(figure)


def test_best_and_worst_languages_are_named_and_the_others_grey(scores: pd.DataFrame) -> None:
    figure = figure_layers(scores, pivot=PIVOT, site="gate")
    order = (
        pd.concat(
            layer_curves(scores, pivot=PIVOT, representation=name)
            for name in ("nas_gate", "hidden")
        )
        .groupby("language")["value"]
        .mean()
        .sort_values(ascending=False)
        .index
    )
    named = {*order[:4], *order[-4:]}
    codes = short_codes([*order, PIVOT])
    for ax in figure.axes:
        written = {found.get_text() for found in ax.texts if isinstance(found, Annotation)}
        assert {codes[code] for code in named} <= written
        grey = {str(line.get_label()) for line in ax.lines if str(line.get_color()) == "0.82"}
        assert grey == set(order) - named


def test_missing_methods_are_told(scores: pd.DataFrame) -> None:
    nas = scores.loc[scores["representation"] == "nas_gate"]
    assert len(figure_layers(nas, pivot=PIVOT, site="gate").axes) == 1
    with pytest.raises(StatisticsError, match="no scores per layer for MEXA"):
        figure_layers(nas, pivot=PIVOT, site="gate", methods=["MEXA"])
    with pytest.raises(StatisticsError, match="one model, got 2: gemma_270m, b"):
        figure_layers(pd.concat([nas, nas.assign(model="b")]), pivot=PIVOT, site="gate")


def test_plot_layers_draws_on_axes_of_ones_own(scores: pd.DataFrame) -> None:
    ax = axes()
    curves = layer_curves(scores, pivot=PIVOT, representation="nas_gate")
    assert plot_layers(curves, ax=ax) is ax
    assert "chance" not in {line.get_label() for line in ax.lines}


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], []),
        ([0.5], [0.5]),
        ([0.1, 0.5], [0.1, 0.5]),
        ([0.5, 0.5], [0.45, 0.55]),
        ([0.0, 0.0, 0.9], [0.0, 0.1, 0.9]),
        ([0.98, 1.0, 1.0], [0.8, 0.9, 1.0]),
    ],
)
def test_spread_moves_no_more_than_it_must(places: list[float], expected: list[float]) -> None:
    assert spread(places, step=0.1, low=0.0, high=1.0) == pytest.approx(expected)


def test_spread_keeps_order_distance_and_bounds() -> None:
    rng = np.random.default_rng(0)
    for count in (3, 9, 10, 30):
        places = sorted(rng.random(count))
        found = np.array(spread(places, step=0.1, low=0.0, high=1.0))
        assert (np.diff(found) >= min(0.1, 1 / (count - 1)) - 1e-9).all()
        assert found.min() >= -1e-9
        assert found.max() <= 1 + 1e-9


# Heat-map


def test_cells_are_scores_and_the_diagonal_is_masked(scores: pd.DataFrame) -> None:
    figure = figure_heatmap(make_pairs(scores), languages=LANGUAGES, site="gate")
    image = figure.axes[0].images[0].get_array()
    assert image is not None
    values = select(scores, "nas_gate", "mean").set_index(["source", "target"])["value"]
    matrix = pair_matrix(make_pairs(scores), representation="nas_gate")
    order, _ = family_order(matrix, languages=LANGUAGES)
    for (row, source), (column, target) in itertools.product(enumerate(order), repeat=2):
        if source == target:
            assert np.ma.getmaskarray(image)[row, column]
        else:
            assert image[row, column] == values[source, target]
    written = texts(figure.axes[0])
    assert {"eng", "zho_Hans", "zho_Hant"} <= set(written)
    assert f"NASCA, mean over layers: 16 languages, n = {N} sentences" in texts(figure)


def test_families_stay_together_from_best_to_worst(scores: pd.DataFrame) -> None:
    matrix = pair_matrix(make_pairs(scores), representation="nas_gate")
    order, families = family_order(matrix, languages=LANGUAGES)
    assert sorted(order) == sorted(LANGUAGES)
    runs = [
        (name, len(list(members)))
        for name, members in itertools.groupby(order, key=lambda code: LANGUAGES[code].family)
    ]
    assert runs == families
    means = {code: matrix.loc[code].drop(code).mean() for code in order}
    by_family = [
        np.mean([means[code] for code in order if LANGUAGES[code].family == name])
        for name, _ in families
    ]
    assert by_family == sorted(by_family, reverse=True)
    for name, _ in families:
        members = [means[code] for code in order if LANGUAGES[code].family == name]
        assert members == sorted(members, reverse=True)


def test_pairs_that_are_not_defined_stay_empty() -> None:
    codes = ["aaa", "bbb", "ccc"]
    matrix = pd.DataFrame(0.5, index=codes, columns=codes)
    matrix.loc["aaa", "bbb"] = np.nan
    image = plot_heatmap(matrix, ax=axes()).get_array()
    assert np.ma.getmaskarray(image).sum() == 4


def test_clusters_stand_together() -> None:
    # two groups that are aligned inside, mixed up
    codes = ["a1", "b1", "a2", "b2", "a3", "b3"]
    matrix = pd.DataFrame(
        [[0.9 if one[0] == two[0] else 0.1 for two in codes] for one in codes], codes, codes
    )
    order = cluster_order(matrix)
    assert sorted(order) == sorted(codes)
    assert len(list(itertools.groupby(order, key=lambda code: code[0]))) == 2
    matrix.loc["a1", "b1"] = np.nan
    assert sorted(cluster_order(matrix)) == sorted(codes)


def test_a_heat_map_by_clusters_has_the_same_cells(scores: pd.DataFrame) -> None:
    figure = figure_heatmap(make_pairs(scores), languages=LANGUAGES, site="gate", by="cluster")
    image = figure.axes[0].images[0].get_array()
    matrix = pair_matrix(make_pairs(scores), representation="nas_gate")
    order = cluster_order(matrix)
    expected = matrix.loc[order, order].to_numpy(copy=True)
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_array_equal(np.ma.filled(image, np.nan), expected)


@pytest.mark.parametrize("count", [5, 24, 204])
def test_no_code_is_cut_off_or_covered(count: int) -> None:
    languages = make_languages(count)
    rng = np.random.default_rng(0)
    rows = [
        ("m", "c", "e", "nas_gate", "mu", "mean", None, one, two, rng.random(), N)
        for one, two in itertools.product(languages, repeat=2)
    ]
    columns = ["model", "corpus", "extraction", "representation", "measure", "reduction", "layer",
               "source", "target", "value", "n"]  # fmt: skip
    figure = figure_heatmap(
        make_pairs(pd.DataFrame(rows, columns=columns)), languages=languages, site="gate"
    )
    with styled():
        figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    codes = set(short_codes(languages).values())
    labels = [found for found in figure.axes[0].texts if found.get_text() in codes]
    assert len(labels) == 2 * count
    # Of the text alone: an annotation's own extent includes its line.
    boxes = [Text.get_window_extent(found, renderer) for found in labels]
    page = figure.bbox
    assert all(page.x0 <= box.x0 and page.y0 <= box.y0 for box in boxes)
    assert all(box.x1 <= page.x1 and box.y1 <= page.y1 for box in boxes)
    for rotation in (0, 90):
        side = [
            box.padded(-1.0)
            for box, found in zip(boxes, labels, strict=True)
            if found.get_rotation() == rotation
        ]
        assert not any(one.overlaps(two) for one, two in itertools.combinations(side, 2))


# Scatter


def offsets(ax: Axes) -> dict[str, np.ndarray]:
    return {
        str(found.get_label()): np.asarray(found.get_offsets())
        for found in ax.collections
        if isinstance(found, PathCollection)
    }


def test_points_are_scores_and_the_pivot_is_hollow_and_outside_the_fit(
    tidy: pd.DataFrame,
) -> None:
    downstream = make_downstream(LANGUAGES)
    figure = figure_scatter(
        tidy, downstream, pivot=PIVOT, task="continent", metric="accuracy",
        languages=LANGUAGES, labels=LABELS,
    )  # fmt: skip
    y = downstream.loc[downstream["metric"] == "accuracy"].set_index("language")["value"]
    assert len(figure.axes) == 4
    for ax, name in zip(figure.axes, METHODS, strict=True):
        rows = tidy.loc[(tidy["method"] == name) & (tidy["reduction"] == "mean")]
        x = rows.set_index("language")["value"]
        drawn = offsets(ax)
        for group in ("head", "long-tail"):
            expected = {
                (x[code], y[code])
                for code, language in LANGUAGES.items()
                if code != PIVOT and language.resource_class == group
            }
            assert {tuple(point) for point in drawn[group]} == expected
        assert len(drawn["pivot"]) == 1
        hollow = next(found for found in ax.collections if found.get_label() == "pivot")
        assert len(hollow.get_facecolor()) == 0
        others = [code for code in LANGUAGES if code != PIVOT]
        xs, ys = x[others].to_numpy(), y[others].to_numpy()
        line = next(line for line in ax.lines if line.get_label() == "least squares")
        fit = np.polyfit(xs, ys, 1)
        np.testing.assert_allclose(line.get_ydata(), np.polyval(fit, line.get_xdata()))
        r = correlate(xs, ys, coefficient="pearson")
        rho = correlate(xs, ys, coefficient="spearman")
        note = f"r = {r.estimate:.2f} [{r.low:.2f}, {r.high:.2f}]\nρ = {rho.estimate:.2f}, n = 15"
        assert note in texts(ax)
        assert f"eng at (1.00, {y[PIVOT]:.2f})" in texts(ax)
        assert {"fra", "zho_Hans"} <= set(texts(ax))
        assert ax.get_ylabel() == "Continents (accuracy)"


def test_a_pivot_among_the_others_stands_at_its_place() -> None:
    data = pd.DataFrame(
        {"language": list("abcdefg"), "x": np.arange(7.0), "y": [0, 2, 1, 4, 3, 6, 5]}
    )
    ax = plot_scatter(data, ax=axes(), pivot="d")
    assert [tuple(point) for point in offsets(ax)["pivot"]] == [(3.0, 4.0)]
    assert "d" in texts(ax)


def test_the_band_is_that_of_the_mean() -> None:
    rng = np.random.default_rng(1)
    x = rng.random(12)
    y = 2 * x + rng.normal(0, 0.1, 12)
    at = np.array([0.0, x.mean(), 1.0])
    line, low, high = fit_line(x, y, at=at, confidence=0.9)
    design = np.column_stack([np.ones(12), x])
    beta = np.linalg.solve(design.T @ design, design.T @ y)
    variance = ((y - design @ beta) ** 2).sum() / 10
    new = np.column_stack([np.ones(3), at])
    error = np.sqrt(np.einsum("ij,jk,ik->i", new, np.linalg.inv(design.T @ design), new) * variance)
    np.testing.assert_allclose(line, new @ beta)
    np.testing.assert_allclose(high - line, stats.t.ppf(0.95, 10) * error)
    np.testing.assert_allclose(line - low, high - line)


def test_too_few_points_have_no_line() -> None:
    data = pd.DataFrame({"language": list("abcd"), "x": [0.0, 1, 2, 3], "y": [0.0, 1, 2, 4]})
    ax = plot_scatter(data, ax=axes())
    assert "n = 4\ntoo few for a correlation" in texts(ax)
    assert not ax.lines
    flat = pd.DataFrame({"language": list("abcdef"), "x": range(6), "y": [0.5] * 6})
    assert "n = 6\nno correlation: constant scores" in texts(plot_scatter(flat, ax=axes()))


def test_a_scatter_without_shared_languages_says_so(tidy: pd.DataFrame) -> None:
    other = make_downstream(LANGUAGES, model="another")
    figure = figure_scatter(
        tidy, other, pivot=PIVOT, task="continent", metric="accuracy", languages=LANGUAGES
    )
    assert not figure.axes
    assert "no language has both an alignment score and continent (accuracy)" in texts(figure)


# Retrieval


@pytest.mark.parametrize("at", ["mean", "peak"])
def test_bars_and_intervals_are_the_summary(scores: pd.DataFrame, at: str) -> None:
    figure = figure_retrieval(scores, pivot=PIVOT, site="gate", languages=LANGUAGES, at=at)  # type: ignore[arg-type]
    summary = retrieval_summary(scores, pivot=PIVOT, site="gate", languages=LANGUAGES, at=at)  # type: ignore[arg-type]
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["head", "long-tail"]
    for ax in figure.axes:
        rows = summary.loc[summary["group"] == ax.get_title(loc="left")].set_index(
            ["representation", "direction"]
        )
        bars = [box for box in ax.containers if hasattr(box, "patches")]
        whiskers = [box for box in ax.containers if not hasattr(box, "patches")]
        for name, bar, whisker in zip(("hidden", "nas", "nav"), bars, whiskers, strict=True):
            for index, direction in enumerate(("pivot_to_other", "other_to_pivot", "both")):
                row = rows.loc[(name, direction)]
                assert bar.patches[index].get_height() == pytest.approx(100 * row["value"])
                segment = whisker[2][0].get_segments()[index]
                assert segment[:, 1] == pytest.approx([100 * row["low"], 100 * row["high"]])
        assert [tick.get_text() for tick in ax.get_xticklabels()] == [
            "eng → xx",
            "xx → eng",
            "both (μ)",
        ]
    where = "mean over layers" if at == "mean" else "peak layer"
    assert where in figure.axes[0].get_ylabel()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    if at == "peak":
        assert all(re.fullmatch(r"(embedding|NAS|NAV) \(layer \d+\)", name) for name in names)
    else:
        assert names == ["embedding", "NAS", "NAV"]


def test_retrieval_of_one_class_has_one_panel(scores: pd.DataFrame) -> None:
    head = {code for code, language in LANGUAGES.items() if language.resource_class == "head"}
    kept = scores.loc[scores["source"].isin(head) & scores["target"].isin(head)]
    figure = figure_retrieval(kept, pivot=PIVOT, site="gate", languages=LANGUAGES)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["head"]


# Correlations


def test_correlations_drawn_are_correlations_given(tidy: pd.DataFrame) -> None:
    table = correlate_methods(tidy, make_downstream(LANGUAGES), pivot=PIVOT)
    figure = figure_correlations(table, coefficient="spearman", labels=LABELS)
    assert len(figure.axes) == 2
    kept = table.loc[
        (table["coefficient"] == "spearman")
        & (table["reduction"] == "mean")
        & ~table["pivot_included"]
    ].set_index(["method", "metric"])
    for ax in figure.axes:
        (metric,) = [text for text in texts(ax) if text in set(table["metric"])]
        for container in ax.containers:
            row = kept.loc[(str(container.get_label()), metric)]
            point, _, bars = container
            assert point.get_xdata() == pytest.approx([row["estimate"]])
            assert bars[0].get_segments()[0][:, 0] == pytest.approx([row["low"], row["high"]])
        assert "n = 15" in texts(ax)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["Gemma 3"]
    assert "without the pivot" in " ".join(texts(figure))


def test_correlations_that_are_not_defined_are_told(tidy: pd.DataFrame) -> None:
    table = correlate_methods(tidy, make_downstream(make_languages(4)), pivot=PIVOT)
    figure = figure_correlations(table)
    assert "NASCA: not defined (n = 3)" in texts(figure.axes[0])
    with pytest.raises(StatisticsError, match="no pearson correlation for the max over layers"):
        figure_correlations(table.loc[table["reduction"] == "mean"], reduction="max")


# Style and files


def test_fonts_are_embedded_and_text_is_portable(scores: pd.DataFrame, tmp_path: Path) -> None:
    figure = figure_layers(scores, pivot=PIVOT, site="gate")
    paths = save_figure(figure, tmp_path / "v1.2", formats=["svg", "pdf", "png"])
    assert [path.name for path in paths] == ["v1.2.svg", "v1.2.pdf", "v1.2.png"]
    pdf = paths[1].read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    svg = paths[0].read_text(encoding="utf-8")
    assert "<text" not in svg
    assert not re.search(r"<dc:date>|Matplotlib v\d", svg)


SAVE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.unit.synthetic import PIVOT, make_downstream, make_languages, make_pairs, make_scores
from neuronxa.alignment.methods import method_scores
from neuronxa.output.figures import figure_heatmap, figure_layers, figure_scatter
from neuronxa.output.style import save_figure
languages = make_languages(8)
scores = make_scores(languages, layers=4)
tidy = method_scores(scores, pivot=PIVOT, site="gate")
out = Path(sys.argv[1])
figures = {
    "layers": figure_layers(scores, pivot=PIVOT, site="gate"),
    "heatmap": figure_heatmap(make_pairs(scores), languages=languages, site="gate"),
    "scatter": figure_scatter(
        tidy, make_downstream(languages), pivot=PIVOT, task="continent", metric="accuracy",
        languages=languages, methods=["NASCA"],
    ),
}
for name, figure in figures.items():
    save_figure(figure, out / name, formats=["svg", "pdf", "png"])
"""


def test_files_have_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    for run, seed in (("one", "1"), ("two", "2")):
        (tmp_path / run).mkdir()
        subprocess.run(
            [sys.executable, "-c", SAVE, str(tmp_path / run), str(root)],
            check=True,
            env={
                "PYTHONPATH": str(root / "workflow"),
                "PYTHONHASHSEED": seed,
                "HOME": str(tmp_path),
            },
        )
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 9
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_drawing_leaves_matplotlibs_settings_alone(scores: pd.DataFrame) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figure_heatmap(make_pairs(scores), languages=LANGUAGES, site="gate")
    assert dict(mpl.rcParams) == before


def test_codes_are_short_where_nothing_is_lost() -> None:
    assert short_codes(["swh_Latn", "zho_Hans", "zho_Hant", "spa_Latn", "spa_Latn_419"]) == {
        "swh_Latn": "swh",
        "zho_Hans": "zho_Hans",
        "zho_Hant": "zho_Hant",
        "spa_Latn": "spa_Latn",
        "spa_Latn_419": "spa_Latn_419",
    }


def make_consistency(codes):
    """RankC of every pair, falling with the distance of the two in the list."""
    columns = ["model", "task", "source", "target", "metric", "value", "n", "chance"]
    rows = [
        ("m", "t", a, b, "rankc", 0.9 - 0.1 * (codes.index(b) - codes.index(a)), 100, 0.158)
        for a, b in itertools.combinations(codes, 2)
    ]
    return pd.DataFrame(rows, columns=columns)


def test_consistency_is_drawn_in_both_halves_of_the_square():
    pairs = make_consistency(sorted(LANGUAGES)[:6])
    labels = Labels(models={"m": "Model"}, tasks={"t": "BMLAMA"})
    figure = figure_consistency(pairs, languages=LANGUAGES, labels=labels)
    drawn = figure.axes[0].get_images()[0].get_array()
    order, _ = family_order(symmetric_matrix(pairs), languages=LANGUAGES)
    values = pairs.set_index(["source", "target"])["value"]
    for (i, a), (j, b) in itertools.permutations(enumerate(order), 2):
        assert drawn[i, j] == values[min(a, b), max(a, b)]
    assert drawn.mask.sum() == 6
    texts = [text.get_text() for text in figure.texts]
    assert texts == ["Model · BMLAMA", "RankC: 6 languages, n = 100 items, chance 0.158"]


def test_consistency_without_pairs_is_refused():
    pairs = make_consistency(sorted(LANGUAGES)[:3]).assign(value=np.nan)
    with pytest.raises(StatisticsError, match="a heat-map needs pairs of languages"):
        figure_consistency(pairs, languages=LANGUAGES)
