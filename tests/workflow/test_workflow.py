"""The workflow as its users run it: plans, whole runs on tiny models, kills, added languages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuronxa.planning.plan import make_plan
from neuronxa.planning.space import parts_of
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import Alignment

from .conftest import write_config
from .project import LANGUAGES, make_project

pytestmark = pytest.mark.workflow


@pytest.fixture
def project(tmp_path, default_sheets):
    """A working directory of `make_project`, and its config."""
    return tmp_path, make_project(tmp_path, default_sheets)


def refuse_secret(folder, secret, *runs):
    """A secret is in no file of a run and was not on the screen."""
    screens = [text for done in runs for text in (done.stdout, done.stderr)]
    assert not any(secret in text for text in screens)
    searched = [path for path in folder.rglob("*") if path.is_file()]
    assert any(".snakemake" in path.parts for path in searched)
    assert [path for path in searched if secret.encode() in path.read_bytes()] == []


def compare_space(plan):
    """The disk that was foretold is the disk that the run took."""
    foretold: dict[str, int] = {}
    took: dict[str, int] = {}
    for part in parts_of(plan):
        foretold[part.kind] = foretold.get(part.kind, 0) + (part.needed or 0)
        took[part.kind] = took.get(part.kind, 0) + part.present
    for kind, tolerance in {"texts": 0.2, "activations": 0.15, "alignment": 0.15}.items():
        assert foretold[kind] == pytest.approx(took[kind], rel=tolerance), kind
    assert sum(foretold.values()) == pytest.approx(sum(took.values()), rel=0.2)


def compare_redrawn(folder, few, snakemake, repository):
    """All tables, figures and pages made again from frames and cards alone have the same bytes."""
    makefile = (repository / "Makefile").read_text("utf-8")
    assert "--forceall --allowed-rules $(REDRAWN)" in makefile
    pattern = re.compile(r"^rule ((?:tabulate|plot|write)_[a-z_]+):", re.M)
    rules = (repository / "workflow/rules").glob("*.smk")
    redrawn = [name for path in rules for name in pattern.findall(path.read_text("utf-8"))]
    left_out = shutil.ignore_patterns(
        *("*.zarr", "*.safetensors", ".snakemake", "tables", "figures", "site", "rankings")
    )
    shutil.copytree(folder / "results", few / "results", ignore=left_out)
    shutil.copytree(folder / "resources", few / "resources", ignore=left_out)
    for name in ("config.yaml", "models.tsv", "corpora.tsv", "tasks.tsv", "config"):
        copy = shutil.copytree if (folder / name).is_dir() else shutil.copy
        copy(folder / name, few / name)
    snakemake(few, "--cores", "2", "--forceall", "--allowed-rules", *redrawn, "--", "all")
    assert not list(few.rglob("*.zarr"))
    for name in ("tables", "figures", "site"):
        one, other = (
            {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}
            for top in (folder / "results" / name, few / "results" / name)
        )
        assert one == other
        assert len(one) > 20


def test_a_whole_run_leaves_every_result_and_then_nothing_to_do(
    project, snakemake, monkeypatch, repository, tmp_path_factory
):
    folder, config = project
    # whatever is written, it is not the token that hubs are asked with
    planted = "hf_" + "planted" * 5
    monkeypatch.setenv("HF_TOKEN", planted)
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", planted)
    first = snakemake(folder, "--cores", "2", "--printshellcmds", "--show-failed-logs")
    for model in ("tiny-llama", "tiny-gemma"):
        alignment = Alignment(folder / f"results/alignment/{model}/toy/default")
        mu = alignment.scores("mu", "nas_gate").sel(source="eng_Latn")
        assert (mu.sel(target="eng_Latn") == 1).all()
        store = Activations(folder / f"results/activations/{model}/toy/default/deu_Latn")
        assert store.layout.sentences == 10
        figures = folder / f"results/figures/{model}/toy/default"
        neurons = folder / f"results/neurons/{model}/toy/default"
        frame = pd.read_parquet(neurons / "neurons.parquet")
        assert len(frame) == store.layout.layers * store.layout.neurons
        assert (neurons / "specific_neurons.json").is_file()
        names = ("layer_curves", "heatmap", "retrieval", "neurons", "lexical", "pool")
        for name in (*names, "scatter.quiz.accuracy", "predictions.quiz.accuracy"):
            assert (figures / f"{name}.svg").stat().st_size > 1000
            assert (figures / f"{name}.pdf").stat().st_size > 1000
        assert (figures.parent / "ablations.quiz.accuracy.svg").stat().st_size > 1000
        predictions = pd.read_csv(folder / f"results/tables/{model}/toy/default/predictions.csv")
        assert set(predictions["code"]) == set(LANGUAGES[1:6])
        controls = pd.read_csv(folder / f"results/tables/{model}/toy/default/controls.csv")
        assert set(controls["code"]) == set(LANGUAGES[1:6])
        columns = ["NASCA", "MEXA", "lexical_floor", "tokens_per_sentence", "premium"]
        assert controls[columns].notna().all(axis=None)
    correlations = pd.read_parquet(folder / "results/correlation/correlations.parquet")
    assert set(correlations["method"]) == {"NASCA", "NAVCA", "MEXA", "MEXA-last"}
    headline = correlations[~correlations["pivot_included"]]
    assert set(headline["n"]) == {5}
    fits = pd.read_parquet(folder / "results/correlation/fits.parquet")
    assert set(fits["n"]) == {5}
    assert fits["reading"].astype(bool).all()
    ablations = pd.read_parquet(folder / "results/correlation/ablations.parquet")
    assert set(ablations["setting"]) == {"layers", "layer"}  # ten sentences have no smaller pools
    again = snakemake(folder, "--cores", "2")
    assert "Nothing to be done" in again.stdout + again.stderr
    logs = list((folder / "results/logs").rglob("*.log"))
    assert logs
    assert all("finished" in p.read_text("utf-8") for p in logs)
    reported = snakemake(folder, "--report", "report.html")
    assert "NeuronXA" in (folder / "report.html").read_text("utf-8")
    refuse_secret(folder, planted, first, again, reported)
    assert re.search(r"Disk: about [\d.]+ MB to come, .* free", first.stderr)
    compare_redrawn(folder, tmp_path_factory.mktemp("few"), snakemake, repository)
    monkeypatch.chdir(folder)
    compare_space(make_plan(config))


def test_adding_a_language_extracts_that_language_and_nothing_else(project, snakemake):
    folder, config = project
    snakemake(folder, "--cores", "2")
    manifests = sorted((folder / "results/activations").rglob("manifest.json"))
    before = {path: path.stat().st_mtime_ns for path in manifests}
    write_config(folder, {**config, "languages": LANGUAGES})
    done = snakemake(folder, "--cores", "2")
    output = done.stdout + done.stderr
    for path, moment in before.items():
        assert path.stat().st_mtime_ns == moment
    added = set((folder / "results/activations").rglob("manifest.json")) - set(before)
    assert {path.parent.name for path in added} == {"hin_Deva"}
    assert output.count("Extracting ") == 2  # one language, two models


def test_an_edited_text_is_noticed(project, snakemake):
    folder, _ = project
    target = "resources/corpora/toy/deu_Latn.txt"
    snakemake(folder, "--cores", "1", target)
    path = folder / "texts" / "deu_Latn.txt"
    path.write_text(path.read_text("utf-8").replace("cat", "dog"), "utf-8")
    snakemake(folder, "--cores", "1", target)
    assert "dog" in (folder / target).read_text("utf-8")


def test_corpora_extractions_and_languages_live_side_by_side(project, snakemake):
    """A parallel corpus and one of pairs, two ways to extract, a gap in a text."""
    folder, config = project
    text = folder / "texts" / "swh_Latn.txt"
    lines = text.read_text("utf-8").split("\n")
    text.write_text("\n".join([lines[0], "", *lines[2:]]), "utf-8")
    pairs = folder / "pairs"
    pairs.mkdir()
    for code, n in (("deu", 8), ("swh", 6), ("rus", 8)):
        for ending, source in ((code, code), ("eng", "eng")):
            path = folder / "texts" / f"{source}_{'Cyrl' if source == 'rus' else 'Latn'}.txt"
            kept = [line or "x" for line in path.read_text("utf-8").split("\n")[:n]]
            (pairs / f"tatoeba.{code}-eng.{ending}").write_text("\n".join(kept) + "\n", "utf-8")
    with (folder / "corpora.tsv").open("a", encoding="utf-8") as sheet_file:
        sheet_file.write(f"pairs\tPairs\ttatoeba\t{pairs}\t8\n")
    changes = {"corpora": ["toy", "pairs"], "extractions": ["default", "product"]}
    write_config(folder, {**config, "models": ["tiny-llama"], **changes})
    snakemake(folder, "--cores", "2")
    scores = pd.read_parquet(folder / "results/correlation/methods.parquet")
    assert set(scores["corpus"]) == {"toy", "pairs"}
    assert set(scores["extraction"]) == {"default", "product"}
    n = scores[scores["method"] == "NASCA"].groupby(["corpus", "language"])["n"].max()
    assert n["pairs"].drop("eng_Latn", errors="ignore").to_dict() == {
        "deu_Latn": 8,
        "rus_Cyrl": 8,
        "swh_Latn": 6,
    }
    assert n["toy"]["swh_Latn"] == 9  # one of ten is missing
    assert n["toy"]["deu_Latn"] == 10
    ablations = pd.read_parquet(folder / "results/correlation/ablations.parquet")
    compared = ablations.groupby("setting")["level"].unique()
    assert set(compared["site"]) == {"gate", "product"}
    assert set(compared["corpus"]) == {"toy", "pairs"}
    # three languages are in both corpora: too few for a correlation, and said to be
    of_corpora = ablations[ablations["setting"] == "corpus"]
    assert set(of_corpora["n"]) == {3}
    assert of_corpora["message"].str.contains("n = 3 languages").all()
    for corpus, extraction in (("toy", "product"), ("pairs", "default")):
        figures = folder / f"results/figures/tiny-llama/{corpus}/{extraction}"
        assert (figures / "heatmap.svg").is_file()
        counted = pd.read_parquet(
            folder / f"results/neurons/tiny-llama/{corpus}/{extraction}/languages.parquet"
        )
        assert (counted["tokens"] > 0).all()
        assert set(counted["site"]) == {"gate" if extraction == "default" else "product"}
        # the pivot of a corpus of pairs has no store, so it is not counted
        assert ("eng_Latn" in set(counted["language"])) == (corpus == "toy")
        assert (folder / f"results/figures/correlations/{corpus}/{extraction}.svg").is_file()


def write_clozes(folder, codes, rows=6):
    """Parallel files of sentences with a mask, one candidate each in the first row."""
    folder.mkdir()
    for code in codes:
        lines = ["Prompt\tAns\tCandidate Ans\tSubject", f"{code} <mask>\ta\ta\tb"]
        lines += [f"{code} town {i} <mask>.\ta\ta, b, c{i}\ttown" for i in range(rows - 1)]
        (folder / f"{code}.tsv").write_text("\n".join(lines) + "\n", "utf-8")


def test_knowledge_is_ranked_in_the_languages_of_the_folder(project, snakemake):
    folder, config = project
    write_clozes(folder / "clozes", ["en", "de", "ru", "ja"])
    (folder / "tasks.tsv").write_text(
        "task\tlabel\tkind\tlocation\titems\nmask\tMask\tbmlama\tclozes\t5\n", "utf-8"
    )
    write_config(folder, {**config, "models": ["tiny-llama"], "tasks": ["mask"]})
    stems = ("results/transfer/tiny-llama/mask.pairs", "results/items/tiny-llama/mask")
    targets = [f"{stem}.parquet" for stem in stems] + ["results/figures/tiny-llama/rankc.mask.svg"]
    snakemake(folder, "--cores", "1", *targets)
    ranked = {path.parent.name for path in folder.glob("results/rankings/*/*/*/manifest.json")}
    assert ranked == {"eng_Latn", "deu_Latn", "rus_Cyrl"}  # Japanese is not in the config
    pairs = pd.read_parquet(folder / targets[0])
    assert len(pairs) == 2 * 3
    transfer = pd.read_parquet(folder / "results/transfer/tiny-llama/mask.parquet")
    assert set(transfer["language"]) == {"deu_Latn", "rus_Cyrl"}
    accuracy = pd.read_parquet(folder / "results/benchmarks/tiny-llama/mask.parquet")
    np.testing.assert_allclose(accuracy["chance"], 1 / 3)
    items = pd.read_parquet(folder / targets[1])
    assert set(items["metric"]) <= {"accuracy", "rankc", "overlap"}
    # an edited file is ranked again, and no other
    before = {path: path.stat().st_mtime_ns for path in folder.glob("results/rankings/*/*/*/m*")}
    path = folder / "clozes" / "de.tsv"
    path.write_text(path.read_text("utf-8").replace("town", "Stadt"), "utf-8")
    done = snakemake(folder, "--cores", "1", *targets)
    assert (done.stdout + done.stderr).count("Asking tiny-llama for mask, shard") == 1
    changed = {p.parent.name for p, moment in before.items() if p.stat().st_mtime_ns != moment}
    assert changed == {"deu_Latn"}


def test_a_folder_of_knowledge_without_the_pivot_is_one_clear_error(project, snakemake):
    folder, config = project
    write_clozes(folder / "clozes", ["de", "ru"])
    (folder / "tasks.tsv").write_text(
        "task\tlabel\tkind\tlocation\nmask\tMask\tbmlama\tclozes\n", "utf-8"
    )
    write_config(folder, {**config, "tasks": ["mask"]})
    done = snakemake(folder, "--cores", "1", check=False)
    assert done.returncode
    assert "the pivot 'eng_Latn' has no file" in done.stderr
    assert "Allowed: deu_Latn, rus_Cyrl" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modles": ["x"]}, r"unknown key 'modles'"),
        ({"models": ["tiny-lama"]}, r"'models' names 'tiny-lama', which is not in models.tsv"),
        ({"languages": ["eng_Latn", "xxx_Latn"]}, r"xxx_Latn"),
        ({"languages": ["eng_Latn", "deu_Latn", "deu_Latn"]}, r"names 'deu_Latn' 2 times"),
        ({"pivot": "jpn_Jpan"}, r"the pivot 'jpn_Jpan' is not among 'languages'"),
        ({"extraction": {"token_budget": 1}}, r"token_budget"),
    ],
)
def test_bad_settings_are_one_clear_error(project, snakemake, change, message):
    folder, config = project
    write_config(folder, {**config, **change})
    done = snakemake(folder, "--cores", "1", check=False)
    assert done.returncode
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "results").exists()


def test_more_sentences_than_the_corpus_has_is_refused(project, snakemake):
    folder, _ = project
    path = folder / "corpora.tsv"
    path.write_text(path.read_text("utf-8").replace("\t10\n", "\t1000\n"), "utf-8")
    done = snakemake(folder, "--cores", "1", check=False)
    assert done.returncode
    assert "corpus 'toy' has 12 sentences, 1000 are asked for" in done.stderr
    assert "Hint: set 'sentences' of 'toy' to 12 or fewer" in done.stderr


def test_the_default_configuration_plans_offline_without_torch(repository, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('a dry run must not import torch')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--forceall", "--nolock"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=repository,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "of interface with gemma-3-270m" in done.stdout
    assert "extract_activations" in done.stdout


@pytest.mark.parametrize(
    ("target", "jobs"),
    [
        # two models, five extractions, four scores of two tasks
        ("all", {"align_languages": 10, "vary_pool": 10, "ablate_methods": 1, "plot_ablations": 8}),
        # methods of all extractions; layers and numbers of pairs of the first one alone
        (
            "results/correlation/ablations.parquet",
            {"align_languages": 10, "vary_pool": 2, "ablate_methods": 1},
        ),
    ],
)
def test_the_ablations_plan_what_they_compare(repository, target, jobs):
    options = ["-n", "--forceall", "--nolock", "--configfile", "config/ablations.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *options, "--", target],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        cwd=repository,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE))
    assert {job: int(counts[job]) for job in jobs} == jobs


def test_paths_of_the_repository_hold_no_machine(repository):
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=False
    ).stdout.split()
    for name in tracked:
        path = repository / name
        if path.suffix in {".py", ".smk", ".md", ".yaml", ".toml", ".tsv"} and path.is_file():
            assert "/work/" not in path.read_text("utf-8") or path == Path(__file__)


def test_the_snakefile_of_the_catalog_is_the_workflow(project, repository):
    folder, _ = project
    command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", "--dry-run"]
    counts = []
    for path in ("Snakefile", "workflow/Snakefile"):
        done = subprocess.run(
            [*command, "--snakefile", str(repository / path)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        counts.append(re.search(r"^total +(\d+)$", done.stdout + done.stderr, re.M).group(1))
    assert counts[0] == counts[1]
    assert int(counts[0]) > 30
