"""The results page: what it says, that its links lead somewhere, and what a browser makes of it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pytest

from neuronxa.alignment.methods import METHODS
from neuronxa.languages import Languages
from neuronxa.output.labels import Labels
from neuronxa.output.site import Results, Run, Shown, caption_of, write_site
from neuronxa.output.site.plots import embedded

PIVOT = "eng_Latn"
CODES = [PIVOT, "deu_Latn", "swh_Latn", "hin_Deva", "zul_Latn"]
EVIL = "</script><b>&amp; Co"


def run_of(model, codes, rng):
    """A run of made-up scores, mean and two layers, with the columns of the real frames."""
    rows, pairs = [], []
    about = {"model": model, "corpus": "c", "extraction": "default"}
    for method in METHODS.values():
        representation = method.at("gate")
        for code in codes:
            for reduction in ("mean", "max", "0", "1"):
                value = 1.0 if code == PIVOT else float(rng.random())
                rows.append(
                    {
                        **about,
                        "source": PIVOT,
                        "target": code,
                        "representation": representation,
                        "measure": "mu",
                        "reduction": "layer" if reduction in "01" else reduction,
                        "layer": int(reduction) if reduction in "01" else pd.NA,
                        "value": value,
                        "low": value - 0.1,
                        "high": value + 0.1,
                        "n": 100,
                    }
                )
        pairs += [
            {
                **about,
                "source": one,
                "target": other,
                "representation": representation,
                "reduction": "mean",
                "mu": float(rng.random()),
            }
            for one in codes
            for other in codes
        ]
    return Run(pd.DataFrame(rows), pd.DataFrame(pairs), site="gate")


@pytest.fixture(scope="module")
def languages(repository):
    return Languages.read(repository / "config/languages.tsv")


def results_of(languages, *, models=("m-1", "m-2"), codes=CODES):
    rng = np.random.default_rng(0)
    runs = [run_of(model, codes, rng) for model in models]
    downstream = pd.DataFrame(
        {
            "model": models[0],
            "task": "quiz",
            "language": codes[:3],
            "metric": "accuracy",
            "value": [0.9, 0.5, 0.25],
            "low": [0.8, 0.4, np.nan],
            "high": [1.0, 0.6, np.nan],
        }
    )
    predictions = pd.DataFrame(
        {
            "model": models[0],
            "corpus": "c",
            "extraction": "default",
            "method": ["NASCA", "NASCA", "MEXA"],
            "reduction": "mean",
            "task": "quiz",
            "metric": "accuracy",
            "language": [codes[3], codes[4], codes[3]],
            "predicted": [0.41, 0.77, 0.99],
            "low": 0.3,
            "high": 0.8,
            "useful": [True, False, True],
        }
    )
    labels = Labels(models={models[0]: f"Model {EVIL}"}, tasks={"quiz": "Quiz"})
    return Results(runs, languages, PIVOT, downstream, predictions, labels)


@pytest.fixture(scope="module")
def site(tmp_path_factory, languages):
    folder = tmp_path_factory.mktemp("run")
    for path, text in {
        "tables/scores.html": "<p>x</p><table><tr><td>0.5</td></tr></table>",
        "tables/scores.csv": "a\n0.5\n",
        "tables/m-1/c/default/languages.html": "<table></table>",
        "tables/m-1/c/default/languages.tex": "x",
        "figures/claim.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "figures/claim.pdf": "%PDF",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    tables, figures = folder / "tables", folder / "figures"
    write_site(
        results_of(languages),
        folder / "site",
        tables=[
            Shown(tables / "scores.html", tables, "All **scores**."),
            Shown(tables / "m-1/c/default/languages.html", tables),
        ],
        figures=[Shown(figures / "claim.svg", figures)],
        methods="Title\n=====\n\nText.\n\nMethod\n------\n\nMore.",
    )
    shutil.rmtree(tables)  # the folder of the site can be sent away
    shutil.rmtree(figures)
    return folder / "site"


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def pages(site):
    return sorted(site.rglob("*.html"))


def table_in(path):
    found = re.search(
        r'<section class="board".*?<script[^>]*>(.*?)</script>', path.read_text(), re.S
    )
    return json.loads(found.group(1))


def column(table, name):
    at = [one["name"] for one in table["columns"]].index(name)
    return [row[at] for row in table["rows"]]


def test_the_leaderboard_says_what_the_frames_say(site, languages):
    results = results_of(languages)
    table = table_in(site / "index.html")
    assert len(table["rows"]) == 10
    shown = {
        (model[1], code): value
        for model, code, value in zip(
            column(table, "model"), column(table, "language"), column(table, "NASCA"), strict=True
        )
    }
    for run in results.runs:
        scores = run.scores
        for code in CODES:
            (row,) = scores.loc[
                (scores["representation"] == "nas_gate")
                & (scores["reduction"] == "mean")
                & (scores["target"] == code)
            ].to_dict("records")
            expected = [round(row[name], 3) for name in ("value", "low", "high")]
            assert shown[run.key[0], code] == expected
    # the pivot comes last: it is aligned with itself by definition
    assert column(table, "language")[-2:] == [PIVOT, PIVOT]


def test_measured_and_useful_predicted_scores_stand_beside(site):
    table = table_in(site / "index.html")
    rows = {
        (model[1], code): (measured, predicted)
        for model, code, measured, predicted in zip(
            column(table, "model"),
            column(table, "language"),
            column(table, "quiz:accuracy"),
            column(table, "quiz:accuracy:predicted"),
            strict=True,
        )
    }
    assert rows["m-1", "deu_Latn"] == ([0.5, 0.4, 0.6], None)
    assert rows["m-1", "swh_Latn"] == ([0.25], None)
    assert rows["m-1", "hin_Deva"] == (None, [0.41, 0.3, 0.8])
    assert rows["m-1", "zul_Latn"] == (None, None), "no line predicts there better than the mean"
    assert rows["m-2", "deu_Latn"] == (None, None)


class Links(HTMLParser):
    """The addresses and the identifiers of a page."""

    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values[name] for name in ("href", "src") if values.get(name)]
        if values.get("id"):
            self.ids.add(values["id"])


def test_every_link_leads_to_a_file_of_the_site_and_none_away(site):
    seen = 0
    for page in pages(site):
        parser = Links()
        parser.feed(page.read_text("utf-8"))
        for link in parser.links:
            if link == "data:,":
                continue
            parts = urlsplit(link)
            assert not parts.scheme and not parts.netloc, (page, link)
            if parts.path:
                assert (page.parent / unquote(parts.path)).is_file(), (page, link)
            else:
                assert parts.fragment in parser.ids
            seen += 1
        for table in re.findall(r'"columns":.*', page.read_text("utf-8")):
            assert table
        if 'class="board"' in page.read_text("utf-8"):
            content = table_in(page)
            for at, one in enumerate(content["columns"]):
                for row in content["rows"]:
                    if "link" in one:
                        assert (page.parent / f"{one['link']}{row[at][1]}.html").is_file()
    assert seen > 100


def test_there_is_a_page_per_model_and_language_with_its_plots(site):
    assert {path.stem for path in (site / "models").iterdir()} == {"m-1", "m-2"}
    assert {path.stem for path in (site / "languages").iterdir()} == set(CODES)
    text = (site / "models/m-1.html").read_text("utf-8")
    plots = [json.loads(found) for found in re.findall(r'json">(\{"data".*?)</script>', text)]
    assert len(plots) == len(METHODS) + 1
    *curves, heat = plots
    assert {trace["name"] for trace in curves[0]["data"]} >= {"German", "Zulu", "mean"}
    colours = [
        {trace["name"]: trace["line"]["color"] for trace in curve["data"]} for curve in curves
    ]
    assert all(one == colours[0] for one in colours), "a language keeps its colour"
    assert heat["data"][0]["z"][0][0] is None, "the diagonal is 1 by definition"
    assert len(heat["data"][0]["z"]) == len(CODES)


def test_texts_cannot_become_markup(site):
    for page in pages(site):
        assert EVIL not in page.read_text("utf-8")
    table = table_in(site / "index.html")
    assert f"Model {EVIL}" in {model[0] for model in column(table, "model")}
    assert html.escape(f"Model {EVIL}") in (site / "index.html").read_text("utf-8")
    assert json.loads(embedded(EVIL)) == EVIL
    with pytest.raises(ValueError, match="not JSON compliant"):
        embedded(float("nan"))


def test_writing_again_gives_the_same_bytes_and_removes_what_is_old(site, tmp_path, languages):
    for name in ("a", "b"):
        write_site(results_of(languages), tmp_path / name)
    (tmp_path / "b/models/gone.html").write_text("old")
    write_site(results_of(languages), tmp_path / "b")
    one, other = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in (tmp_path / "a", tmp_path / "b")
    )
    assert one == other


@pytest.mark.parametrize(
    ("path", "ending", "words"),
    [
        ("tables/scores.html", "_table", "of every model"),
        ("figures/m/c/default/layer_curves.svg", "", "**m**"),
        ("figures/m/c/default/scatter.quiz.accuracy.svg", "", "**quiz**"),
        ("figures/nothing.svg", "", ""),
    ],
)
def test_captions_are_those_of_the_report(tmp_path, repository, path, ending, words):
    below = tmp_path / path.split("/")[0]
    caption = caption_of(tmp_path / path, below, repository / "workflow/report", ending=ending)
    assert words in caption
    assert "****" not in caption
    assert bool(caption) == bool(words)


# -- in a browser --------------------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
browser = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")


def visit(address, folder, *options):
    """The page after its scripts have run, and what the console said."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", *quiet]
    command += [
        f"--user-data-dir={folder}",
        "--enable-logging=stderr",
        "--virtual-time-budget=9000",
    ]
    done = subprocess.run(
        [*command, *options, "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def rows_of(dom):
    body = re.search(r"<tbody>(.*?)</tbody>", dom, re.S).group(1)
    return [re.findall(r"<td.*?>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]


@browser
def test_a_browser_sorts_and_searches_by_the_address(site, tmp_path):
    address = f"{(site / 'index.html').as_uri()}#q=latn&sort=MEXA&down=1"
    dom, console = visit(address, tmp_path)
    assert not console
    rows = rows_of(dom)
    table = table_in(site / "index.html")
    at = [one["name"] for one in table["columns"]].index("MEXA")
    values = [float(row[at].split()[0]) for row in rows]
    expected = [
        value[0]
        for code, value in zip(column(table, "language"), column(table, "MEXA"), strict=True)
        if code.endswith("Latn")
    ]
    assert values == sorted(expected, reverse=True)
    assert 'aria-sort="descending"' in dom
    assert "1 to 8 of 8 rows" in dom


@browser
@pytest.mark.parametrize("page", ["models/m-1.html", "languages/deu_Latn.html"])
def test_a_browser_draws_the_plots(site, tmp_path, page):
    dom, console = visit((site / page).as_uri(), tmp_path, "--window-size=1200,6000")
    assert not console
    plots = (site / page).read_text("utf-8").count('<div class="plot"')
    assert plots == (len(METHODS) + 1 if page.startswith("models") else 1)
    assert dom.count("js-plotly-plot") == plots
    assert "Model &lt;/script&gt;" in dom


@browser
def test_twenty_models_and_all_languages_open_at_once(tmp_path, languages):
    codes = sorted(languages)[:204]
    codes = [PIVOT, *(code for code in codes if code != PIVOT)]
    models = tuple(f"model-{number}" for number in range(20))
    write_site(results_of(languages, models=models, codes=codes), tmp_path / "site")
    index = tmp_path / "site/index.html"
    assert index.stat().st_size < 3e6
    dom, console = visit(index.as_uri(), tmp_path / "chromium")
    assert not console
    assert f"1 to 100 of {20 * len(codes)} rows" in dom
