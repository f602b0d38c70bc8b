"""Benchmarks through the harness: plain computation, HFLM, kills, added languages, errors."""

from __future__ import annotations

import json
import os
import shutil
import signal

import datasets
import huggingface_hub
import numpy as np
import pandas as pd
import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from scipy import stats

from neuronxa.config import ModelRow, TaskRow
from neuronxa.downstream.harness import evaluation
from neuronxa.downstream.harness.evaluation import ANSWERS, SAMPLES, HarnessRun
from neuronxa.downstream.harness.model import KeptAnswers, TreeLM
from neuronxa.downstream.harness.scores import score_run
from neuronxa.downstream.harness.trees import LEAST_PREFIX, Scored, blocks, shared_prefix
from neuronxa.downstream.trees import runs_trees
from neuronxa.errors import ConfigError, CorpusError, ModelError, StoreError
from neuronxa.languages import Languages
from neuronxa.models.loading import load_causal
from neuronxa.models.snapshot import make_snapshot

from .tiny import save_tiny, tiny_model, tiny_tokenizer

WORDS = {
    "en": "water stone river cloud light mountain winter engine",
    "de": "Wasser Stein Fluss Wolke Licht Berg Winter Motor",
    "zh": "水 石头 河 云 光 山 冬天 发动机",
}
LANGUAGES = ("eng_Latn", "deu_Latn", "zho_Hans")


def questions(code, rng):
    """Six items in Okapi's form; ids are shared, the order is not; one has five options."""
    words = WORDS[code].split()
    items = []
    for number in rng.permutation(6):
        picked = [words[i] for i in rng.permutation(len(words))]
        item = {
            "id": f"quiz/{number}",
            "instruction": f"  {picked[0]} [x] and {picked[1]} are near which {picked[2]} here? ",
            "answer": "ABCD"[number % 4],
            **{
                f"option_{c}": f"the {w} of {picked[7]}"
                for c, w in zip("abcd", picked[3:7], strict=True)
            },
        }
        if code != "en" and number == 3:
            item["option_e"] = picked[7]
        items.append(item)
    return items


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("harness")
    save_tiny("llama", folder / "source", max_position_embeddings=1024)
    row = ModelRow(model="m", label="M", source="folder", location=str(folder / "source"))
    make_snapshot(row, folder / "snapshot")
    return folder / "snapshot"


@pytest.fixture
def folder(tmp_path, repository, monkeypatch):
    """A working directory with local data and the task files that are shipped."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # the libraries read it when they are imported, perhaps by an earlier test
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    (tmp_path / "data/m_arc").mkdir(parents=True)
    for place, code in enumerate(WORDS):
        items = questions(code, np.random.default_rng(place))
        path = tmp_path / f"data/m_arc/{code}_validation.json"
        path.write_text(json.dumps(items, ensure_ascii=False), "utf-8")
    shutil.copytree(repository / "config/harness/m_arc", tmp_path / "tasks")
    return tmp_path


@pytest.fixture
def make_run(folder, snapshot, repository):
    sheet = Languages.read(repository / "config/languages.tsv")

    def make(languages=LANGUAGES, where="out", **changes):
        settings = {"location": "tasks", "pattern": "m_arc_{language}", "metric": "acc"}
        row = TaskRow(task="quiz", label="Q", kind="harness", **{**settings, "shots": 0, **changes})
        return HarnessRun(snapshot, row, languages, sheet, "cpu", folder / where)

    return make


@pytest.fixture
def evaluated(monkeypatch):
    """The tasks that are really evaluated, in order."""
    calls = []
    original = evaluation.evaluate

    def count(lm, tasks, row):
        calls.append(tasks[0].task_name)
        return original(lm, tasks, row)

    monkeypatch.setattr(evaluation, "evaluate", count)
    return calls


def log_probability(model, tokenizer, context, continuation):
    """Sum over the continuation's tokens, one full prompt, softmax in float64."""
    before, ids = tokenizer(context)["input_ids"], tokenizer(context + continuation)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double().numpy()
    total = 0.0
    for place in range(len(before), len(ids)):
        row = logits[place - 1]
        total += row[ids[place]] - row.max() - np.log(np.exp(row - row.max()).sum())
    return total


