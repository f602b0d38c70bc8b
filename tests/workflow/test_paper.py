"""The configurations of the two papers: what they name, and that they plan offline."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml

from neuronxa.config import load_settings
from neuronxa.config.published import MEAN, read_published
from neuronxa.downstream.accuracy import SCORE_COLUMNS

from .conftest import write_config

pytestmark = pytest.mark.workflow

PAPER_TASKS = ["xnli", "bmlama-53", "belebele", "m-mmlu", "m-arc"]


def configuration(repository, name, **changes):
    return yaml.safe_load((repository / f"config/{name}.yaml").read_text("utf-8")) | changes


def bring_files(folder):
    """What the configurations need from the user: small, but of the right form."""
    for code in ("deu", "swh"):
        for side in (code, "eng"):
            path = folder / f"data/tatoeba/tatoeba.{code}-eng.{side}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{side} {i}\n" for i in range(100)), "utf-8")
    for code in ("eng_Latn", "deu_Latn", "swh_Latn"):
        path = folder / f"data/flores200_devtest/{code}.devtest"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{code} {i}\n" for i in range(100)), "utf-8")
    for code in ("en", "de"):
        path = folder / f"data/bmlama53/{code}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Prompt\tAns\tCandidate Ans\tSubject\nA <mask>.\tb\tb, c\tA\n", "utf-8")


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_the_papers_run_plans_offline(tmp_path, repository, snakemake, default_sheets, offline):
    config = configuration(repository, "paper", sheets=default_sheets)
    config["models"] = config["models"][::3]  # a third of the time; the others are no different
    write_config(tmp_path, config)
    bring_files(tmp_path)
    done = snakemake(tmp_path, "-n")
    stats = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    models = len(config["models"])
    # two corpora, two ways to extract; all languages of a store are one shard
    assert int(stats["extract_activations"]) == 2 * models * 2
    assert int(stats["align_languages"]) == 2 * models * 2
    assert int(stats["snapshot_model"]) == models
    assert int(stats["fine_tune"]) == models
    assert int(stats["evaluate_pairs"]) == models
    assert int(stats["rank_candidates"]) == models
    assert int(stats["evaluate_harness"]) == 3 * models
    assert stats["tabulate_published"] == "1"


def test_mexas_run_plans_offline(tmp_path, repository, snakemake, default_sheets, offline):
    config = configuration(repository, "mexa", tasks=[], sheets=default_sheets)
    config["languages"] = ["eng_Latn", "deu_Latn", "swh_Latn"]
    write_config(tmp_path, config)
    bring_files(tmp_path)
    done = snakemake(tmp_path, "-n")
    assert "of flores-200 with olmo-1.7-7b" in done.stdout


def test_what_the_user_must_bring_is_told_at_once(
    tmp_path, repository, snakemake, default_sheets, offline
):
    write_config(tmp_path, configuration(repository, "paper", sheets=default_sheets))
    done = snakemake(tmp_path, "-n", check=False)
    assert done.returncode
    output = done.stdout + done.stderr
    for told in (
        "corpus 'tatoeba': 'data/tatoeba' (a folder with two files per language, such as tatoeba",
        "task 'bmlama-53': 'data/bmlama53' (a folder with one file per language, {language}.tsv)",
        "Hint: put them there, correct 'location' in the sheet, or leave these rows out",
    ):
        assert told in output
    # what a hub or the harness brings is nobody's folder
    assert "xnli" not in output
    assert "belebele" not in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("name", "corpora", "languages", "extractions", "tasks"),
    [
        ("paper", ["flores-plus", "tatoeba"], 204, ["default", "product"], PAPER_TASKS),
        ("mexa", ["flores-200"], 203, ["default"], PAPER_TASKS[2:]),
    ],
)
def test_both_configurations_are_whole_and_valid(
    repository, monkeypatch, name, corpora, languages, extractions, tasks
):
    monkeypatch.chdir(repository)
    settings = load_settings(configuration(repository, name))
    assert list(settings.corpora) == corpora
    assert len(settings.file.languages) == languages
    assert list(settings.extractions) == extractions
    assert list(settings.tasks) == tasks
    sheet = (repository / "config/languages.tsv").read_text("utf-8")
    flores = sheet.partition("# The 204 languages of FLORES-200.\n")[2].partition("\n#")[0]
    codes = [line.split("\t")[0] for line in flores.splitlines()]
    left_out = {"mexa": {"yue_Hant"}, "paper": set()}[name]
    assert settings.file.languages == [code for code in codes if code not in left_out]


def test_every_model_says_whether_it_is_known_or_guessed(repository, monkeypatch):
    monkeypatch.chdir(repository)
    paper = load_settings(configuration(repository, "paper")).models
    mexa = load_settings(configuration(repository, "mexa")).models
    assert all("a guess for NeuronXA" in row.provenance for row in paper.values())
    assert all("known to be MEXA's" in row.provenance for row in mexa.values())
    published = read_published(repository / "config/published.tsv")
    assert {row.model for row in published if row.paper == "MEXA"} - {MEAN} == set(mexa)
    families = ("llama", "qwen", "mistral", "glm", "olmo")
    assert all(any(name.startswith(family) for name in paper) for family in families)
    assert all(name.startswith(families) for name in paper)


def test_scores_of_ones_own_are_missed_too(tmp_path, repository, snakemake, default_sheets):
    config = configuration(repository, "config", tasks=["published"], sheets=default_sheets)
    write_config(tmp_path, config)
    done = snakemake(tmp_path, "-n", check=False)
    assert (
        "task 'published': 'data/scores.csv' (a table of scores, or a folder"
        in done.stdout + done.stderr
    )


def test_two_sources_of_a_benchmark_go_through_the_rules(
    tmp_path, repository, snakemake, default_sheets
):
    """A folder of the harness and a published table, as far as the table of sources."""
    codes = {"eng_Latn": "en", "deu_Latn": "de", "fra_Latn": "fr", "swh_Latn": "sw"}
    codes |= {"hin_Deva": "hi", "zho_Hans": "zh"}
    results = tmp_path / "results of mine/x/results_2025-03-18T01-39-56.0.json"
    results.parent.mkdir(parents=True)
    values = {f"xnli_{code}": 0.4 + 0.02 * i for i, code in enumerate(codes.values())}
    document = {
        "results": {name: {"acc,none": value} for name, value in values.items()},
        "n-shot": dict.fromkeys(values, 0),
        "n-samples": {name: {"original": 100, "effective": 100} for name in values},
        "model_name": "HuggingFaceTB/SmolLM2-135M-Instruct",
    }
    results.write_text(json.dumps(document), "utf-8")
    lines = ["model,task,lang,metric,value,n_shot,path,commit"]
    lines += [f"small,xnli,{code},acc,{0.5 - 0.01 * i},0,r.json,c" for i, code in enumerate(codes)]
    (tmp_path / "published.csv").write_text("\n".join(lines) + "\n", "utf-8")
    models = (repository / "config/models.tsv").read_text("utf-8").splitlines()
    small = next(i for i, line in enumerate(models) if line.startswith("smollm2-135m"))
    cells = models[small].split("\t")
    cells[models[1].split("\t").index("aliases")] = "small, HuggingFaceTB/SmolLM2-135M-Instruct"
    named = [*models[:2], "\t".join(cells)]
    (tmp_path / "models.tsv").write_text("\n".join(named) + "\n", "utf-8")
    head = ["task", "label", "kind", "benchmark", "location", "pattern", "select", "metric"]
    rows = [
        ["mine", "XNLI", "scores", "xnli", "results of mine", "xnli_{language}", "", "acc"],
        ["theirs", "XNLI", "scores", "xnli", "published.csv", "", "xnli", "acc"],
    ]
    sheet = "\n".join("\t".join(row) for row in [head, *rows])
    (tmp_path / "tasks.tsv").write_text(sheet + "\n", "utf-8")
    config = {
        "models": ["smollm2-135m"],
        "languages": list(codes),
        "corpora": ["interface"],
        "tasks": ["mine", "theirs"],
        "sheets": default_sheets | {"models": "models.tsv", "tasks": "tasks.tsv"},
    }
    write_config(tmp_path, config)
    snakemake(tmp_path, "--cores", "1", "results/tables/sources.csv")
    table = pd.read_csv(tmp_path / "results/tables/sources.csv")
    assert table["source"].tolist() == ["x/results_2025-03-18T01-39-56.0.json", "r.json, commit c"]
    assert table["languages"].tolist() == [6, 6]
    assert table["shots"].tolist() == [0, 0]
    assert table["n"].tolist()[0] == 100
    second = table.iloc[1]
    assert (second["compared_with"], second["shared"]) == ("mine", 6)
    assert second["pearson"] == pytest.approx(-1.0)
    gaps = [abs(0.4 + 0.02 * i - (0.5 - 0.01 * i)) for i in range(6)]
    assert second["difference"] == pytest.approx(sum(gaps) / 6)
    # an added result is noticed
    again = {**document, "results": {"xnli_en": {"acc,none": 0.9}}}
    newer = results.with_name("results_2025-04-01T00-00-00.0.json")
    newer.write_text(json.dumps(again), "utf-8")
    snakemake(tmp_path, "--cores", "1", "results/benchmarks/mine.parquet")
    frame = pd.read_parquet(tmp_path / "results/benchmarks/mine.parquet")
    assert frame.set_index("language").loc["eng_Latn", "value"] == 0.9
    assert list(frame.columns[:10]) == SCORE_COLUMNS
    log = (tmp_path / "results/logs/read_scores/mine.log").read_text("utf-8")
    assert "the newer counts: x/results_2025-04-01T00-00-00.0.json" in log
