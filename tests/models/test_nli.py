"""Fine-tuning and evaluation on tiny random models: the loss, what is trained, kills, damage."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from neuronxa.config import ModelRow
from neuronxa.config.settings import FineTuningSettings
from neuronxa.downstream.nli.checkpoints import SEAL, latest, seal
from neuronxa.downstream.nli.classifier import class_logits, label_tokens, tokenise_pairs
from neuronxa.downstream.nli.evaluation import (
    LOG_PROBABILITIES,
    EvaluationShard,
    class_log_probabilities,
    read_predictions,
)
from neuronxa.downstream.nli.pairs import Pair, write_pairs
from neuronxa.downstream.nli.steps import plan_steps
from neuronxa.downstream.nli.training import FineTuning, load_fine_tuned
from neuronxa.errors import CorpusError, ModelError, StoreError
from neuronxa.models.snapshot import make_snapshot
from neuronxa.stores.journal import read_manifest

from .tiny import save_tiny, tiny_model, tiny_tokenizer

SIGNS = ("aa", "bb", "cc")  # the hypothesis gives the class away


def toy_pairs(count, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    return [
        Pair(str(i), int(label), "x" * int(rng.integers(2, 9)), SIGNS[label])
        for i, label in enumerate(labels)
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Snapshots of a tiny model with a separate head, and toy pairs."""
    folder = tmp_path_factory.mktemp("nli")
    save_tiny("llama", folder / "source")
    row = ModelRow(model="m", label="M", source="folder", location=str(folder / "source"))
    make_snapshot(row, folder / "snapshot")
    write_pairs(folder / "training.tsv", toy_pairs(120))
    for code, seed in (("eng_Latn", 1), ("deu_Latn", 2)):
        write_pairs(folder / f"{code}.tsv", toy_pairs(60, seed))
    return folder


def tuning(world, folder, **changes):
    recipe = {"batch_size": 8, "learning_rate": 1e-2, "rank": 4, "alpha": 8, "checkpoint_steps": 5}
    return FineTuning(
        snapshot=world / "snapshot",
        training=world / "training.tsv",
        recipe=FineTuningSettings(**(recipe | changes)),
        seed=0,
        device="cpu",
        folder=folder,
    )


@pytest.fixture(scope="module")
def tuned(world):
    one = tuning(world, world / "tuned", epochs=4)
    one.publish()
    return one


@pytest.mark.parametrize("kind", ["gemma2", "gpt2", "bloom", "phi", "opt", "mixtral", "falcon-rw"])
def test_log_probabilities_are_those_of_each_pair_alone(kind):
    """Against the model's own logits where it leaves them as they are."""
    model, tokenizer = tiny_model(kind), tiny_tokenizer()
    if kind == "gemma2":
        model.config.final_logit_softcapping = None
    tokens = label_tokens(tokenizer)
    ids = tokenise_pairs(tokenizer, toy_pairs(12))
    found = class_log_probabilities(model, tokens, ids, token_budget=64)
    with torch.inference_mode():
        for row, one in zip(found, ids, strict=True):
            logits = model(input_ids=torch.tensor(one)[None]).logits[0, -1]
            expected = logits[tokens].double().log_softmax(-1).numpy()
            np.testing.assert_allclose(row, expected, atol=2e-5)


def test_the_text_that_a_model_reads():
    tokenizer = tiny_tokenizer()
    (ids,) = tokenise_pairs(tokenizer, [Pair("0", 1, "ab", "c")])
    # the tokenizer's letter for a line break
    assert tokenizer.convert_ids_to_tokens(ids.tolist()) == ["<s>", "a", "b", "Ċ", "c", "Ċ"]
    assert tokenizer.convert_ids_to_tokens(label_tokens(tokenizer)) == ["y", "m", "n"]


def test_words_that_begin_alike_are_refused(monkeypatch):
    monkeypatch.setattr("neuronxa.downstream.nli.classifier.WORDS", ("no", "never", "yes"))
    with pytest.raises(ModelError, match="no, never, yes do not begin with different tokens"):
        label_tokens(tiny_tokenizer())


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_first_loss_is_the_plain_cross_entropy(world, tmp_path, method):
    tuning(world, tmp_path, method=method, warmup=0.0, learning_rate=1e-5).publish()
    curve = pd.read_parquet(tmp_path / "curve.parquet")
    model, tokenizer = tiny_model("llama"), tiny_tokenizer()
    pairs, tokens = toy_pairs(120), label_tokens(tiny_tokenizer())
    ids = tokenise_pairs(tokenizer, pairs)
    steps = plan_steps([len(one) for one in ids], epochs=1, batch_size=8, seed=0)
    losses = []
    with torch.inference_mode():
        for i in steps[0]:  # adapters start as nothing: B = 0
            hidden = model.model(input_ids=torch.tensor(ids[i])[None]).last_hidden_state[0, -1]
            z = model.lm_head.weight[tokens].double().numpy() @ hidden.double().numpy()
            losses.append(np.log(np.exp(z).sum()) - z[pairs[i].label])
    assert curve["loss"][0] == pytest.approx(np.mean(losses), abs=1e-5)
    assert curve["step"].tolist() == list(range(1, 16))
    assert curve["epoch"].iloc[-1] == 1.0
    # linear decay from the peak: the last step has one step's worth left
    expected = [1e-5 * (15 - i) / 15 for i in range(15)]
    assert curve["learning_rate"].tolist() == pytest.approx(expected)


