"""Published numbers: whether the sheet agrees with itself, and ours beside them."""

from __future__ import annotations

import itertools
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuronxa.config import load_settings
from neuronxa.config.published import MEAN, PublishedRow, read_published
from neuronxa.config.rows import CorpusRow, ModelRow, TaskRow
from neuronxa.errors import ConfigError
from neuronxa.output.labels import Labels
from neuronxa.output.tables import published_table
from neuronxa.sheets import read_sheet
from neuronxa.statistics.correlation import COLUMNS as CORRELATIONS
from neuronxa.statistics.published import Run, compare_published

MEXA_MODELS = 9


@pytest.fixture(scope="module")
def sheet(repository):
    return pd.DataFrame(
        row.model_dump() for row in read_published(repository / "config/published.tsv")
    )


def decimals(value: float, places: int = 4) -> float:
    """Rounded half up, as papers round."""
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return float(exact)


def value(sheet: pd.DataFrame, **cells: str) -> float:
    kept = sheet
    for column, wanted in cells.items():
        kept = kept[kept[column] == wanted]
    assert len(kept) == 1, cells
    return float(kept["value"].iloc[0])


def test_every_row_of_mexas_table_6_has_the_mean_of_its_nine_models(sheet):
    table = sheet[(sheet["paper"] == "MEXA") & (sheet["table"] == "Table 6")]
    keys = ["corpus", "pooling", "reduction", "task"]
    rows = list(table.groupby(keys))
    assert len(rows) == 24
    for key, row in rows:
        mean = row.loc[row["model"] == MEAN, "value"]
        models = row.loc[row["model"] != MEAN, "value"]
        assert len(mean) == 1
        assert len(models) == MEXA_MODELS
        # each cell is rounded, so the last digit may differ by one
        assert abs(sum(models) / MEXA_MODELS - mean.item()) < 1.01e-4, key


def test_every_row_of_mexas_table_1_has_the_mean_of_its_nine_models(sheet):
    table = sheet[(sheet["paper"] == "MEXA") & (sheet["table"] == "Table 1")]
    rows = list(table.groupby(["quantity", "corpus", "languages", "reduction", "task"]))
    assert len(rows) == 10
    for key, row in rows:
        models = row.loc[row["model"] != MEAN, "value"]
        assert len(models) == MEXA_MODELS
        mean = row.loc[row["model"] == MEAN, "value"].item()
        assert abs(sum(models) / MEXA_MODELS - mean) < 1.01e-4, key


@pytest.mark.parametrize(("corpus", "published"), [("flores-200", 0.93), ("bible", 0.8779)])
def test_mexas_default_is_the_mean_of_the_three_tasks(sheet, corpus, published):
    parts = [
        value(
            sheet,
            table="Table 6",
            model=MEAN,
            corpus=corpus,
            pooling="weighted",
            reduction="mean",
            task=task,
        )
        for task in ("belebele", "m-mmlu", "m-arc")
    ]
    default = value(sheet, table="Table 6, default", corpus=corpus)
    assert default == published
    assert decimals(round(sum(parts) / 3, 8)) == default
    assert value(sheet, table="text, overall") == 0.9


@pytest.mark.parametrize(
    ("method", "xnli", "bmlama", "mean"),
    [
        ("MEXA", 0.8370, 0.7463, 0.7917),
        ("NASCA", 0.9326, 0.7701, 0.8514),
        ("NAVCA", 0.8937, 0.8065, 0.8501),
    ],
)
def test_the_headline_of_neuronxa_is_the_mean_of_two_correlations(
    sheet, method, xnli, bmlama, mean
):
    cells = {"paper": "NeuronXA", "table": "correlations", "method": method}
    assert value(sheet, **cells, task="xnli") == xnli
    assert value(sheet, **cells, task="bmlama-53") == bmlama
    assert decimals(round((xnli + bmlama) / 2, 8)) == mean
    assert value(sheet, table="correlations, mean", method=method) == mean


def test_the_two_abstracts_of_neuronxa_differ_and_one_of_them_is_the_mean(sheet):
    arxiv = value(sheet, table="abstract, arXiv")
    assert arxiv == value(sheet, table="correlations, mean", method="NASCA") == 0.8514
    assert value(sheet, table="abstract, ACL Anthology") == 0.8524
    assert value(sheet, table="abstract") == 0.9556


