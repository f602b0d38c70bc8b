"""A project that runs in a minute: two tiny models, a toy corpus and a table of scores."""

from __future__ import annotations

import numpy as np

from ..models.tiny import save_tiny
from .conftest import write_config

LANGUAGES = ["eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn", "rus_Cyrl", "swh_Latn", "hin_Deva"]
WORDS = {
    "rus_Cyrl": "кошка дом вода небо рука путь книга огонь мир ветер",
    "hin_Deva": "बिल्ली घर पानी आकाश हाथ सड़क किताब आग धरती हवा",
}
LATIN = "cat house water heaven hand road book fire earth wind"
LABELS = ("entailment", "neutral", "contradiction")
ENDINGS = {".parquet", ".csv", ".tex", ".md", ".svg"}


def sheet(path, *rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join("\t".join(map(str, row)) for row in rows) + "\n", "utf-8")


def make_project(folder, default_sheets):
    """Make the project's files in a working directory; returns its config."""
    texts = folder / "texts"
    texts.mkdir(parents=True)
    rng = np.random.default_rng(0)
    orders = [rng.permutation(10)[:4] for _ in range(12)]
    for code in LANGUAGES:
        words = WORDS.get(code, LATIN).split()
        words = words if code in WORDS else [f"{word}{code[:2]}" for word in words]
        lines = [" ".join(words[i] for i in order) + "." for order in orders]
        (texts / f"{code}.txt").write_text("\n".join(lines) + "\n", "utf-8")
    for kind in ("llama", "gemma3_text"):
        save_tiny(kind, folder / kind)
    sheet(
        folder / "models.tsv",
        ["model", "label", "source", "location"],
        ["tiny-llama", "Tiny Llama", "folder", folder / "llama"],
        ["tiny-gemma", "Tiny Gemma", "folder", folder / "gemma3_text"],
    )
    sheet(
        folder / "corpora.tsv",
        ["corpus", "label", "reader", "location", "sentences"],
        ["toy", "Toy", "folder", texts, 10],
    )
    scores = [["model", "task", "language", "metric", "value"]]
    scores += [
        [model, "quiz", code, "accuracy", 0.3 + 0.05 * i]
        for model in ("tiny-llama", "tiny-gemma")
        for i, code in enumerate(LANGUAGES)
    ]
    (folder / "scores.csv").write_text(
        "\n".join(",".join(map(str, row)) for row in scores) + "\n", "utf-8"
    )
    sheet(
        folder / "tasks.tsv",
        ["task", "label", "kind", "location"],
        ["quiz", "Quiz", "scores", folder / "scores.csv"],
    )
    config = {
        "models": ["tiny-llama", "tiny-gemma"],
        "languages": LANGUAGES[:6],
        "pivot": "eng_Latn",
        "corpora": ["toy"],
        "extractions": ["default"],
        "tasks": ["quiz"],
        "extraction": {"block_sentences": 4, "token_budget": 128, "device": "cpu"},
        "sheets": {
            **default_sheets,
            "models": "models.tsv",
            "corpora": "corpora.tsv",
            "tasks": "tasks.tsv",
        },
    }
    write_config(folder, config)
    return config


def write_pairs(folder, codes, *, rows, training):
    """Pairs of sentences in some languages, and English ones to train on."""
    signs = ("aa", "bb", "cc")  # the hypothesis gives the class away
    for code in codes:
        pairs = [[LABELS[i % 3], f"{code} {i}", signs[i % 3]] for i in range(rows)]
        sheet(folder / "pairs" / f"{code}.tsv", ["label", "premise", "hypothesis"], *pairs)
    lines = [[f"x {i}", signs[i % 3], LABELS[i % 3]] for i in range(training)]
    sheet(folder / "train.tsv", ["prem", "hyp", "label"], *lines)


def add_tasks(folder, config):
    """Give the project a task of every kind that a model of its size can do; returns its config."""
    for code in ("en", "de", "fr"):
        rows = [["Prompt", "Ans", "Candidate Ans", "Subject"]]
        rows += [[f"{code} town {i} <mask>.", "a", f"a, b, c{i}", "town"] for i in range(8)]
        sheet(folder / "clozes" / f"{code}.tsv", *rows)
    write_pairs(folder, ("en", "de", "fr"), rows=24, training=48)
    sheet(
        folder / "tasks.tsv",
        ["task", "label", "kind", "location", "training"],
        ["quiz", "Quiz", "scores", folder / "scores.csv", ""],
        ["mask", "Mask", "bmlama", folder / "clozes", ""],
        ["pairs", "Pairs", "nli", folder / "pairs", folder / "train.tsv"],
    )
    config = {
        **config,
        "tasks": ["quiz", "mask", "pairs"],
        "fine_tuning": {"batch_size": 8, "checkpoint_steps": 2},
        "statistics": {"resamples": 100},
    }
    write_config(folder, config)
    return config


def digests(folder):
    """Digests of every manifest and table of a run."""
    found = {}
    for path in sorted((folder / "results").rglob("*")):
        if path.suffix in ENDINGS or path.name == "manifest.json":
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found