def test_adapters_alone_are_trained(world, tuned):
    manifest = read_manifest(tuned.folder)
    weights = load_file(tuned.folder / "weights" / "adapter_model.safetensors")
    assert all("lora_" in name for name in weights)
    assert not any("lm_head" in name or "embed" in name for name in weights)
    assert sum(w.numel() for w in weights.values()) == manifest["facts"]["trained_parameters"]
    assert any(w.abs().max() > 0 for name, w in weights.items() if "lora_B" in name)
    before = load_file(world / "snapshot" / "model.safetensors")
    after = load_fine_tuned(tuned.snapshot, tuned.folder, device="cpu").state_dict()
    assert torch.equal(before["lm_head.weight"], after["lm_head.weight"])
    assert torch.equal(before["model.norm.weight"], after["model.norm.weight"])
    name = "model.layers.0.mlp.down_proj.weight"
    assert not torch.equal(before[name], after[name])


def test_every_weight_is_trained(world, tmp_path):
    tuning(world, tmp_path, method="full", learning_rate=1e-3).publish()
    before = load_file(world / "snapshot" / "model.safetensors")
    after = load_fine_tuned(world / "snapshot", tmp_path, device="cpu").state_dict()
    assert all(not torch.equal(before[name], after[name]) for name in before)
    # of the head only the rows of the three words
    head = (before["lm_head.weight"] - after["lm_head.weight"]).abs().sum(dim=1)
    assert set(head.nonzero().flatten().tolist()) == set(label_tokens(tiny_tokenizer()))


def test_what_is_learnt_carries_over(world, tuned, tmp_path, monkeypatch):
    shard = EvaluationShard(
        snapshot=world / "snapshot",
        tuned=tuned.folder,
        training=world / "training.tsv",
        pairs={code: world / f"{code}.tsv" for code in ("eng_Latn", "deu_Latn")},
        device="cpu",
        token_budget=128,
        folder=tmp_path,
    )
    shard.publish("deu_Latn")
    assert {p.parent.name for p in tmp_path.rglob("manifest.json")} == {"deu_Latn"}
    monkeypatch.setattr(
        "neuronxa.models.loading.load_causal", lambda *_, **__: pytest.fail("loaded again")
    )
    shard.publish("eng_Latn")
    for code in ("eng_Latn", "deu_Latn"):
        table = read_predictions(tmp_path / code)
        assert list(table) == ["item", "label", "predicted", *LOG_PROBABILITIES]
        np.testing.assert_allclose(np.exp(table[LOG_PROBABILITIES]).sum(axis=1), 1.0)
        assert (table["label"] == table["predicted"]).mean() > 0.9
    facts = read_manifest(tmp_path / "deu_Latn")["facts"]
    seen = {(p.premise, p.hypothesis) for p in toy_pairs(120)}
    shared = sum((p.premise, p.hypothesis) in seen for p in toy_pairs(60, 2))
    assert facts["also_in_training"] == shared > 0
    (tmp_path / "deu_Latn" / "predictions.parquet").write_bytes(b"x")
    with pytest.raises(StoreError, match=r"missing or damaged(.|\n)*Hint: run: "):
        read_predictions(tmp_path / "deu_Latn")


def test_nothing_is_trained_twice(world, tuned, monkeypatch):
    stamp = (tuned.folder / "curve.parquet").stat().st_mtime_ns
    tuned.publish()
    assert (tuned.folder / "curve.parquet").stat().st_mtime_ns == stamp
    assert not (tuned.folder / "checkpoints").exists()
    facts = read_manifest(tuned.folder)["facts"]
    assert (facts["used"], facts["too_long"], facts["steps"]) == (120, 0, 60)


def test_long_pairs_are_left_out_and_counted(world, tmp_path):
    tuning(world, tmp_path, max_tokens=10).publish()
    facts = read_manifest(tmp_path)["facts"]
    lengths = [len(one) for one in tokenise_pairs(tiny_tokenizer(), toy_pairs(120))]
    assert facts["too_long"] == sum(length > 10 for length in lengths) > 0
    assert facts["used"] + facts["too_long"] == 120
    with pytest.raises(CorpusError, match="all 120 training pairs have more than 8 tokens"):
        write_pairs(tmp_path / "long.tsv", [Pair("0", 0, "x" * 9, "y")] * 120)
        long = tuning(world, tmp_path / "none", max_tokens=8)
        object.__setattr__(long, "training", tmp_path / "long.tsv")
        long.publish()


