"""The default run, made small: the two real models, the shipped text, the real probe."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import Alignment

from ..models.reference import forward, pool, weighted_sum, weights_of
from ..reference.plain import hits
from ..reference.verify import verify
from .conftest import write_config

pytestmark = [pytest.mark.workflow, pytest.mark.real]

MODELS = ("gemma-3-270m", "smollm2-135m")
LANGUAGES = ("eng_Latn", "deu_Latn", "swh_Latn", "hin_Deva", "rus_Cyrl", "zho_Hans")
SENTENCES = 100


@pytest.fixture(scope="module")
def run(tmp_path_factory, snapshots, snakemake, default_sheets):
    folder = tmp_path_factory.mktemp("default")
    tasks = pd.read_csv(default_sheets["tasks"], sep="\t", comment="#", dtype=str)
    tasks.loc[tasks["task"] == "continent", "items"] = "12"
    tasks.to_csv(folder / "tasks.tsv", sep="\t", index=False)
    write_config(
        folder,
        {
            "models": list(MODELS),
            "languages": list(LANGUAGES),
            "corpora": ["interface"],
            "extractions": ["default"],
            "tasks": ["continent"],
            "extraction": {"block_sentences": 32},
            "sheets": {**default_sheets, "tasks": "tasks.tsv"},
        },
    )
    # the same packages give the same snapshots
    for model in MODELS:
        shutil.copytree(
            snapshots[model], folder / "resources" / "models" / model, copy_function=shutil.copy2
        )
    snakemake(folder, "--cores", "all")
    return folder


def texts(run, code):
    path = run / "resources/corpora/interface" / f"{code}.txt"
    return path.read_text("utf-8").split("\n")[:-1]


def test_the_scores_are_those_of_the_committed_reference(run):
    table, problems = verify(run / "results")
    assert not problems
    layers = {"gemma-3-270m": 18, "smollm2-135m": 30}
    assert table.set_index(["model", "representation"])["values"].to_dict() == {
        # three values for each language but the pivot; hidden states have a layer more
        (model, name): 3 * (len(LANGUAGES) - 1) * (layers[model] + name.startswith("hidden"))
        for model in MODELS
        for name in ("nas_gate", "nav_gate", "hidden", "hidden_last")
    }


@pytest.mark.parametrize("model", MODELS)
def test_scores_equal_a_plain_computation_hit_for_hit(run, model):
    alignment = Alignment(run / f"results/alignment/{model}/interface/default")
    scores = pd.read_parquet(alignment.folder / "scores.parquet")
    mu = scores[(scores["measure"] == "mu") & (scores["reduction"] == "layer")]
    mu = mu.set_index(["representation", "layer", "source", "target"])["value"].sort_index()
    stores = {
        code: Activations(run / f"results/activations/{model}/interface/default/{code}")
        for code in LANGUAGES
    }
    for name in ("nas_gate", "nav_gate", "hidden", "hidden_last"):
        rank = alignment.array("rank", name)
        for layer in range(alignment.layers[name]):
            vectors = {c: s.layer(name, layer).values.astype(float) for c, s in stores.items()}
            for a, b in itertools.combinations(LANGUAGES, 2):
                forward_hit, backward_hit = hits(vectors[a], vectors[b])
                found = rank.sel(source=a, target=b)[layer].values == 1
                assert np.array_equal(found, forward_hit), (name, layer, a, b)
                found = rank.sel(source=b, target=a)[layer].values == 1
                assert np.array_equal(found, backward_hit), (name, layer, a, b)
                if a == "eng_Latn":
                    assert mu[name, layer, a, b] == (forward_hit & backward_hit).mean()


@pytest.mark.parametrize("model", MODELS)
def test_mexa_follows_its_definition(run, model):
    """Mean (or max) over embeddings and layers of the share of mutual nearest neighbours."""
    methods = pd.read_parquet(run / "results/correlation/methods.parquet")
    scores = methods.set_index(["model", "method", "reduction", "language"])["value"]
    stores = {
        code: Activations(run / f"results/activations/{model}/interface/default/{code}")
        for code in ("eng_Latn", "deu_Latn", "hin_Deva")
    }
    for method, name in (("MEXA", "hidden"), ("MEXA-last", "hidden_last")):
        for code in ("deu_Latn", "hin_Deva"):
            mu = []
            for layer in range(stores[code].layers(name)):
                x, y = (
                    stores[c].layer(name, layer).values.astype(float) for c in ("eng_Latn", code)
                )
                forward_hit, backward_hit = hits(x, y)
                mu.append((forward_hit & backward_hit).mean())
            for reduction, expected in (("mean", np.mean(mu)), ("max", np.max(mu))):
                found = scores[model, method, reduction, code]
                assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_stored_states_equal_a_forward_pass_written_by_hand(run, model):
    snapshot = run / "resources/models" / model
    tokenizer = AutoTokenizer.from_pretrained(snapshot)
    base = AutoModel.from_pretrained(snapshot, dtype=torch.float32)
    weights = weights_of(base)
    for code in ("deu_Latn", "hin_Deva"):
        stored = Activations(run / f"results/activations/{model}/interface/default/{code}")
        for row in (0, SENTENCES - 1):
            ids = np.array(tokenizer(texts(run, code)[row])["input_ids"])
            states = forward(base.config, weights, ids)
            position = list(range(1, len(ids) + 1))
            for layer in range(base.config.num_hidden_layers):
                gate = states["gate"][layer]
                # a state this close to zero, for its layer, may be turned by float32 rounding:
                # a neuron may be off by the weights of such tokens, and by nothing else
                close = np.abs(gate) <= 1e-5 * np.abs(gate).max()
                doubt = weighted_sum(close[None], position)[0]
                nas = stored.layer("nas_gate", layer).values[row].astype(int)
                expected = weighted_sum((gate > 0)[None], position)[0]
                assert (np.abs(nas - expected) <= doubt).all()
                assert (nas == expected).mean() > 0.99
                nav = pool(np.abs(gate)[None], position)[0]
                scale = np.abs(gate).max()
                found = stored.layer("nav_gate", layer).values[row]
                np.testing.assert_allclose(found, nav, atol=2e-5 * scale)
            for layer in range(base.config.num_hidden_layers + 1):
                hidden = states["hidden"][layer]
                scale = np.abs(hidden).max()
                found = stored.layer("hidden", layer).values[row]
                np.testing.assert_allclose(
                    found, pool(hidden[None], position)[0], atol=2e-5 * scale
                )
                found = stored.layer("hidden_last", layer).values[row]
                np.testing.assert_allclose(found, hidden[-1], atol=2e-5 * scale)


@pytest.mark.parametrize("model", MODELS)
def test_the_card_tells_the_shape_and_the_origin(run, model):
    card = json.loads((run / f"resources/models/{model}/model.json").read_text("utf-8"))
    layers, neurons, hidden = {"gemma-3-270m": (18, 2048, 640), "smollm2-135m": (30, 1536, 576)}[
        model
    ]
    assert (card["layers"], card["neurons"], card["hidden_size"]) == (layers, neurons, hidden)
    assert card["stored_as"].startswith("GGUF (")
    assert card["licence"]
    assert card["provenance"]
    assert len(card["source_digest"]) == 64
    assert "model.safetensors" in card["files"]


def test_the_models_are_language_models(run):
    """A wrong snapshot would run as well; perplexity of plain text would not be low."""
    from transformers import AutoModelForCausalLM

    text = (
        "The capital of France is Paris. The city lies on the river Seine and is known for its "
        "museums, its food and the Eiffel Tower, which was built for the world exhibition of 1889."
    )
    for model, bound in (("gemma-3-270m", 20), ("smollm2-135m", 20)):
        snapshot = run / "resources/models" / model
        ids = AutoTokenizer.from_pretrained(snapshot)(text, return_tensors="pt")["input_ids"]
        causal = AutoModelForCausalLM.from_pretrained(snapshot, dtype=torch.float32).eval()
        with torch.no_grad():
            loss = causal(ids, labels=ids).loss
        assert float(loss.exp()) < bound, model


def test_batches_change_nothing_that_is_scored(run):
    for model, code in itertools.product(MODELS, LANGUAGES):
        folder = run / f"results/activations/{model}/interface/default/{code}"
        measured = Activations(folder).manifest["facts"]["invariance"]
        # a state next to zero may turn with rounding, and nothing else
        assert measured["nas_gate"]["beyond"] == 0
        assert measured["nas_gate"]["differ"] < 2e-4 * measured["nas_gate"]["neurons"]
        assert measured["nav_gate"] < 1e-5
        assert measured["hidden"] < 1e-5


def test_every_language_is_asked_and_scored(run):
    for model in MODELS:
        scores = pd.read_parquet(run / f"results/benchmarks/{model}/continent.parquet")
        assert set(scores["language"]) == set(LANGUAGES)
        assert scores["value"].between(0, 1).all()
        assert (scores["low"] <= scores["value"]).all()
        np.testing.assert_allclose(scores["chance"], 1 / 6)
        consistency = pd.read_parquet(run / f"results/transfer/{model}/continent.parquet")
        assert set(consistency["language"]) == set(LANGUAGES) - {"eng_Latn"}


#: A paper in the widths of the ACL style.
PAPER = r"""
\documentclass[11pt,a4paper,twocolumn]{article}
\usepackage[T1]{fontenc}
\usepackage{times,booktabs,longtable,pdflscape,rotating,graphicx}
\usepackage[margin=2.5cm,columnsep=0.6cm]{geometry}
\begin{document}
%s
\onecolumn
%s
\end{document}
"""


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no LaTeX")
def test_every_table_and_figure_goes_into_a_paper_as_it_is(run, tmp_path):
    tables = sorted((run / "results/tables").rglob("*.tex"))
    figures = sorted((run / "results/figures").rglob("*.pdf"))
    assert len(tables) > 20
    assert len(figures) > 20
    short, long = [], []
    for path in tables:
        text = path.read_text("utf-8")
        (long if "longtable}" in text.split("\n", 1)[1] else short).append(path)
    floats = [rf"\typeout{{<{path}>}}\input{{{path}}}\clearpage" for path in short]
    for path in figures:
        picture = rf"\includegraphics[width=\textwidth]{{{path}}}"
        floats.append(rf"\typeout{{<{path}>}}\begin{{figure*}}{picture}\end{{figure*}}\clearpage")
    pages = [rf"\typeout{{<{path}>}}\input{{{path}}}\clearpage" for path in long]
    (tmp_path / "paper.tex").write_text(PAPER % ("\n".join(floats), "\n".join(pages)), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "max_print_line": "1000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    wide = {
        path: float(points)
        for path, points in re.findall(
            r"<(/[^>]+)>(?:(?!<[/]).)*?Overfull .hbox .([\d.]+)pt", done.stdout, re.DOTALL
        )
        if float(points) > 1 and "% Wider" not in Path(path).read_text("latin-1")
    }
    assert not wide