@pytest.mark.parametrize(("metric", "shots"), [("acc", 0), ("acc_norm", 0)])
def test_accuracy_is_that_of_one_prompt_at_a_time(make_run, snapshot, folder, metric, shots):
    run = make_run(metric=metric, shots=shots)
    run.publish()
    scores, items = score_run(run.folder, run.row, model="m")
    model, tokenizer = load_causal(snapshot), tiny_tokenizer()
    for language, code in zip(LANGUAGES, WORDS, strict=True):
        right, chances = {}, []
        for item in json.loads((folder / f"data/m_arc/{code}_validation.json").read_text("utf-8")):
            prompt = f"Question: {item['instruction'].strip().replace(' [x]', ' ')}\nAnswer:"
            prompt = prompt.replace("  ", " ")
            options = [item[f"option_{c}"] for c in "abcde" if item.get(f"option_{c}")]
            values = [log_probability(model, tokenizer, prompt, f" {o}") for o in options]
            if metric == "acc_norm":
                values = [v / len(o) for v, o in zip(values, options, strict=True)]
            right[item["id"]] = float(np.argmax(values) == "ABCDE".index(item["answer"]))
            chances.append(1 / len(options))
        (score,) = scores[scores["language"] == language].to_dict("records")
        assert score["value"] == pytest.approx(sum(right.values()) / 6)
        assert score["chance"] == pytest.approx(np.mean(chances))
        interval = stats.binomtest(int(sum(right.values())), 6).proportion_ci(method="wilson")
        assert (score["low"], score["high"]) == pytest.approx((interval.low, interval.high))
        assert (score["n"], score["metric"]) == (6, metric)
        assert score["source"] == f"lm-eval 0.4.13, m_arc_{code} v2.0, 0-shot"
        own = items[items["language"] == language]
        assert dict(zip(own["item"], own["value"], strict=True)) == right
    assert list(items) == ["model", "task", "language", "metric", "item", "value"]


def test_worked_examples_and_a_draw(make_run, snapshot):
    """The draw takes the same items whatever their order; shots come before the question."""
    run = make_run(items=5, shots=2)
    run.publish()
    scores, items = score_run(run.folder, run.row, model="m")
    assert scores["source"].str.endswith("2-shot").all() and (scores["n"] == 5).all()
    drawn = items.groupby("language")["item"].agg(set)
    assert drawn["eng_Latn"] == drawn["deu_Latn"] == drawn["zho_Hans"]
    zero = make_run(items=5, where="zero")
    zero.publish()
    whole = make_run(where="whole")
    whole.publish()
    for language in LANGUAGES:
        with_shots, without, everything = (
            pd.read_parquet(r.folder / language / SAMPLES).set_index("item")["prompt_hash"]
            for r in (run, zero, whole)
        )
        assert (with_shots != without).all()
        assert without.equals(everything[without.index])  # each beside its own item
    other = make_run(items=5, seed=3, where="other")
    other.publish()
    again = score_run(other.folder, other.row, model="m")[1]
    assert set(again["item"]) != set(items["item"])


def asked(context, *continuations):
    return [Instance("loglikelihood", {}, (context, c), 0) for c in continuations]


REQUESTS = [
    *asked("Q: what is near? A:", " a river", " a stone", " a", " b"),
    *asked("Q: and who? A:", " nobody at all", " nobody at all"),
    *asked("", "from nothing", "from"),
    *asked("x" * 150 + " long Q: what? A:", " the end", " no"),  # longer than the context
    *asked("y", "z" * 64, "z" * 20),
]