def test_a_loss_that_is_no_number_ends_the_run(world, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "neuronxa.downstream.nli.trainer.class_logits",
        lambda *a: class_logits(*a) * float("nan"),
    )
    with pytest.raises(ModelError, match=r"step 1 is not finite\n  Hint: lower"):
        tuning(world, tmp_path).publish()
    assert not (tmp_path / "manifest.json").exists()


RUN = """
import os, signal, sys
from pathlib import Path
from neuronxa.config.settings import FineTuningSettings
from neuronxa.downstream.nli.training import FineTuning

class Killer:
    done = 0
    def start(self, total): pass
    def advance(self, amount):
        self.done += amount
        if self.done == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

world, folder = Path(sys.argv[1]), Path(sys.argv[2])
FineTuning(
    snapshot=world / "snapshot", training=world / "training.tsv",
    recipe=FineTuningSettings(batch_size=8, learning_rate=1e-2, rank=4, alpha=8,
                              checkpoint_steps=5, epochs=4),
    seed=0, device="cpu", folder=folder,
).publish(progress=Killer())
"""


def kill_at(step, world, folder, repository):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(RUN), str(world), str(folder), str(step)],
        env={**os.environ, "PYTHONPATH": str(repository / "workflow")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]


def test_a_killed_run_ends_with_the_same_bits(world, tuned, tmp_path, repository):
    """Killed within the second epoch, its last checkpoint damaged, and gone on with."""
    kill_at(28, world, tmp_path, repository)
    folder = tmp_path / "checkpoints"
    assert {p.name for p in folder.glob("checkpoint-*")} == {"checkpoint-20", "checkpoint-25"}
    assert not (tmp_path / "manifest.json").exists()
    part = folder / "checkpoint-25" / "optimizer.pt"
    part.write_bytes(part.read_bytes()[:-100])
    counted = []

    class Count:
        def start(self, total):
            counted.append(total)

        def advance(self, amount):
            counted.append(amount)

    tuning(world, tmp_path, epochs=4).publish(progress=Count())
    assert counted == [60, 20, *[1] * 40]  # gone on from the checkpoint before
    for name in ("weights/adapter_model.safetensors", "curve.parquet"):
        assert (tmp_path / name).read_bytes() == (tuned.folder / name).read_bytes()
    assert read_manifest(tmp_path)["fingerprint"] == read_manifest(tuned.folder)["fingerprint"]
    assert not folder.exists()


def test_a_run_that_fails_after_its_last_step_trains_nothing_more(
    world, tuned, tmp_path, monkeypatch
):
    """The last checkpoint is the end of training; only the weights are still to be written."""
    one = tuning(world, tmp_path, epochs=4)
    with monkeypatch.context() as patch:
        patch.setattr(
            "neuronxa.downstream.nli.training.write_frame",
            lambda *_: (_ for _ in ()).throw(OSError("no space left")),
        )
        with pytest.raises(OSError, match="no space left"):
            one.publish()
    assert latest(tmp_path / "checkpoints").name == "checkpoint-60"
    with monkeypatch.context() as patch:
        patch.setattr(
            "neuronxa.downstream.nli.trainer.class_logits", lambda *_: pytest.fail("trained again")
        )
        one.publish()
    for name in ("weights/adapter_model.safetensors", "curve.parquet"):
        assert (tmp_path / name).read_bytes() == (tuned.folder / name).read_bytes()


def test_another_recipe_starts_anew(world, tmp_path):
    class Stop:
        def start(self, total):
            self.left = 12

        def advance(self, amount):
            self.left -= amount
            if not self.left:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuning(world, tmp_path).publish(progress=Stop())
    assert latest(tmp_path / "checkpoints").name == "checkpoint-10"
    tuning(world, tmp_path, learning_rate=5e-3).publish()
    assert len(pd.read_parquet(tmp_path / "curve.parquet")) == 15


def test_damaged_weights_are_found_and_made_again(world, tuned, tmp_path):
    shutil.copytree(tuned.folder, tmp_path / "copy")
    copy = tuning(world, tmp_path / "copy", epochs=4)
    path = copy.folder / "weights" / "adapter_model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError, match=r"missing or damaged(.|\n)*Hint: run: "):
        load_fine_tuned(copy.snapshot, copy.folder, device="cpu")
    copy.publish()
    assert path.read_bytes() == whole


def test_a_checkpoint_counts_once_it_is_sealed(tmp_path):
    for step in (5, 10, 100):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "weights").write_text(str(step), "utf-8")
        seal(folder)
    assert latest(tmp_path).name == "checkpoint-100"
    (tmp_path / "checkpoint-100" / SEAL).unlink()
    (tmp_path / "checkpoint-10" / "weights").write_text("other", "utf-8")
    assert latest(tmp_path).name == "checkpoint-5"
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint-5"]
    assert latest(tmp_path / "none") is None
