"""Faults of the sheets."""

from __future__ import annotations

from .case import Case, both, cell, replaced, setting, written

TASKS = "task\tlabel\tkind\t{}\nquiz\tQuiz\t{}\n"


def _task(columns: str, cells: str):  # a tasks sheet of one row
    return written("tasks.tsv", TASKS.format(columns, cells))


CASES = [
    Case("A column that does not exist", cell("models", "licnese", "MIT")),
    Case("A column that is missing", replaced("models.tsv", "\tlocation", "\tlabel2")),
    Case("A column twice", replaced("models.tsv", "location", "label")),
    Case("More cells than columns", replaced("models.tsv", "\tllama", "\t\tllama\tx")),
    Case("Blanks in place of tabs", replaced("models.tsv", "model\tlabel", "model    label")),
    Case("A sheet without rows", written("models.tsv", "# nothing yet\n")),
    Case("A name twice", replaced("models.tsv", "tiny-gemma", "tiny-llama")),
    Case("A slash in a name", replaced("models.tsv", "tiny-llama", "org/tiny-llama")),
    Case("A name that leaves the folder", replaced("models.tsv", "tiny-llama", "..")),
    Case("A label that is missing", cell("models", "label", "")),
    Case("A source that does not exist", cell("models", "source", "huggingface")),
    Case("A location that is missing", cell("models", "location", "")),
    Case("A sheet that is not UTF-8", written("models.tsv", "model\tlabel\té".encode("latin-1"))),
    Case("A sheet in UTF-16", written("models.tsv", "model\tlabel".encode("utf-16"))),
    Case("A sheet with NUL characters", replaced("models.tsv", "Tiny", "Ti\0ny")),
    Case("A reader that does not exist", cell("corpora", "reader", "csv")),
    Case("A word in place of a number of sentences", cell("corpora", "sentences", "all")),
    Case("No sentences", cell("corpora", "sentences", "0")),
    Case("A choice of sentences that does not exist", cell("corpora", "selection", "last")),
    Case("A scheme of codes that does not exist", cell("corpora", "codes", "iso639_1")),
    Case("A pattern that leaves the folder", cell("corpora", "pattern", "../{language}.txt")),
    Case("A pattern without the language", cell("corpora", "pattern", "text.txt")),
    Case("A pooling that does not exist", cell("extractions", "pooling", "max")),
    Case("A site that does not exist", cell("extractions", "site", "up")),
    Case("A precision that does not exist", cell("extractions", "dtype", "int8")),
    Case("Too few tokens", cell("extractions", "max_tokens", "1")),
    Case(
        "A code of a language that is none", replaced("languages.tsv", "\nace_Arab", "\nAcehnese")
    ),
    Case(
        "A code that does not agree with its columns",
        replaced("languages.tsv", "\nace_Arab", "\nace_Cyrl"),
    ),
    Case("A kind of task that does not exist", _task("location", "quiz\tscores.csv")),
    Case("A task without what its kind needs", _task("location", "bmlama\t")),
    Case("A task of facts without a relation", _task("relation", "facts\t")),
    Case("A relation that does not exist", _task("relation", "facts\tmayor")),
    Case("A harness task without the language", _task("pattern", "harness\tm_arc")),
    Case("Too few items", _task("relation\titems", "facts\tcapital\t2")),
    Case("A published percentage", replaced("published.tsv", "\t0.8378", "\t83.78")),
    Case("A published number twice", replaced("published.tsv", "long-tail", "head")),
    Case("A published number that is none", replaced("published.tsv", "\t0.8378", "\tnan")),
    Case(
        "More worked examples than countries",
        both(_task("relation\tshots", "facts\tcontinent\t900"), setting(tasks=["quiz"])),
        "results/benchmarks/tiny-llama/quiz.parquet",
    ),
]