@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "mistral", "gpt2", "qwen2_moe", "bloom"])
@pytest.mark.parametrize("common", ["", "few worked examples stand before all, "])
def test_equals_plain_hflm(kind, common):
    """Contexts, empty ones, shared beginnings, and prompts longer than the model's context."""
    limit = 128 if common else 64
    model, tokenizer = tiny_model(kind, max_position_embeddings=limit), tiny_tokenizer()
    if kind == "bloom":
        tokenizer.model_max_length = limit
    assert not common or len(tokenizer(common)["input_ids"]) > LEAST_PREFIX
    requests = [
        Instance("loglikelihood", {}, (common + r.args[0] if r.args[0] else "", r.args[1]), 0)
        for r in REQUESTS
        if not common or len(r.args[0]) in range(5, 100)
    ]
    plain = HFLM(pretrained=model, tokenizer=tokenizer, backend="causal", batch_size=1)
    trees = TreeLM(model, tokenizer, block_tokens=16)
    assert trees.max_length == limit and runs_trees(model) == (kind != "bloom")
    # a continuation that the model itself would write, so that some is greedy
    ids = tokenizer("Q: go on")["input_ids"]
    with torch.no_grad():
        best = int(model(torch.tensor([ids])).logits[0, -1].argmax())
    tokens = [((None, None), ids, [best]), ((None, None), ids, [best ^ 1])]
    assert [greedy for _, greedy in trees._loglikelihood_tokens(tokens)] == [True, False]
    expected, found = plain.loglikelihood(requests), trees.loglikelihood(requests)
    np.testing.assert_allclose([v for v, _ in found], [v for v, _ in expected], atol=3e-4)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]
    assert np.ptp([v for v, _ in expected]) > 1
    assert trees.truncated == (0 if common else 3)
    rolling = [Instance("loglikelihood_rolling", {}, ("rolling " * 20,), 0)]
    assert trees.loglikelihood_rolling(rolling) == pytest.approx(
        plain.loglikelihood_rolling(rolling), abs=2e-3
    )


def test_blocks_hold_every_sequence_once_and_share_a_beginning():
    rng = np.random.default_rng(0)
    head = list(rng.integers(3, 9, 40))
    sequences = [
        Scored([*map(int, head), *map(int, rng.integers(3, 9, 12)), place], 2) for place in range(9)
    ]
    assert shared_prefix(sequences) == 40
    found = list(blocks(sequences, 20))
    assert len(found) > 2 and sorted(p for block in found for p in block) == list(range(9))
    # the last token of a context is never part of the beginning
    same = [Scored([*range(50), 1], 1), Scored([*range(50), 2], 1)]
    assert shared_prefix(same) == 49


def test_an_answer_without_tokens_is_refused():
    lm = TreeLM(tiny_model("llama"), tiny_tokenizer())
    with pytest.raises(ModelError, match="an answer of 0 tokens after 1 cannot be scored"):
        lm._loglikelihood_tokens([(("a", ""), [1], [])])


def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(make_run, monkeypatch):
    whole, killed = make_run(where="whole"), make_run(where="killed")
    puts = []
    original = KeptAnswers.put

    def put(self, key, answers):
        original(self, key, answers)
        puts.append(key)

    monkeypatch.setattr(KeptAnswers, "put", put)
    whole.publish()
    expected, puts[:] = list(puts), []
    assert len(expected) >= 5 and len(set(expected)) == len(expected)

    def dying(self, key, answers):
        put(self, key, answers)
        if len(puts) == 3:
            with self._path.open("a") as stream:  # as if the kill came while writing
                stream.write('["torn')
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(KeptAnswers, "put", dying)
        try:
            killed.publish()
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert not (killed.folder / "manifest.json").exists()
    kept = len(list(killed.folder.glob(f"*/{ANSWERS}")))
    assert kept == 1
    killed.publish()
    assert puts == expected[3:]
    for language in LANGUAGES:
        samples = [run.folder / language / SAMPLES for run in (whole, killed)]
        assert samples[0].read_bytes() == samples[1].read_bytes()
    assert not list(killed.folder.glob(f"*/{ANSWERS}"))


def test_an_added_language_is_evaluated_alone(make_run, evaluated, folder, monkeypatch):
    first = make_run(LANGUAGES[:2])
    first.publish()
    before = (first.folder / "deu_Latn/manifest.json").read_bytes()
    make_run((*LANGUAGES, "jpn_Jpan")).publish()
    assert evaluated == ["m_arc_en", "m_arc_de", "m_arc_zh"]
    assert (first.folder / "deu_Latn/manifest.json").read_bytes() == before
    run = make_run()
    assert set(score_run(run.folder, run.row, model="m")[0]["language"]) == set(LANGUAGES)

    with monkeypatch.context() as patch:
        loaded = "neuronxa.models.loading.load_causal"
        patch.setattr(loaded, lambda *_, **__: pytest.fail("the model was loaded"))
        make_run(LANGUAGES[:2]).publish()
        assert len(score_run(run.folder, run.row, model="m")[0]) == 2
        make_run(metric="acc_norm").publish()  # another metric is read, not evaluated

    path = folder / "data/m_arc/de_validation.json"
    path.write_text(path.read_text("utf-8").replace("Wasser", "Eis"), "utf-8")
    make_run().publish()
    assert evaluated[3:] == ["m_arc_de"]
    make_run(shots=1).publish()
    assert evaluated[4:] == ["m_arc_en", "m_arc_de", "m_arc_zh"]