def test_the_gain_in_retrieval_is_the_difference_of_its_cells(sheet):
    cells = {"table": "retrieval", "corpus": "tatoeba", "languages": "head"}
    gain = value(sheet, **cells, method="NAS") - value(sheet, **cells, method="embedding")
    assert value(sheet, table="retrieval, gain") == pytest.approx(gain, abs=1e-9)


def test_nothing_second_hand_is_called_read(sheet):
    second_hand = sheet["source"].str.contains("third-party|leaderboard")
    assert not (second_hand & (sheet["certainty"] == "read")).any()
    own = sheet[sheet["certainty"] == "read"]
    assert set(own["paper"]) == {"NeuronXA", "MEXA"}
    assert own["source"].str.contains("arXiv 2507.14900|arXiv 2410.05873").all()
    assert (sheet.loc[sheet["table"] == "best of all cells", "certainty"] == "secondary").all()


def test_models_corpora_and_tasks_are_those_of_the_sheets(sheet, repository):
    config = repository / "config"
    models = read_sheet(config / "models.tsv", ModelRow, key="model")
    tasks = read_sheet(config / "tasks.tsv", TaskRow, key="task")
    corpora = read_sheet(config / "corpora.tsv", CorpusRow, key="corpus")
    assert set(sheet["model"]) - {MEAN} <= set(models)
    assert set(sheet["task"]) - {"", "benchmarks", "transfer"} <= set(tasks)
    assert set(sheet["corpus"]) - {"", "bible"} <= set(corpora)


HEADER = "paper\ttable\tquantity\tmodel\ttask\tmetric\tvalue\tcertainty\tsource"


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ("P\t1\tcorrelation\tmean\tt\tpearson\t1.2\tread\tS", ["line 2", "1.2", "-1 and 1"]),
        ("P\t1\taccuracy\tmean\tt\tacc\t-0.2\tread\tS", ["between 0 and 1"]),
        ("P\t1\tretrieval\tmean\tt\tacc\t83.78\tread\tS", ["divide percentages by 100"]),
        ("P\t1\taccuracy\tmean\tt\tacc\tnan\tread\tS", ["'value'", "finite"]),
        ("P\t1\tspeed\tmean\tt\tacc\t0.2\tread\tS", ["'quantity' = 'speed'", "'retrieval'"]),
        ("P\t1\taccuracy\tmean\tt\tacc\t0.2\tsure\tS", ["'certainty' = 'sure'", "'derived'"]),
        ("P\t1\taccuracy\tmean\tt\tacc\t0.2\tread\t", ["'source' is missing"]),
        (
            "P\t1\taccuracy\tmean\tt\tacc\t0.2\tread\tS\nP\t1\taccuracy\t\tt\tacc\t0.3\tread\tS",
            ["line 3", "cell 'P, 1, accuracy, mean, all, t, acc' is already used"],
        ),
    ],
)
def test_faults_of_the_sheet(tmp_path: Path, row: str, texts: list[str]) -> None:
    path = tmp_path / "published.tsv"
    path.write_text(f"{HEADER}\n{row}\n", "utf-8")
    with pytest.raises(ConfigError) as error:
        read_published(path)
    for text in [str(path), *texts]:
        assert text in str(error.value)


def test_a_bad_sheet_is_refused_before_anything_runs(tmp_path, repository, monkeypatch):
    monkeypatch.chdir(repository)
    config = {
        "models": ["gemma-3-270m"],
        "languages": ["eng_Latn", "deu_Latn"],
        "corpora": ["interface"],
    }
    load_settings({**config, "sheets": {"published": None}})
    with pytest.raises(ConfigError, match="the sheet does not exist"):
        load_settings({**config, "sheets": {"published": tmp_path / "none.tsv"}})


# --- ours beside them -------------------------------------------------------------------------

MODELS = ("a", "b")
RNG = np.random.default_rng(0)
LANGUAGES = ("eng_Latn", "deu_Latn", "fra_Latn", "swh_Latn")


def paper(**cells) -> PublishedRow:
    given = {
        "paper": "P",
        "table": "1",
        "metric": "pearson",
        "value": 0.5,
        "certainty": "read",
        "source": "S",
    }
    return PublishedRow(**(given | cells))


def correlations(estimates: dict[tuple[str, str, str, str], float], corpus: str) -> pd.DataFrame:
    """Rows by (model, method, task, metric); the pivot is left out."""
    rows = []
    for (model, method, task, metric), estimate in estimates.items():
        for included in (False, True):
            shown = estimate + 0.1 * included
            names = (*CORRELATIONS[:8], "coefficient", "estimate", "low", "high", "n")
            run = (model, corpus, "default", method, "mean", task, metric, included)
            values = (*run, "pearson", shown, shown - 0.05, shown + 0.04, 23)
            rows.append(dict(zip(names, values, strict=True)))
    return pd.DataFrame(rows, columns=list(CORRELATIONS))


