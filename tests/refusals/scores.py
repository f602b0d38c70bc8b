"""Faults of downstream data: tables of scores, questions, pairs."""

from __future__ import annotations

from pathlib import Path

from .case import Case, both, removed, replaced, written

QUIZ = "results/benchmarks/quiz.parquet"
HEADER = "model,task,language,metric,value\n"
GOOD = "tiny-llama,quiz,eng_Latn,accuracy,0.5\n"


def table(*rows: str):
    """The table of scores."""
    return written("scores.csv", HEADER + GOOD + "".join(f"{row}\n" for row in rows))


def task(kind: str, **files: str):
    """A task of a kind with its folder of files."""

    training = "data/train.tsv" if kind == "nli" else ""

    def change(folder: Path) -> None:
        (folder / "data").mkdir()
        for name, text in files.items():
            (folder / "data" / f"{name}.tsv").write_text(text, "utf-8")
        (folder / "tasks.tsv").write_text(
            "task\tlabel\tkind\tlocation\ttraining\tpattern\tcodes\n"
            f"quiz\tQuiz\t{kind}\tdata\t{training}\t{{language}}.tsv\tflores\n",
            "utf-8",
        )

    return change


FACT = "Prompt\tAns\tCandidate Ans\tSubject\n{}\tParis\tParis, Rome\tFrance\n"
PAIR = "premise\thypothesis\tlabel\nIt rains.\tIt is wet.\t{}\n"

PREPARED = "resources/tasks/quiz/deu_Latn.tsv"

CASES = [
    Case("A table of scores that does not exist", removed("scores.csv")),
    Case("A table of scores without rows", written("scores.csv", HEADER), QUIZ),
    Case("A table of scores that is empty", written("scores.csv", ""), QUIZ),
    Case("A column that does not exist", replaced("scores.csv", "value", "value,std"), QUIZ),
    Case("A column that is missing", replaced("scores.csv", "metric,value", "metric"), QUIZ),
    Case("A cell too many", table("tiny-llama,quiz,deu_Latn,accuracy,0,5"), QUIZ),
    Case("A score that is no number", table("tiny-llama,quiz,deu_Latn,accuracy,high"), QUIZ),
    Case("A score that is NaN", table("tiny-llama,quiz,deu_Latn,accuracy,NaN"), QUIZ),
    Case("A score that is missing", table("tiny-llama,quiz,deu_Latn,accuracy,"), QUIZ),
    Case("A percentage", table("tiny-llama,quiz,deu_Latn,accuracy,57.3"), QUIZ),
    Case("A language that no sheet has", table("tiny-llama,quiz,Deutsch,accuracy,0.5"), QUIZ),
    Case("A second value", table("tiny-llama,quiz,eng_Latn,accuracy,0.6"), QUIZ),
    Case(
        "Scores of other models alone",
        written("scores.csv", HEADER + GOOD.replace("tiny-llama", "gpt-x")),
        QUIZ,
    ),
    Case(
        "Scores of another metric alone",
        written("scores.csv", HEADER + GOOD.replace("accuracy", "f1")),
        QUIZ,
    ),
    Case(
        "A table that is not UTF-8",
        written("scores.csv", (HEADER + GOOD.replace("quiz", "quíz")).encode("latin-1")),
        QUIZ,
    ),
    Case(
        "Harness results that are cut off",
        both(
            removed("scores.csv"),
            lambda folder: (folder / "scores.csv").mkdir(),
            written("scores.csv/results_1.json", '{"results": {'),
        ),
        QUIZ,
    ),
    Case("Questions without the pivot", task("bmlama", deu_Latn=FACT.format("<mask> is a city"))),
    Case(
        "A question without its gap",
        task(
            "bmlama",
            eng_Latn=FACT.format("<mask> is a city"),
            deu_Latn=FACT.format("ist eine Stadt"),
        ),
        "results/benchmarks/tiny-llama/quiz.parquet",
    ),
    Case(
        "Questions that are not parallel",
        task(
            "bmlama",
            eng_Latn=FACT.format("<mask> is a city"),
            deu_Latn=FACT.format("<mask> ist eine Stadt") + "x <mask>\tRom\tRom\tItalien\n",
        ),
        "results/benchmarks/tiny-llama/quiz.parquet",
    ),
    Case("Pairs without training pairs", task("nli", eng_Latn=PAIR.format("entailment"))),
    Case(
        "A label that is not known",
        task(
            "nli",
            train=PAIR.format("entailment"),
            eng_Latn=PAIR.format("entailment"),
            deu_Latn=PAIR.format("perhaps"),
        ),
        PREPARED,
    ),
    Case(
        "Pairs with another label than the pivot's",
        task(
            "nli",
            train=PAIR.format("entailment"),
            eng_Latn=PAIR.format("entailment"),
            deu_Latn=PAIR.format("neutral"),
        ),
        PREPARED,
    ),
    Case(
        "Pairs without a column",
        task(
            "nli",
            train=PAIR.format("entailment"),
            eng_Latn=PAIR.format("entailment"),
            deu_Latn="premise\tlabel\na\tneutral\n",
        ),
        PREPARED,
    ),
]