def test_damaged_results_are_found(make_run):
    run = make_run(LANGUAGES[:1])
    run.publish()
    (run.folder / "eng_Latn" / SAMPLES).write_bytes(b"no")
    with pytest.raises(StoreError, match=r"missing or damaged(.|\n)*Hint: run: "):
        score_run(run.folder, run.row, model="m")


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"metric": "f2"}, ConfigError, r"no single metric 'f2'(.|\n)*Allowed: acc, acc_norm"),
        ({"metric": "acc,strict"}, ConfigError, r"no single metric 'acc,strict'"),
        (
            {"pattern": "marc_{language}"},
            ConfigError,
            r"no language has a task 'marc_\{language\}'(.|\n)*near matches: m_arc_",
        ),
        ({"pattern": "hub_{language}"}, CorpusError, r"the dataset no-one/nothing cannot be read"),
        (
            {"pattern": "lost_{language}"},
            ConfigError,
            r"data/lost/en_validation.json does not exist",
        ),
        ({"select": "en=m_arc_xx"}, ConfigError, r"no task 'm_arc_xx', which 'select' names"),
        ({"location": "nowhere"}, ConfigError, r"nowhere: the folder does not exist"),
    ],
)
def test_what_does_not_fit_is_told_before_the_model_loads(
    make_run, folder, monkeypatch, changes, error, told
):
    for name, source in (("hub", "no-one/nothing"), ("lost", "json")):
        text = (folder / "tasks/arc.yaml").read_text("utf-8")
        text = text.replace("m_arc_{language}", name + "_{language}")
        if name == "hub":
            text = text.replace("dataset_path: json", f"dataset_path: {source}")
            text = text[: text.index("dataset_kwargs")] + text[text.index("output_type") :]
        text = text.replace("data/m_arc", "data/lost")
        (folder / f"tasks/{name}.yaml").write_text(text, "utf-8")
    loaded = "neuronxa.models.loading.load_causal"
    monkeypatch.setattr(loaded, lambda *_, **__: pytest.fail("the model was loaded"))
    with pytest.raises(error, match=told):
        make_run(**changes).publish()


GROUPED = """
dataset_path: json
dataset_kwargs: {{data_files: {{test: data/part_{part}.json}}}}
task: pair_en_{part}
output_type: multiple_choice
test_split: test
doc_to_text: "{{{{text}}}}"
doc_to_choice: ["yes", "no"]
doc_to_target: label
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: f1, aggregation: f1, higher_is_better: true}}
  - {{metric: brier_score, aggregation: brier_score, higher_is_better: false}}
metadata: {{version: 3}}
"""


def test_groups_and_metrics_that_are_no_shares(make_run, folder):
    for part, size in (("a", 2), ("b", 5)):
        rows = [{"text": f"{part} {n}:", "label": n % 2} for n in range(size)]
        (folder / f"data/part_{part}.json").write_text(json.dumps(rows))
        (folder / f"tasks/{part}.yaml").write_text(GROUPED.format(part=part))
    (folder / "tasks/group.yaml").write_text("group: pair_en\ntask: [pair_en_a, pair_en_b]\n")
    run = make_run(("eng_Latn",), pattern="pair_{language}")
    run.publish()
    scores, items = score_run(run.folder, run.row, model="m")
    (score,) = scores.to_dict("records")
    assert score["value"] == items["value"].mean() and score["n"] == len(items) == 7
    assert score["chance"] == 0.5
    assert score["source"] == "lm-eval 0.4.13, pair_en v3, 0-shot"
    assert items["item"].tolist() == ["0/0", "0/1", *(f"1/{n}" for n in range(5))]
    with pytest.raises(ConfigError, match="'f1' has no number per item"):
        score_run(run.folder, run.row.model_copy(update={"metric": "f1"}), model="m")

    one = make_run(("eng_Latn",), pattern="pair_{language}_b", metric="f1", where="one")
    one.publish()
    scores, items = score_run(one.folder, one.row, model="m")
    results = json.loads((one.folder / "eng_Latn/results.json").read_text())
    assert scores["value"].item() == results["results"]["pair_en_b"]["f1,none"]
    assert scores[["low", "high", "chance"]].isna().all(axis=None) and items.empty
    assert scores["n"].item() == 5
