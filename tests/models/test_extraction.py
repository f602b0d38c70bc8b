"""What is stored does not depend on company, kills or the order of jobs."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from neuronxa.activations import extraction as extraction_module
from neuronxa.activations.extraction import Extractor, open_store
from neuronxa.activations.shard import Shard
from neuronxa.activations.texts import TextFolder, identity_of
from neuronxa.activations.tokens import pooling_weights, tokenise
from neuronxa.config import ExtractionRow
from neuronxa.config.settings import ExtractionSettings
from neuronxa.errors import CorpusError, ModelError, StoreError
from neuronxa.models.loading import load_tokenizer
from neuronxa.models.snapshot import read_card
from neuronxa.stores.activations import Activations

from .extracting import SENTENCES, extract, rows, snapshot_of, text
from .reference import forward, pool, weights_of
from .tiny import tiny_tokenizer


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2", "bloom", "falcon-rw", "qwen2_moe"])
def test_a_sentence_is_the_same_in_any_company(kind, tmp_path):
    _, folder, card = snapshot_of(kind, tmp_path)
    many = [text("eng_Latn"), text("deu_Latn", SENTENCES[::-1]), text("swh_Latn", SENTENCES * 2)]
    settings = {"site": "both", "block_sentences": 100}
    together = extract(folder, card, tmp_path / "many", many, token_budget=300, **settings)
    for stored, one in zip(together, many, strict=True):
        assert stored.manifest["facts"]["missing_sentences"] == one.sentences.count("")
        for row, sentence in enumerate(one.sentences):
            (alone,) = extract(
                folder, card, tmp_path / f"{one.language}{row}", [text("a", [sentence])], **settings
            )
            for name in alone.representations:
                found, expected = rows(stored, name)[:, row], rows(alone, name)[:, 0]
                if name.startswith("nas"):
                    assert np.array_equal(found, expected)
                else:
                    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_manifest_tells_how_a_sentence_alone_differs(tmp_path):
    _, folder, card = snapshot_of("llama", tmp_path)
    (stored,) = extract(folder, card, tmp_path, [text("eng_Latn")], site="both")
    measured = stored.manifest["facts"]["invariance"]
    lengths = stored.array("tokens")
    assert lengths[measured["row"]] == lengths[lengths >= 32].min()
    for site in ("gate", "product"):
        assert measured[f"nas_{site}"] == {"neurons": 3 * 48, "differ": 0, "beyond": 0}
        assert measured[f"nav_{site}"] < 1e-6
    assert measured["hidden"] < 1e-6
    assert measured["hidden_last"] < 1e-6


def test_a_batch_that_changes_states_shows_in_the_manifest(tmp_path):
    """The measurement must be able to fail: here a sentence alone runs through other weights."""
    extractor, store, tokens = ready_to_run(tmp_path)
    run_alone = extractor._run_alone

    def spoilt(row, sentences):
        with torch.no_grad():
            extractor.capture.layers[1].mlp.gate_proj.weight.neg_()
        return run_alone(row, sentences)

    extractor._run_alone = spoilt
    extractor.run([store], [tokens])
    store.publish()
    measured = Activations(store.folder).manifest["facts"]["invariance"]
    assert measured["nas_gate"]["beyond"] > 10
    assert measured["nav_gate"] > 0.01


def test_special_tokens_can_be_left_out_of_the_pooling(tmp_path):
    model, folder, card = snapshot_of("llama", tmp_path)
    (stored,) = extract(folder, card, tmp_path, [text("eng_Latn")], special_tokens="exclude")
    ids = np.array(tiny_tokenizer()(SENTENCES[0])["input_ids"])
    states = forward(model.config, weights_of(model), ids)
    weights = [0, *range(1, len(ids))]
    assert stored.array("tokens")[0] == len(ids) - 1
    np.testing.assert_allclose(
        rows(stored, "hidden")[:, 0], pool(states["hidden"], weights), atol=2e-5
    )


def test_half_precision_on_disk_rounds_values_and_keeps_states(tmp_path):
    _, folder, card = snapshot_of("llama", tmp_path)
    (full,) = extract(folder, card, tmp_path / "full", [text("eng_Latn")])
    (half,) = extract(folder, card, tmp_path / "half", [text("eng_Latn")], stored="float16")
    assert np.array_equal(rows(half, "nas_gate"), rows(full, "nas_gate"))
    for name in ("nav_gate", "hidden", "hidden_last"):
        assert rows(half, name).dtype == np.float16
        assert np.array_equal(rows(half, name), rows(full, name).astype(np.float16))
    assert half.verify() == full.verify()


def test_values_too_large_for_half_precision_are_refused(tmp_path):
    _, folder, card = snapshot_of("llama", tmp_path)
    extraction = ExtractionRow(extraction="e", label="e", stored="float16")
    one = text("eng_Latn")
    identity = identity_of(one, card=card, corpus="toy", extraction=extraction)
    store = open_store(tmp_path / "s", card=card, identity=identity, block_sentences=3)
    extractor = Extractor(folder, extraction, device="cpu", token_budget=64)
    with torch.no_grad():
        extractor.capture.model.norm.weight.fill_(1e6)
    with pytest.raises(ModelError, match=r"'hidden' is not finite in layer 3(.|\n)*'stored' to"):
        extractor.run([store], [tokenise(load_tokenizer(folder), one.sentences, extraction)])
    assert store.pending


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_forward_pass_in_half_precision_is_near_the_one_in_float32(dtype, tmp_path):
    _, folder, card = snapshot_of("llama", tmp_path)
    (full,) = extract(folder, card, tmp_path / "full", [text("eng_Latn")], site="both")
    (half,) = extract(folder, card, tmp_path / "half", [text("eng_Latn")], site="both", dtype=dtype)
    for name in ("nav_gate", "nav_product", "hidden"):
        error = np.linalg.norm(rows(half, name) - rows(full, name))
        assert 0 < error < 0.05 * np.linalg.norm(rows(full, name))
    weight = full.array("pooling_weight")[None, :, None]
    turned = np.abs(rows(half, "nas_gate").astype(int) - rows(full, "nas_gate").astype(int))
    assert (turned / np.maximum(weight, 1)).mean() < 0.02
    assert half.manifest["facts"]["invariance"]["nas_gate"]["beyond"] == 0


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [("weighted", [0, 1, 2, 3]), ("mean", [0, 1, 1, 1]), ("last", [0, 0, 0, 1])],
)
def test_pooling_weights(pooling, expected):
    pooled = np.array([False, True, True, True])
    assert pooling_weights(pooled, pooling).tolist() == expected


def test_a_long_sentence_is_refused_before_anything_runs(tmp_path):
    _, folder, card = snapshot_of("llama", tmp_path)
    with pytest.raises(
        CorpusError, match=r"eng_Latn, line 4: the sentence has \d+ tokens(.|\n)*never cut"
    ):
        extract(folder, card, tmp_path, [text("eng_Latn")], max_tokens=20)


def shard(folder, tmp_path, languages, **changes):
    return Shard(
        snapshot=folder,
        corpus="toy",
        texts=TextFolder(tmp_path / "texts", languages, "parallel"),
        extraction=ExtractionRow(extraction="e", label="e", **changes),
        settings=ExtractionSettings(token_budget=64, block_sentences=2, device="cpu"),
        folder=tmp_path / "activations",
    )


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "texts").mkdir()
    for code in ("eng_Latn", "deu_Latn", "swh_Latn"):
        path = tmp_path / "texts" / f"{code}.txt"
        path.write_text("".join(f"{code} {s}\n" if s else "\n" for s in SENTENCES), "utf-8")
    return ("eng_Latn", "deu_Latn", "swh_Latn")


def test_one_load_serves_the_shard_and_each_language_publishes_its_own(
    tmp_path, texts, monkeypatch
):
    _, folder, _ = snapshot_of("llama", tmp_path)
    one = shard(folder, tmp_path, texts)
    one.publish("deu_Latn")
    assert {p.parent.name for p in one.folder.rglob("manifest.json")} == {"deu_Latn"}
    monkeypatch.setattr(
        "neuronxa.activations.extraction.load_for_capture",
        lambda *_, **__: pytest.fail("loaded again"),
    )
    for code in texts:
        one.publish(code)
    assert {p.parent.name for p in one.folder.rglob("manifest.json")} == set(texts)


def test_adding_a_language_leaves_the_others_untouched(tmp_path, texts):
    _, folder, _ = snapshot_of("llama", tmp_path)
    two = shard(folder, tmp_path, texts[:2])
    before = {code: two.publish(code).stat() for code in texts[:2]}
    three = shard(folder, tmp_path, texts)
    three.publish("swh_Latn")
    for code, stat in before.items():
        assert (three.folder / code / "manifest.json").stat().st_mtime_ns == stat.st_mtime_ns
        assert Activations(three.folder / code).verify() > 0


def test_a_changed_text_is_extracted_anew(tmp_path, texts):
    _, folder, _ = snapshot_of("llama", tmp_path)
    one = shard(folder, tmp_path, texts[:1])
    one.publish("eng_Latn")
    before = Activations(one.folder / "eng_Latn").layer("nas_gate", 0)
    path = tmp_path / "texts" / "eng_Latn.txt"
    path.write_text(path.read_text("utf-8").replace("short", "long"), "utf-8")
    one.publish("eng_Latn")
    after = Activations(one.folder / "eng_Latn").layer("nas_gate", 0)
    assert not np.array_equal(before, after)


def ready_to_run(tmp_path):
    """An extractor that a test may break, with an empty store and its tokens."""
    _, folder, card = snapshot_of("llama", tmp_path)
    extraction = ExtractionRow(extraction="e", label="e")
    one = text("eng_Latn")
    identity = identity_of(one, card=card, corpus="toy", extraction=extraction)
    store = open_store(tmp_path / "s", card=card, identity=identity, block_sentences=3)
    tokens = tokenise(load_tokenizer(folder), one.sentences, extraction)
    extractor = Extractor(folder, extraction, device="cpu", token_budget=64)
    return extractor, store, tokens


def test_a_site_that_does_not_fire_is_an_error(tmp_path):
    extractor, store, tokens = ready_to_run(tmp_path)
    # what a fused kernel does: the layer works, the module of the site is never called
    extractor.capture.layers[1].mlp.forward = lambda x: x
    with pytest.raises(ModelError, match="fired 0 times in layer 1, not once"):
        extractor.run([store], [tokens])


def test_states_that_are_not_finite_are_refused_before_they_are_stored(tmp_path):
    extractor, store, tokens = ready_to_run(tmp_path)
    with torch.no_grad():
        extractor.capture.layers[1].mlp.down_proj.weight.fill_(float("inf"))
    with pytest.raises(ModelError, match=r"not finite in layer \d(.|\n)*to float32 or bfloat16"):
        extractor.run([store], [tokens])
    assert store.pending


def test_a_block_whose_writing_failed_is_not_taken_for_whole(tmp_path, monkeypatch):
    extractor, store, tokens = ready_to_run(tmp_path)
    sort_in, calls = extraction_module._sort_in, []

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError("copying failed")
        sort_in(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(extraction_module, "_sort_in", failing)
        with pytest.raises(OSError, match="copying failed"):
            extractor.run([store], [tokens])
    record = json.loads((store.folder / "record.json").read_text("utf-8"))
    assert len(calls) == 2
    assert set(record["parts"]) == {"0"}
    extractor.run([store], [tokens])
    store.publish()
    stored = Activations(store.folder)
    snapshot = tmp_path / "llama-snapshot"
    (whole,) = extract(snapshot, read_card(snapshot), tmp_path / "whole", [text("eng_Latn")])
    for name in whole.representations:
        assert np.array_equal(rows(stored, name), rows(whole, name))


def test_a_bad_text_does_not_keep_the_others_from_being_extracted(tmp_path, texts):
    _, folder, _ = snapshot_of("llama", tmp_path)
    path = tmp_path / "texts" / "deu_Latn.txt"
    path.write_text("much too long " * 40 + "\n", "utf-8")
    one = shard(folder, tmp_path, texts)
    one.publish("eng_Latn")
    one.publish("swh_Latn")
    with pytest.raises(CorpusError, match="deu_Latn, line 1"):
        one.publish("deu_Latn")


def test_all_bad_texts_are_refused_at_once_before_a_model_is_loaded(tmp_path, texts, monkeypatch):
    _, folder, _ = snapshot_of("llama", tmp_path)
    monkeypatch.setattr(
        "neuronxa.activations.extraction.load_for_capture", lambda *_, **__: pytest.fail("loaded")
    )
    one = shard(folder, tmp_path, texts)
    one.check()
    for code, times in (("deu_Latn", 40), ("swh_Latn", 60)):
        lines = ["short", "much too long " * times, "too long " * 40]
        (tmp_path / "texts" / f"{code}.txt").write_text("\n".join(lines) + "\n", "utf-8")
    with pytest.raises(CorpusError) as refused:
        one.check()
    told = str(refused.value)
    limit = read_card(folder).max_positions
    assert f"2 of {len(texts)} languages cannot be extracted" in told
    # one token a byte, and one at the start; of each language its longest sentence
    assert f"deu_Latn, line 2: the sentence has 561 tokens, {limit} are allowed" in told
    assert f"swh_Latn, line 2: the sentence has 841 tokens, {limit} are allowed" in told
    assert "leave them out of 'languages', or take shorter sentences" in told
    few = replace(one, extraction=one.extraction.model_copy(update={"max_tokens": 20}))
    with pytest.raises(CorpusError, match="or raise 'max_tokens' in the extractions sheet"):
        few.check()


def test_a_store_that_was_deleted_is_made_again(tmp_path, texts):
    _, folder, _ = snapshot_of("llama", tmp_path)
    one = shard(folder, tmp_path, texts)
    one.publish("eng_Latn")
    shutil.rmtree(one.folder / "eng_Latn" / "store.zarr")
    with pytest.raises(StoreError, match="a file of the store is missing"):
        Activations(one.folder / "eng_Latn")
    one.publish("eng_Latn")
    assert Activations(one.folder / "eng_Latn").verify() > 0
