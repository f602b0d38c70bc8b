"""Compare a default run with the reference: ``make verify``.

    python -m tests.reference.verify [results]

The reference was computed without the library, in float64 (see `make_reference`): for each model,
representation, language and layer, how many of the n sentences find their translation, and are
found by it. First it is checked that the run measured the same: texts, model files, settings.
Then the scores of every language that the run has are compared.

The forward pass of a run is float32, so a close call may turn: a neuron next to zero flips, or two
cosines change places. ``tolerance`` in ``reference.json`` says how far one value, and a mean over
layers, may be off, and what was measured: three times what was seen, so that another processor's
rounding passes; one layer too early, or ties that count as hits, are off by far more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
KEY = ["representation", "language", "layer", "measure"]


def main(arguments=None, reference=HERE):
    """Print the comparison; the exit status: 0 = equal within tolerance, 1 = not."""
    parser = argparse.ArgumentParser(
        prog="make verify", description="compare a default run with the committed reference"
    )
    parser.add_argument("results", nargs="?", type=Path, default=Path("results"))
    results = parser.parse_args(arguments).results
    if only_others(results, reference):
        print("These are results of other runs than the default, which alone has a reference.")
        return 0
    table, problems = verify(results, reference)
    if not table.empty:
        print(table.to_string(index=False), end="\n\n")
    if problems:
        print("The run is not verified:", *problems, sep="\n  ")
        return 1
    print("The run is equal to the reference within tolerance.")
    return 0


def only_others(results, reference):
    """Whether there are results, and none of the models that have a reference."""
    facts = json.loads((reference / "reference.json").read_text("utf-8"))
    below = Path(facts["corpus"], facts["extraction"], "scores.parquet")
    found = {
        path.relative_to(results / "alignment")
        for path in results.glob("alignment/*/*/*/scores.parquet")
    }
    return bool(found) and not found & {Path(model) / below for model in facts["models"]}


def verify(results, reference=HERE):
    """Compare the scores under ``results`` with a reference.

    Returns
    -------
    tuple
        A table with a row per model and representation, and what is wrong, in words: nothing if
        the run is equal to the reference within tolerance.
    """
    facts = json.loads((reference / "reference.json").read_text("utf-8"))
    below = Path(facts["corpus"], facts["extraction"])
    rows, problems = [], []
    for model, known in facts["models"].items():
        path = results / "alignment" / model / below / "scores.parquet"
        if not path.is_file():
            problems.append(f"{model}: there is no {path}; `make run` makes it")
            continue
        found = read_scores(path, facts["pivot"])
        languages = [code for code in facts["texts"] if code in found.index.unique("language")]
        if not languages:
            problems.append(
                f"{model}: the run has no pair of {facts['pivot']} with a language of the "
                "reference; two languages are the least that can be compared"
            )
            continue
        resources = results.resolve().parent / "resources"
        store = results / "activations" / model / below / facts["pivot"]
        other = [
            *other_model(resources / "models" / model, known),
            *other_texts(resources / "corpora" / facts["corpus"], facts, languages),
            *other_settings(store / "manifest.json", facts["settings"]),
        ]
        if other:
            problems += [
                f"{model}: another input, so nothing is compared: {what}" for what in other
            ]
            continue
        expected = read_reference(reference / f"{model}.csv", facts["n"])
        for name in expected.index.unique("representation"):
            parts = (part(scores, name, languages) for scores in (found, expected))
            row, wrong = compare(*parts, facts["tolerance"])
            rows.append({"model": model, "representation": name, **row})
            problems += [f"{model}, {name}: {what}" for what in wrong]
    return pd.DataFrame(rows), problems


def read_reference(path, n):
    """The scores of a reference by `KEY`."""
    hits = pd.read_csv(path).set_index(KEY[:-1]).rename_axis(columns="measure").stack()
    return hits / n


def read_scores(path, pivot):
    """The scores of a run with the pivot in each layer, by `KEY`."""
    scores = pd.read_parquet(path)
    scores = scores[(scores["reduction"] == "layer") & (scores["source"] != scores["target"])]
    away = scores[scores["source"] == pivot].assign(language=scores["target"])
    back = scores[scores["target"] == pivot].assign(language=scores["source"])
    parts = [
        away[away["measure"] == "mu"],
        away[away["measure"] == "top1"].assign(measure="top1_forward"),
        back[back["measure"] == "top1"].assign(measure="top1_backward"),
    ]
    return pd.concat(parts).astype({"layer": int}).set_index(KEY)["value"].sort_index()


def part(scores, representation, languages):
    """The scores of one representation and of some languages."""
    kept = scores[
        (scores.index.get_level_values("representation") == representation)
        & scores.index.get_level_values("language").isin(languages)
    ]
    return kept.droplevel("representation")


def other_model(snapshot, known):
    """Files of a snapshot that are not those of the reference."""
    card = snapshot / "model.json"
    if not card.is_file():
        return [f"there is no {card}"]
    source = json.loads(card.read_text("utf-8"))["source_digest"]
    if source != known["source_digest"]:
        return [f"{snapshot} was made from another file (SHA-256 {source[:12]}...)"]
    return [
        f"{snapshot / name} is another file, though it was made from the same source"
        for name, wanted in known["files"].items()
        if digest(snapshot / name) != wanted
    ]


def other_texts(folder, facts, languages):
    """Texts that are not those of the reference."""
    return [
        f"{folder / code}.txt is another text"
        for code in (facts["pivot"], *languages)
        if digest(folder / f"{code}.txt") != facts["texts"][code]
    ]


def other_settings(manifest, settings):
    """Settings of the extraction that are not those of the reference."""
    if not manifest.is_file():
        return [f"there is no {manifest}"]
    used = json.loads(manifest.read_text("utf-8"))["identity"]["extraction"]
    return [
        f"'{name}' of the extraction is {used[name]}, not {wanted}"
        for name, wanted in settings.items()
        if used[name] != wanted
    ]


def compare(found, expected, tolerance):
    """Compare the scores of one representation; a row of the table, and what is wrong."""
    wrong = []
    if missing := expected.index.difference(found.dropna().index).tolist():
        wrong.append(f"{len(missing)} values are missing, {place(*missing[0])} the first")
    if unknown := found.index.difference(expected.index).tolist():
        wrong.append(f"{len(unknown)} values are too many, {place(*unknown[0])} the first")
    off = (found.reindex(expected.index) - expected).round(9).dropna()
    beyond = off[off.abs() > tolerance["value"]]
    if len(beyond):
        worst = beyond.abs().idxmax()
        wrong.append(
            f"{len(beyond)} values differ by more than {tolerance['value']}: {place(*worst)} is "
            f"{found[worst]:.3f}, not {expected[worst]:.3f}"
        )
    means = off.groupby(["language", "measure"]).mean()
    beyond = means[means.abs() > tolerance["mean"]]
    if len(beyond):
        language, measure = beyond.abs().idxmax()
        wrong.append(
            f"{len(beyond)} means over layers differ by more than {tolerance['mean']}: {measure} "
            f"of {language} by {beyond[language, measure]:+.4f}"
        )
    row = {
        "values": len(off),
        "equal": int((off == 0).sum()),
        "largest difference": off.abs().max(),
        "largest of a mean over layers": means.abs().max(),
        "mean difference": off.mean(),
        "verdict": "beyond tolerance" if wrong else "within tolerance",
    }
    return row, wrong


def place(language, layer, measure):
    return f"{measure} of {language} in layer {layer}"


def digest(path):
    """SHA-256 of a file; empty if it is not there."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
