"""A run is compared with a reference: what passes, what does not, and what is said of it."""

from __future__ import annotations

import hashlib
import itertools
import json

import numpy as np
import pandas as pd
import pytest
import yaml

from ..reference.plain import hits
from ..reference.verify import HERE, main

N = 50
LANGUAGES = ("eng_Latn", "deu_Latn", "swh_Latn", "hin_Deva")
MODELS = ("a", "b")
LAYERS = {"nas_gate": 3, "hidden": 4}
SETTINGS = {"site": "gate", "pooling": "weighted"}


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def reference(tmp_path):
    """A small reference: two models, three languages and the pivot."""
    folder = tmp_path / "reference"
    folder.mkdir()
    facts = {
        "corpus": "corpus",
        "extraction": "default",
        "settings": SETTINGS,
        "pivot": "eng_Latn",
        "n": N,
        "texts": {code: sha256(f"text of {code}") for code in LANGUAGES},
        "models": {
            model: {
                "source_digest": sha256(model),
                "files": {"model.safetensors": sha256(f"weights of {model}")},
            }
            for model in MODELS
        },
        "tolerance": {"value": 0.04, "mean": 0.015},
    }
    (folder / "reference.json").write_text(json.dumps(facts), "utf-8")
    rng = np.random.default_rng(0)
    for model in MODELS:
        rows = [
            (name, code, layer, *rng.integers(10, 40, 3))
            for name, layers in LAYERS.items()
            for code in LANGUAGES[1:]
            for layer in range(layers)
        ]
        columns = ["representation", "language", "layer", "mu", "top1_forward", "top1_backward"]
        pd.DataFrame(rows, columns=columns).to_csv(folder / f"{model}.csv", index=False)
    return folder


@pytest.fixture
def run(tmp_path, reference):
    """Results that are equal to the reference, with more beside them."""
    folder = tmp_path / "run"
    for code in LANGUAGES:
        write(folder / "resources/corpora/corpus" / f"{code}.txt", f"text of {code}")
    for model in MODELS:
        snapshot = folder / "resources/models" / model
        write(snapshot / "model.json", json.dumps({"source_digest": sha256(model)}))
        write(snapshot / "model.safetensors", f"weights of {model}")
        store = folder / "results/activations" / model / "corpus/default/eng_Latn/manifest.json"
        write(store, json.dumps({"identity": {"extraction": {**SETTINGS, "max_tokens": 9}}}))
        table = pd.read_csv(reference / f"{model}.csv")
        mine = [table["language"], "eng_Latn"]
        parts = [
            table.assign(measure=measure, source=source, target=target, value=table[column] / N)
            for column, measure, (source, target) in (
                ("mu", "mu", reversed(mine)),
                ("mu", "mu", mine),
                ("top1_forward", "top1", reversed(mine)),
                ("top1_backward", "top1", mine),
                ("mu", "another", mine),
            )
        ]
        layers = pd.concat(parts).assign(reduction="layer", n=N)
        pivot = layers.assign(source="eng_Latn", target="eng_Latn", value=1.0)
        means = layers.assign(reduction="mean", layer=None, value=0.5)
        scores = pd.concat([layers, pivot.drop_duplicates(), means], ignore_index=True)
        scores["layer"] = scores["layer"].astype("Int64")
        columns = ["representation", "measure", "reduction", "layer", "source", "target"]
        path = scores_of(folder, model)
        path.parent.mkdir(parents=True)
        scores[[*columns, "value", "n"]].to_parquet(path)
    return folder


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def scores_of(run, model):
    return run / "results/alignment" / model / "corpus/default/scores.parquet"


def change(run, model, edit):
    """Edit the scores of a model."""
    path = scores_of(run, model)
    edit(pd.read_parquet(path)).to_parquet(path)


def shift(by, **where):
    """Add to the values of the rows with these values in these columns."""

    def edit(scores):
        chosen = np.logical_and.reduce([scores[name] == value for name, value in where.items()])
        assert chosen.any()
        return scores.assign(value=scores["value"] + by * chosen)

    return edit


MU_OF_GERMAN = {
    "representation": "hidden",
    "measure": "mu",
    "reduction": "layer",
    "source": "eng_Latn",
    "target": "deu_Latn",
}


@pytest.fixture
def check(run, reference, capsys):
    """Compare; the exit status and what was printed."""

    def check():
        status = main([str(run / "results")], reference)
        return status, capsys.readouterr().out

    return check


def row(out, model, representation):
    """What the table says of a representation."""
    lines = [line.split() for line in out.splitlines()]
    (found,) = [line[2:] for line in lines if line[:2] == [model, representation]]
    return found