def make_run(corpus: str = "flores-200", n: int = 100, **changes) -> Run:
    methods = pd.DataFrame(
        [
            (model, corpus, "default", method, reduction, language, value, 0.0, 1.0, n)
            for model, base in zip(MODELS, (0.2, 0.4), strict=True)
            for method in ("NASCA", "MEXA", "MEXA-last")
            for reduction in ("mean", "max")
            for language, value in zip(
                LANGUAGES, (1.0, base, base + 0.1, base + 0.05 * (reduction == "max")), strict=True
            )
        ],
        columns=[
            *("model", "corpus", "extraction", "method", "reduction"),
            *("language", "value", "low", "high", "n"),
        ],
    )
    retrieval = pd.DataFrame(
        [
            (model, corpus, "default", name, "head", direction, 0.6, 0.5, 0.7, 3, n)
            for model in MODELS
            for name in ("nas", "hidden")
            for direction in ("pivot_to_other", "mean", "both")
        ],
        columns=[
            *("model", "corpus", "extraction", "representation", "group", "direction"),
            *("value", "low", "high", "n_languages", "n"),
        ],
    )
    estimates = {
        (model, "NASCA", task, metric): value
        for model, first in zip(MODELS, (0.8, 0.9), strict=True)
        for task, metric, value in (
            ("xnli", "accuracy", first),
            ("xnli", "ratio", 0.1),
            ("bm", "rankc", first - 0.2),
            ("bm", "accuracy", 0.1),
        )
    }
    downstream = pd.DataFrame(
        [
            (model, "xnli", language, "accuracy", value, 0.3, 0.9)
            for model, first in zip(MODELS, (0.5, 0.6), strict=True)
            for language, value in zip(LANGUAGES, (0.9, first, first + 0.1, first), strict=True)
        ],
        columns=["model", "task", "language", "metric", "value", "low", "high"],
    )
    parts = {
        "pivot": "eng_Latn",
        "methods": methods,
        "retrieval": retrieval,
        "correlations": correlations(estimates, corpus),
        "downstream": downstream,
        "benchmarks": {"xnli": "xnli", "bm": "bmlama-53"},
        "poolings": {"default": "weighted"},
    }
    return Run(**(parts | changes))


def only(rows: list[PublishedRow], run: Run) -> dict:
    (found,) = compare_published(rows, run).to_dict("records")
    return found


NASCA = {"method": "NASCA", "pooling": "weighted", "reduction": "mean"}


def test_our_correlation_is_the_mean_over_models_without_the_pivot():
    row = paper(quantity="correlation", corpus="flores-200", task="xnli", **NASCA)
    found = only([row], make_run())
    assert found["published"] == 0.5
    assert found["ours"] == pytest.approx(0.85)
    half = stats.t.ppf(0.975, 1) * np.std([0.8, 0.9], ddof=1) / np.sqrt(2)
    # no coefficient is above 1
    assert (found["ours_low"], found["ours_high"]) == pytest.approx((0.85 - half, 1.0))
    assert (found["our_models"], found["our_languages"]) == (2, 23)
    assert found["our_reading"] == "xnli, accuracy"
    assert found["differs"] == "models (the paper's are not known)"


def test_of_bmlama_the_consistency_is_correlated():
    row = paper(quantity="correlation", task="bmlama-53", **NASCA)
    found = only([row], make_run())
    assert found["ours"] == pytest.approx(0.65)
    assert found["our_reading"] == "bm, rankc"
    assert "corpus (the paper's is not told)" in found["differs"]


def test_a_mean_over_tasks_needs_all_of_them():
    transfer = paper(quantity="correlation", task="transfer", **NASCA)
    found = only([transfer], make_run())
    assert found["ours"] == pytest.approx((0.8 + 0.6 + 0.9 + 0.7) / 4)
    assert found["our_reading"] == "xnli + bmlama-53"
    lone = make_run(benchmarks={"xnli": "xnli", "bm": "other"})
    missing = only([transfer], lone)
    assert np.isnan(missing["ours"])
    assert missing["differs"] == "not in this run"


