"""Tables: the same numbers in every file, escaped and marked."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuronxa.alignment.methods import method_scores
from neuronxa.errors import StatisticsError
from neuronxa.output.labels import Labels
from neuronxa.output.tables import (
    Table,
    correlation_table,
    downstream_table,
    language_table,
    retrieval_table,
    scores_table,
    write_table,
)
from neuronxa.statistics import correlate_methods, mean_interval

from .synthetic import PIVOT, make_downstream, make_languages, make_scores

LANGUAGES = make_languages(9)
FRAME = pd.DataFrame(
    {
        "model": ["a_b & c%", "x|y*", "z", "z"],
        "score": [0.12345678901234567, -0.5, 0.1234999, np.nan],
        "score_low": [0.1, -0.75, np.nan, np.nan],
        "score_high": [0.2, -0.25, np.nan, np.nan],
        "n": [100, 99, 3, 1],
    }
)


def read(paths: list[Path]) -> dict[str, str]:
    return {path.suffix: path.read_text(encoding="utf-8") for path in paths}


def markdown_rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def latex_rows(text: str) -> list[list[str]]:
    body = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    rows = [line.removesuffix(r"\\").strip() for line in body.strip().splitlines()]
    return [[cell.strip() for cell in re.split(r"(?<!\\)&", row)] for row in rows]


def test_csv_keeps_full_precision(tmp_path: Path) -> None:
    paths = write_table(FRAME, tmp_path / "t", caption="c", label="tab:t", formats=["csv"])
    pd.testing.assert_frame_equal(pd.read_csv(paths[0]), FRAME, check_exact=True)


def test_names_and_captions_are_escaped(tmp_path: Path) -> None:
    files = read(write_table(FRAME, tmp_path / "v1.2", caption="100% of a_b → c", label="tab:t_1"))
    names = [f"v1.2.{ending}" for ending in ("csv", "html", "md", "tex")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert r"\caption{100\% of a\_b $\rightarrow$ c}" in files[".tex"]
    assert r"\label{tab:t_1}" in files[".tex"]
    assert [row[0] for row in latex_rows(files[".tex"])] == [r"a\_b \& c\%", "x|y*", "z", "z"]
    assert [row[0] for row in markdown_rows(files[".md"])[2:]] == [
        "a_b & c%",
        r"x\|y\*",
        "z",
        "z",
    ]
    assert files[".md"].startswith("100% of a_b → c\n")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("\\{}", r"\textbackslash{}\{\}"), ("$#~^", r"\$\#\textasciitilde{}\textasciicircum{}")],
)
def test_every_special_letter_of_latex(tmp_path: Path, text: str, escaped: str) -> None:
    files = read(write_table(pd.DataFrame({"a": [text]}), tmp_path / "t", caption="c", label="l"))
    assert latex_rows(files[".tex"]) == [[escaped]]


def test_intervals_stand_in_brackets_and_missing_values_are_dashes(tmp_path: Path) -> None:
    table = Table(FRAME, headers={"score": "μ"}, decimals=2)
    files = read(write_table(table, tmp_path / "t", caption="c", label="l"))
    rows = markdown_rows(files[".md"])
    assert rows[0] == ["model", "μ", "n"]
    assert [row[1] for row in rows[2:]] == [
        "0.12 [0.10, 0.20]",
        "−0.50 [−0.75, −0.25]",
        "0.12",
        "–",
    ]
    assert [row[1] for row in latex_rows(files[".tex"])] == [
        "0.12 [0.10, 0.20]",
        "$-$0.50 [$-$0.75, $-$0.25]",
        "0.12",
        "--",
    ]
    assert r"\begin{tabular}{lrr}" in files[".tex"]
    assert all(f"\\{rule}rule" in files[".tex"] for rule in ("top", "mid", "bottom"))


def test_the_best_of_each_group_is_bold_and_ties_share_it(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"group": ["a", "a", "a", "b", "b", "c"], "x": [0.1234, 0.12341, 0.1, 0.2, 0.3, 0.9]}
    )
    table = Table(frame, decimals=3, best=["x"], within=["group"])
    files = read(write_table(table, tmp_path / "t", caption="c", label="l"))
    marks = ["**0.123**", "**0.123**", "0.100", "0.200", "**0.300**", "0.900"]
    assert [row[1] for row in markdown_rows(files[".md"])[2:]] == marks
    latex = [re.sub(r"\*\*(.+)\*\*", r"\\textbf{\1}", mark) for mark in marks]
    assert [row[1] for row in latex_rows(files[".tex"])] == latex


def test_a_rounded_zero_has_no_sign(tmp_path: Path) -> None:
    files = read(
        write_table(pd.DataFrame({"x": [-0.0001]}), tmp_path / "t", caption="c", label="l")
    )
    assert markdown_rows(files[".md"])[2] == ["0.000"]


def test_long_tables_break_over_pages(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 60)})
    files = read(write_table(frame, tmp_path / "t", caption="c", label="l"))
    assert r"\begin{longtable}" in files[".tex"]
    assert files[".tex"].startswith(r"% Needs \usepackage{booktabs,longtable}")


@pytest.mark.parametrize(
    ("letters", "rows", "environment", "packages"),
    [
        (3, 3, r"\begin{table}[t]", "booktabs"),
        (30, 3, r"\begin{table*}[t]", "booktabs"),
        (48, 3, r"\begin{sidewaystable*}", "booktabs,rotating"),
        (48, 40, r"\begin{landscape}", "booktabs,longtable,pdflscape"),
        (30, 50, r"\begingroup", "booktabs,longtable"),
    ],
)
def test_a_latex_table_stands_where_it_fits(tmp_path, letters, rows, environment, packages):
    frame = pd.DataFrame({name: [f"{i}{name * letters}" for i in range(rows)] for name in "abc"})
    text = read(write_table(frame, tmp_path / "t", caption="c", label="l"))[".tex"]
    assert environment in text
    assert text.startswith(rf"% Needs \usepackage{{{packages}}}")
    assert "% Wider" not in text


def test_columns_that_say_the_same_in_all_rows_go_into_the_caption(tmp_path):
    frame = pd.DataFrame({"model": ["a_b"] * 2, "score": [0.5, 0.5], "language": ["x", "y"]})
    text = read(write_table(frame, tmp_path / "t", caption="Scores.", label="l"))[".tex"]
    assert r"\caption{Scores. In all rows: model a\_b.}" in text
    assert r"\begin{tabular}{rl}" in text


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StatisticsError, match="the table 'tab:none' has no rows"):
        write_table(FRAME.iloc[:0], tmp_path / "t", caption="c", label="tab:none")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return make_scores(LANGUAGES, layers=6)


def test_scores_table_by_hand(scores: pd.DataFrame) -> None:
    labels = Labels(models={"gemma_270m": "Gemma 3"})
    table = scores_table(scores, pivot=PIVOT, site="gate", languages=LANGUAGES, labels=labels)
    row = table.frame.set_index("method").loc["NAVCA"]
    values = {
        found.target: found.value
        for found in scores.itertuples()
        if (found.representation, found.measure, found.reduction) == ("nav_gate", "mu", "mean")
        and found.source == PIVOT
        and found.target != PIVOT
    }
    head = [v for code, v in values.items() if LANGUAGES[code].resource_class == "head"]
    tail = [v for code, v in values.items() if LANGUAGES[code].resource_class == "long-tail"]
    interval = mean_interval(list(values.values()))
    assert row["model"] == "Gemma 3"
    assert row["mean"] == pytest.approx(np.mean(list(values.values())))
    assert (row["mean_low"], row["mean_high"]) == pytest.approx((interval.low, interval.high))
    assert row["head"] == pytest.approx(np.mean(head))
    assert row["long_tail"] == pytest.approx(np.mean(tail))
    assert row["best_value"] == max(values.values())
    assert row["worst_value"] == min(values.values())
    assert row["languages"] == 8
    assert list(table.frame["method"]) == ["NASCA", "NAVCA", "MEXA", "MEXA-last"]


def test_language_table_has_a_row_per_language(scores: pd.DataFrame) -> None:
    tidy = method_scores(scores, pivot=PIVOT, site="gate")
    frame = language_table(tidy, languages=LANGUAGES).frame.set_index("code")
    assert frame.index[0] == PIVOT
    assert set(frame.index) == set(LANGUAGES)
    expected = tidy.loc[(tidy["reduction"] == "mean") & (tidy["method"] == "MEXA")].set_index(
        "language"
    )["value"]
    assert frame["MEXA"].to_dict() == expected.to_dict()
    with pytest.raises(StatisticsError, match="expected scores of one model, got 2"):
        language_table(pd.concat([tidy, tidy.assign(model="b")]), languages=LANGUAGES)


def test_retrieval_table_has_both_readings_of_both(scores: pd.DataFrame, tmp_path: Path) -> None:
    table = retrieval_table(scores, pivot=PIVOT, site="gate", languages=LANGUAGES)
    frame = table.frame
    assert list(frame["representation"][:3]) == ["embedding", "NAS", "NAV"]
    assert set(frame["group"]) == {"all", "head", "long-tail"}
    mean = (frame["pivot_to_other"] + frame["other_to_pivot"]) / 2
    np.testing.assert_allclose(frame["mean"], mean)
    assert (frame["both"] < frame["mean"]).all()
    files = read(write_table(table, tmp_path / "t", caption="c", label="l"))
    assert r"eng $\rightarrow$ xx" in files[".tex"]
    assert markdown_rows(files[".md"])[0][6:10] == [
        "eng → xx",
        "xx → eng",
        "mean of both",
        "both hold (μ)",
    ]


def test_correlation_table_prints_p_and_keeps_it(scores: pd.DataFrame, tmp_path: Path) -> None:
    tidy = method_scores(scores, pivot=PIVOT, site="gate")
    found = correlate_methods(tidy, make_downstream(LANGUAGES), pivot=PIVOT)
    table = correlation_table(found, coefficient="pearson")
    assert table.frame["pivot"].tolist() == ["without"] * 16 + ["with"] * 16
    files = read(write_table(table, tmp_path / "t", caption="c", label="l"))
    csv = pd.read_csv(tmp_path / "t.csv")
    pearson = found.loc[found["coefficient"] == "pearson"]
    kept = pd.concat([pearson[~pearson["pivot_included"]], pearson[pearson["pivot_included"]]])
    np.testing.assert_array_equal(csv["p"], kept["p"])
    rows = markdown_rows(files[".md"])
    p = [row[rows[0].index("p")] for row in rows[2:]]
    assert p == ["< 0.001" if x < 0.001 else f"{x:.3f}" for x in kept["p"]]
    assert "message" not in rows[0]


def test_correlation_table_says_why_a_row_is_not_defined(scores: pd.DataFrame) -> None:
    tidy = method_scores(scores, pivot=PIVOT, site="gate")
    few = make_downstream(make_languages(4))
    table = correlation_table(correlate_methods(tidy, few, pivot=PIVOT))
    assert table.frame["message"].str.contains("at least 5 are needed").all()


def test_downstream_table_names_languages() -> None:
    downstream = make_downstream(LANGUAGES)
    frame = downstream_table(downstream, languages=LANGUAGES).frame
    assert len(frame) == len(downstream)
    values = downstream.set_index(["metric", "language"])["value"].to_dict()
    for row in frame.itertuples():
        assert row.value == values[row.metric, row.code]
        assert row.language == LANGUAGES[str(row.code)].name


def test_html_is_a_page_of_its_own_with_the_same_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"model": ["a<b", "c&d"], "score": [0.12345, 0.5]})
    table = Table(frame, headers={"score": "Score"}, best=["score"])
    write_table(table, tmp_path / "t", caption="A & B", label="tab:t")
    page = (tmp_path / "t.html").read_text("utf-8")
    cells = [html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", page)]
    assert cells == ["a<b", "0.123", "c&d", "<b>0.500</b>"]
    assert "A &amp; B" in page
    assert "http" not in page