def test_an_equal_run_passes(check):
    status, out = check()
    assert status == 0
    assert "The run is equal to the reference within tolerance." in out
    for model, (name, layers) in itertools.product(MODELS, LAYERS.items()):
        # three values for each of three languages in each layer
        count = str(3 * 3 * layers)
        assert row(out, model, name) == [count, count, "0.0", "0.0", "0.0", "within", "tolerance"]


def test_a_value_within_tolerance_passes_and_is_counted(run, check):
    change(run, "a", shift(0.04, **MU_OF_GERMAN, layer=2))
    status, out = check()
    assert status == 0
    assert row(out, "a", "hidden")[:4] == ["36", "35", "0.04", "0.01"]


@pytest.mark.parametrize("by", [0.06, -0.06])
def test_a_value_beyond_tolerance_fails(run, reference, check, by):
    change(run, "a", shift(by, **MU_OF_GERMAN, layer=2))
    status, out = check()
    table = pd.read_csv(reference / "a.csv").set_index(["representation", "language", "layer"])
    value = table.loc[("hidden", "deu_Latn", 2), "mu"] / N
    assert status == 1
    assert (
        "a, hidden: 1 values differ by more than 0.04: "
        f"mu of deu_Latn in layer 2 is {value + by:.3f}, not {value:.3f}"
    ) in out
    # a quarter of it is the mean of four layers, which is within tolerance
    assert "means over layers differ" not in out
    assert out.count("beyond tolerance") == 1
    assert out.count("within tolerance") == 3


@pytest.mark.parametrize(
    ("source", "target", "name"),
    [("eng_Latn", "hin_Deva", "top1_forward"), ("hin_Deva", "eng_Latn", "top1_backward")],
)
def test_small_differences_that_lean_one_way_fail_in_the_mean(run, check, source, target, name):
    where = {"representation": "nas_gate", "measure": "top1", "reduction": "layer"}
    change(run, "b", shift(-0.02, **where, source=source, target=target))
    status, out = check()
    assert status == 1
    assert (
        f"b, nas_gate: 1 means over layers differ by more than 0.015: {name} of hin_Deva by -0.0200"
    ) in out
    assert "values differ" not in out


def test_a_missing_value_fails(run, check):
    change(run, "a", lambda scores: scores[scores["layer"] != 3])
    status, out = check()
    assert status == 1
    assert "a, hidden: 9 values are missing, mu of deu_Latn in layer 3 the first" in out


def test_a_missing_representation_fails(run, check):
    change(run, "a", lambda scores: scores[scores["representation"] != "nas_gate"])
    status, out = check()
    assert status == 1
    assert "a, nas_gate: 27 values are missing, mu of deu_Latn in layer 0 the first" in out


def test_a_layer_too_many_fails(run, check):
    more = {"layer": 4, "value": 0.5}
    change(
        run,
        "b",
        lambda scores: pd.concat(
            [scores, scores[(scores["layer"] == 3)].assign(**more)], ignore_index=True
        ),
    )
    status, out = check()
    assert status == 1
    assert "b, hidden: 9 values are too many, mu of deu_Latn in layer 4 the first" in out


def test_a_missing_model_fails_and_the_other_is_compared(run, check):
    scores_of(run, "b").unlink()
    status, out = check()
    assert status == 1
    assert f"b: there is no {scores_of(run, 'b')}; `make run` makes it" in out
    assert out.count("within tolerance") == 2


def test_other_runs_have_no_reference_to_differ_from(run, check):
    for model in MODELS:
        path = scores_of(run, model)
        mine = path.parents[3] / f"my-{model}" / "mine/default/scores.parquet"
        mine.parent.mkdir(parents=True)
        path.rename(mine)
    status, out = check()
    assert status == 0
    assert "other runs than the default" in out


def only(*languages):
    return lambda scores: scores[
        scores["source"].isin(languages) & scores["target"].isin(languages)
    ]


def test_fewer_languages_are_compared_alone(run, check):
    for model in MODELS:
        change(run, model, only("eng_Latn", "swh_Latn"))
    # a text that the run has not used may be another
    write(run / "resources/corpora/corpus/deu_Latn.txt", "other")
    status, out = check()
    assert status == 0
    assert row(out, "a", "hidden")[:2] == ["12", "12"]


def test_a_language_that_the_reference_does_not_know_is_left_out(run, check):
    change(run, "a", lambda scores: scores.replace({"swh_Latn": "fao_Latn"}))
    status, out = check()
    assert status == 0
    assert row(out, "a", "hidden")[:2] == ["24", "24"]