def test_a_model_that_both_have_is_compared_with_itself_and_others_are_not_shown():
    rows = [
        paper(quantity="correlation", corpus="flores-200", task="xnli", model=model, **NASCA)
        for model in ("b", "z")
    ]
    found = only(rows, make_run())
    assert (found["model"], found["ours"]) == ("b", 0.9)
    # its own interval, not one over models
    assert (found["ours_low"], found["ours_high"]) == pytest.approx((0.85, 0.94))
    assert found["differs"] == ""


def test_the_same_models_make_no_difference_and_others_do():
    cells = {"quantity": "alignment", "corpus": "flores-200", "method": "MEXA", "metric": "mu"}
    cells |= {"pooling": "weighted", "reduction": "max"}
    rows = [paper(model=model, **cells) for model in (MEAN, "a", "b")]
    mean, a, b = compare_published(rows, make_run()).to_dict("records")
    assert [mean["differs"], a["differs"], b["differs"]] == ["", "", ""]
    # languages without the pivot: base, base + 0.1 and base + 0.05
    assert (a["ours"], b["ours"], mean["ours"]) == pytest.approx((0.25, 0.45, 0.35))
    assert mean["our_languages"] == 3
    other = compare_published([*rows, paper(model="c", **cells)], make_run())
    assert other.loc[other["model"] == MEAN, "differs"].item() == "models"


@pytest.mark.parametrize(
    ("corpus", "n", "differs"),
    [
        ("flores-200", 100, ""),
        ("flores-plus", 100, "edition of the corpus"),
        ("interface", 100, "corpus"),
        ("flores-200", 60, "sentences (ours 60)"),
    ],
)
def test_another_corpus_or_number_of_sentences_is_told(corpus, n, differs):
    row = paper(quantity="alignment", model="a", corpus="flores-200", metric="mu", **NASCA)
    found = only([row], make_run(corpus, n))
    assert (found["our_corpus"], found["differs"]) == (corpus, differs)


def test_the_last_token_is_another_method():
    last = {"method": "MEXA", "pooling": "last", "reduction": "mean", "corpus": "flores-200"}
    run = make_run()
    run.methods.loc[run.methods["method"] == "MEXA-last", "value"] = 0.125
    found = only([paper(quantity="alignment", metric="mu", **last)], run)
    assert found["ours"] == 0.125


def test_an_extraction_with_another_pooling_is_not_compared():
    row = paper(quantity="alignment", corpus="flores-200", metric="mu", **NASCA)
    assert only([row], make_run(poolings={"default": "mean"}))["differs"] == "not in this run"


def test_retrieval_is_shown_in_both_readings():
    row = paper(
        quantity="retrieval",
        corpus="flores-200",
        languages="head",
        method="NAS",
        metric="top1, both directions",
    )
    found = compare_published([row], make_run())
    assert found["our_reading"].tolist() == ["mean of directions", "both directions hold"]
    assert found["ours"].tolist() == pytest.approx([0.6, 0.6])
    assert found["our_languages"].tolist() == [3, 3]


def test_accuracy_of_the_pivot_and_of_the_others():
    rows = [
        paper(quantity="accuracy", model="a", task="xnli", metric="accuracy", languages=languages)
        for languages in ("pivot", "all")
    ]
    pivot, others = compare_published(rows, make_run()).to_dict("records")
    assert (pivot["ours"], pivot["our_languages"]) == (0.9, 1)
    assert others["ours"] == pytest.approx((0.5 + 0.6 + 0.5) / 3)
    assert others["our_languages"] == 3


def test_a_run_without_tasks_still_shows_every_published_mean(repository):
    empty = {"correlations": pd.DataFrame(), "downstream": pd.DataFrame(), "benchmarks": {}}
    rows = read_published(repository / "config/published.tsv")
    found = compare_published(rows, make_run(**empty))
    means = [row for row in rows if row.model == MEAN]
    assert len(found.drop_duplicates([*found.columns[:13]])) == len(means)
    assert found.loc[found["quantity"] == "correlation", "ours"].isna().all()
    table = published_table(found, labels=Labels(corpora={"flores-200": "FLORES"})).frame
    assert "source" not in table
    assert "FLORES, default, both directions hold" in set(table["ours_is"])
    assert "MEXA, Table 6" in set(table["paper"])
    assert "MEXA, last, max" in set(table["method"])
    # the rows of one quantity stand together
    quantities = table["quantity"].tolist()
    assert len([1 for one, two in itertools.pairwise(quantities) if one != two]) == 5
