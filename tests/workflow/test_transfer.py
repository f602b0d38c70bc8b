"""The transfer rules: a tiny model is fine-tuned and evaluated; plans that are refused."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from ..models.tiny import save_tiny
from .conftest import write_config
from .project import sheet, write_pairs

pytestmark = pytest.mark.workflow

SCORES = "results/transfer/tiny/toy.parquet"
CURVE = "results/figures/tiny/training.toy.svg"


@pytest.fixture
def project(tmp_path, default_sheets):
    """A tiny model, three languages of text, and pairs in two of them."""
    save_tiny("llama", tmp_path / "llama")
    for code in ("eng_Latn", "deu_Latn", "fra_Latn"):
        lines = [[f"{code[:2]} {i} and {i * 7 % 5}"] for i in range(12)]
        sheet(tmp_path / "texts" / f"{code}.txt", *lines)
    write_pairs(tmp_path, ("en", "de"), rows=60, training=150)
    sheet(
        tmp_path / "models.tsv",
        ["model", "label", "source", "location"],
        ["tiny", "Tiny", "folder", tmp_path / "llama"],
    )
    sheet(
        tmp_path / "corpora.tsv",
        ["corpus", "label", "reader", "location", "sentences"],
        ["toy", "Toy", "folder", tmp_path / "texts", 10],
    )
    sheet(
        tmp_path / "tasks.tsv",
        ["task", "label", "kind", "location", "training", "items"],
        ["toy", "Toy", "nli", tmp_path / "pairs", tmp_path / "train.tsv", 45],
    )
    config = {
        "models": ["tiny"],
        "languages": ["eng_Latn", "deu_Latn", "fra_Latn"],
        "corpora": ["toy"],
        "tasks": ["toy"],
        "extraction": {"device": "cpu"},
        "fine_tuning": {"learning_rate": 0.01, "epochs": 4, "batch_size": 8},
        "sheets": default_sheets | {k: f"{k}.tsv" for k in ("models", "corpora", "tasks")},
    }
    write_config(tmp_path, config)
    return tmp_path, config


def test_a_model_is_fine_tuned_and_evaluated_once(project, snakemake):
    folder, _ = project
    snakemake(folder, "--cores", "2", "--", SCORES, CURVE)
    scores = pd.read_parquet(folder / SCORES).set_index(["language", "metric"])
    assert set(scores.index) == {
        ("eng_Latn", "accuracy"),
        ("deu_Latn", "accuracy"),
        ("deu_Latn", "ratio"),
    }
    assert (scores["n"] == 45).all()
    assert scores.loc[("eng_Latn", "accuracy"), "low"] > 0.6
    items = pd.read_parquet(folder / "results/items/tiny/toy.parquet")
    means = items.groupby("language")["value"].mean()
    assert means["deu_Latn"] == scores.loc[("deu_Latn", "accuracy"), "value"]
    manifest = json.loads(
        (folder / "results/fine_tuning/tiny/toy/manifest.json").read_text("utf-8")
    )
    assert manifest["facts"]["steps"] == 4 * 19
    assert str(folder) not in json.dumps(manifest)
    again = snakemake(folder, "--dry-run", "--", SCORES, CURVE)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_task_without_the_pivot_is_refused_before_anything_runs(project, snakemake):
    folder, _ = project
    (folder / "pairs" / "en.tsv").unlink()
    done = snakemake(folder, "--dry-run", check=False)
    assert done.returncode
    assert "the pivot 'eng_Latn' has no file" in done.stdout + done.stderr