@pytest.mark.parametrize("languages", [("eng_Latn",), ("deu_Latn", "swh_Latn")])
def test_a_run_without_a_pair_with_the_pivot_fails(run, check, languages):
    change(run, "a", only(*languages))
    status, out = check()
    assert status == 1
    assert "a: the run has no pair of eng_Latn with a language of the reference" in out


@pytest.mark.parametrize("code", ["eng_Latn", "hin_Deva"])
@pytest.mark.parametrize("text", ["other", None])
def test_another_text_is_named_and_nothing_is_compared(run, check, code, text):
    path = run / "resources/corpora/corpus" / f"{code}.txt"
    path.unlink() if text is None else write(path, text)
    status, out = check()
    assert status == 1
    for model in MODELS:
        assert f"{model}: another input, so nothing is compared: {path} is another text" in out
    assert "tolerance" not in out


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.json", json.dumps({"source_digest": "f" * 64}), " was made from another file"),
        ("model.safetensors", "other", "/model.safetensors is another file"),
    ],
)
def test_another_model_is_named_and_not_compared(run, check, file, content, message):
    snapshot = run / "resources/models/a"
    write(snapshot / file, content)
    status, out = check()
    assert status == 1
    assert f"a: another input, so nothing is compared: {snapshot}{message}" in out
    assert out.count("another input") == 1
    assert out.count("within tolerance") == 2


STORE = "results/activations/a/corpus/default/eng_Latn/manifest.json"


@pytest.mark.parametrize("missing", ["resources/models/a/model.json", STORE])
def test_a_missing_snapshot_or_store_is_named(run, check, missing):
    path = run / missing
    path.unlink()
    status, out = check()
    assert status == 1
    assert f"a: another input, so nothing is compared: there is no {path}" in out


def test_another_setting_is_named(run, check):
    write(run / STORE, json.dumps({"identity": {"extraction": {**SETTINGS, "pooling": "mean"}}}))
    status, out = check()
    assert status == 1
    assert "'pooling' of the extraction is mean, not weighted" in out


@pytest.fixture(scope="module")
def committed():
    return json.loads((HERE / "reference.json").read_text("utf-8"))


def test_the_committed_reference_is_of_the_default_run(committed, repository):
    config = yaml.safe_load((repository / "config/config.yaml").read_text("utf-8"))
    assert list(committed["models"]) == config["models"]
    assert list(committed["texts"]) == config["languages"]
    assert [committed["corpus"]] == config["corpora"]
    assert [committed["extraction"]] == config["extractions"]
    assert committed["pivot"] == config["pivot"]
    sheets = {
        name: pd.read_csv(
            repository / f"config/{name}.tsv", sep="\t", comment="#", index_col=0, dtype=str
        )
        for name in ("extractions", "corpora")
    }
    settings = sheets["extractions"].loc[committed["extraction"]]
    assert settings[list(committed["settings"])].to_dict() == committed["settings"]
    assert sheets["corpora"].loc[committed["corpus"], "sentences"] == str(committed["n"])


@pytest.mark.parametrize(("model", "layers"), [("gemma-3-270m", 18), ("smollm2-135m", 30)])
def test_the_committed_reference_is_whole(committed, model, layers):
    table = pd.read_csv(HERE / f"{model}.csv")
    assert table.notna().all(axis=None)
    found = set(table[["representation", "language", "layer"]].itertuples(index=False, name=None))
    assert len(found) == len(table)
    assert found == {
        (name, code, layer)
        for name in ("nas_gate", "nav_gate", "hidden", "hidden_last")
        for code in committed["texts"]
        if code != committed["pivot"]
        for layer in range(layers + name.startswith("hidden"))
    }
    counts = table[["mu", "top1_forward", "top1_backward"]]
    assert counts.ge(0).all(axis=None)
    assert counts.le(committed["n"]).all(axis=None)
    # a mutual hit is a hit in both directions
    assert counts["mu"].le(counts[["top1_forward", "top1_backward"]].min(axis=1)).all()


def test_plain_hits_are_strict_and_know_equal_rows():
    x = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    y = np.array([[3, 1, 0], [0, 2, 0], [0, 2, 0], [3, 3, 4]])
    forward, backward = hits(x, y)
    # sentence 1 has the rival 2, which is equal; sentence 2 is nearest to sentence 3
    assert forward.tolist() == [True, False, False, True]
    # of the second and third, only the first's own translation is the nearest
    assert backward.tolist() == [True, True, False, True]
