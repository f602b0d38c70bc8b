"""What is stored is what the model computes: families, batches, pooling, resuming."""

import shutil

import numpy as np
import pytest
import torch

from neuronxa.activations.extraction import Extractor, open_store
from neuronxa.activations.shard import Shard
from neuronxa.activations.texts import Text, identity_of
from neuronxa.activations.tokens import pooling_weights, tokenise
from neuronxa.config import ExtractionRow, ModelRow
from neuronxa.config.settings import ExtractionSettings
from neuronxa.errors import CorpusError, ModelError, StoreError
from neuronxa.models.architectures import ARCHITECTURES
from neuronxa.models.loading import load_tokenizer
from neuronxa.models.snapshot import make_snapshot
from neuronxa.stores.activations import Activations

from .forward import forward, pool, weighted_sum, weights_of
from .tiny import CONFIGS, save_tiny, tiny_tokenizer

# states closer to zero than this may be turned by float32 rounding
SURE = 1e-4

SENTENCES = (
    "A short one.",
    "x",
    "",
    "Ein längerer Satz, der über das gleitende Fenster hinausreicht.",
    "Same text twice.",
    "Same text twice.",
    "नमस्ते",
)


def snapshot_of(kind, tmp_path):
    source = tmp_path / f"{kind}-source"
    model = save_tiny(kind, source)
    row = ModelRow(model=f"tiny-{kind}", label=kind, source="folder", location=str(source))
    folder = tmp_path / f"{kind}-snapshot"
    return model, folder, make_snapshot(row, folder)


def extract(folder, card, tmp_path, texts, *, token_budget=64, block_sentences=3, **settings):
    extraction = ExtractionRow(extraction="e", label="e", **settings)
    stores = [
        open_store(
            tmp_path / "stores" / text.language,
            card=card,
            identity=identity_of(text, card=card, corpus="toy", extraction=extraction),
            block_sentences=block_sentences,
        )
        for text in texts
    ]
    tokens = [
        tokenise(load_tokenizer(folder), text.sentences, extraction, where=text.language)
        for text in texts
    ]
    extractor = Extractor(folder, extraction, device="cpu", token_budget=token_budget)
    extractor.run(stores, tokens)
    for store in stores:
        store.publish()
    return [Activations(store.folder) for store in stores]


def text(language, sentences=SENTENCES):
    return Text(language, tuple(sentences), (0,) * len(sentences))


def rows(stored, name):
    """All layers of a representation, (layer, sentence, unit)."""
    return np.stack([stored.layer(name, n).values for n in range(stored.layers(name))])


@pytest.mark.parametrize("kind", ["llama", "gemma3_text"])
def test_stored_states_equal_a_forward_pass_written_by_hand(kind, tmp_path):
    model, folder, card = snapshot_of(kind, tmp_path)
    (stored,) = extract(folder, card, tmp_path, [text("eng_Latn")], site="both")
    tokenizer = tiny_tokenizer()
    weights = weights_of(model)
    active = {"gate": 0, "product": 0}
    for index, sentence in enumerate(SENTENCES):
        if not sentence:
            for name in ("nas_gate", "nav_product", "hidden"):
                assert not rows(stored, name)[:, index].any()
            continue
        ids = tokenizer(sentence)["input_ids"]
        states = forward(model.config, weights, np.array(ids))
        position = list(range(1, len(ids) + 1))
        assert stored.array("tokens")[index] == len(ids)
        assert stored.array("pooling_weight")[index] == sum(position)
        for site in ("gate", "product"):
            on = states[site] > 0
            # states that rounding could turn are few; everything else is an exact integer
            sure = (np.abs(states[site]) > SURE).all(axis=1)
            expected = weighted_sum(on, position)
            assert sure.mean() > 0.8
            assert np.array_equal(rows(stored, f"nas_{site}")[:, index][sure], expected[sure])
            np.testing.assert_allclose(
                rows(stored, f"nav_{site}")[:, index],
                pool(np.abs(states[site]), position),
                rtol=1e-4,
                atol=1e-5,
            )
            active[site] = active[site] + on.sum(axis=1)
        np.testing.assert_allclose(
            rows(stored, "hidden")[:, index], pool(states["hidden"], position), atol=2e-5
        )
        np.testing.assert_allclose(
            rows(stored, "hidden_last")[:, index], states["hidden"][:, -1], atol=2e-5
        )
    for site, number in active.items():
        counted = stored.array(f"active_{site}").sum(axis=0)
        assert (np.abs(counted - number) <= 1).all()
        assert (counted == number).mean() > 0.99


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_every_family_stores_what_transformers_computes_alone(kind, tmp_path):
    model, folder, card = snapshot_of(kind, tmp_path)
    (stored,) = extract(folder, card, tmp_path, [text("eng_Latn")], site="both")
    architecture = ARCHITECTURES[kind]
    base = model.get_submodule(model.base_model_prefix)
    tokenizer = tiny_tokenizer()
    for index, sentence in enumerate(SENTENCES):
        if not sentence:
            continue
        ids = torch.tensor([tokenizer(sentence)["input_ids"]])
        position = list(range(1, ids.shape[1] + 1))
        inputs: dict[int, torch.Tensor] = {}
        handles = []
        for number, layer in enumerate(base.get_submodule(architecture.layers)):
            block = layer.get_submodule("mlp")
            handles.append(
                block.register_forward_pre_hook(
                    lambda _m, args, n=number, kept=inputs: kept.__setitem__(n, args[0][0])
                )
            )
        with torch.no_grad():
            output = base(ids, output_hidden_states=True)
        for handle in handles:
            handle.remove()
        hidden = torch.stack(output.hidden_states)[:, 0].numpy()
        np.testing.assert_allclose(
            rows(stored, "hidden")[:, index], pool(hidden, position), atol=3e-5
        )
        np.testing.assert_allclose(rows(stored, "hidden_last")[:, index], hidden[:, -1], atol=3e-5)
        sites = [ffn_sites(kind, model.config, base, n, inputs[n]) for n in range(len(inputs))]
        for site, which in (("gate", 0), ("product", 1)):
            states = np.stack([pair[which].detach().numpy() for pair in sites])
            np.testing.assert_allclose(
                rows(stored, f"nav_{site}")[:, index],
                pool(np.abs(states), position),
                atol=3e-5,
            )
            expected = weighted_sum(states > 0, position)
            sure = (np.abs(states) > SURE).all(axis=1)
            assert np.array_equal(rows(stored, f"nas_{site}")[:, index][sure], expected[sure])


def ffn_sites(kind, config, base, number, x):
    """Gate and product of one layer from its weights and the input of its FFN."""
    mlp = base.get_submodule(ARCHITECTURES[kind].layers)[number].mlp
    if kind == "gpt2":
        a = torch.nn.functional.gelu(x @ mlp.c_fc.weight + mlp.c_fc.bias, approximate="tanh")
        return a, a
    if kind == "gpt_neox":
        a = torch.nn.functional.gelu(mlp.dense_h_to_4h(x))
        return a, a
    if kind in ("glm", "glm4", "phi3"):
        gate, up = (x @ mlp.gate_up_proj.weight.T).chunk(2, dim=-1)
    else:
        gate, up = x @ mlp.gate_proj.weight.T, x @ mlp.up_proj.weight.T
    if kind.startswith("gemma"):
        gate = torch.nn.functional.gelu(gate, approximate="tanh")
    else:
        gate = torch.nn.functional.silu(gate)
    return gate, gate * up


def test_every_family_of_the_table_is_proven():
    assert set(CONFIGS) == set(ARCHITECTURES)


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2"])
def test_a_sentence_is_the_same_in_any_company(kind, tmp_path):
    _, folder, card = snapshot_of(kind, tmp_path)
    many = [text("eng_Latn"), text("deu_Latn", SENTENCES[::-1]), text("swh_Latn", SENTENCES * 2)]
    together = extract(folder, card, tmp_path / "many", many, token_budget=200)
    for stored, one in zip(together, many, strict=True):
        (alone,) = extract(folder, card, tmp_path / one.language, [one], token_budget=64)
        for name in alone.representations:
            if name.startswith("nas"):
                assert np.array_equal(rows(stored, name), rows(alone, name))
            else:
                np.testing.assert_allclose(rows(stored, name), rows(alone, name), atol=1e-5)
        assert stored.manifest["facts"]["invariance"]["nas_gate"] == 0
        assert stored.manifest["facts"]["invariance"]["nav_gate"] < 1e-5
        assert stored.manifest["facts"]["missing_sentences"] == one.sentences.count("")


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
        layout="parallel",
        texts=tmp_path / "texts",
        languages=languages,
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
        "neuronxa.activations.extraction.load_base", lambda *_, **__: pytest.fail("loaded again")
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
    with pytest.raises(ModelError, match=r"not finite in layer \d(.|\n)*use float32 or bfloat16"):
        extractor.run([store], [tokens])
    assert store.pending


def test_a_bad_text_does_not_keep_the_others_from_being_extracted(tmp_path, texts):
    _, folder, _ = snapshot_of("llama", tmp_path)
    path = tmp_path / "texts" / "deu_Latn.txt"
    path.write_text("much too long " * 40 + "\n", "utf-8")
    one = shard(folder, tmp_path, texts)
    one.publish("eng_Latn")
    one.publish("swh_Latn")
    with pytest.raises(CorpusError, match="deu_Latn, line 1"):
        one.publish("deu_Latn")


def test_a_store_that_was_deleted_is_made_again(tmp_path, texts):
    _, folder, _ = snapshot_of("llama", tmp_path)
    one = shard(folder, tmp_path, texts)
    one.publish("eng_Latn")
    shutil.rmtree(one.folder / "eng_Latn" / "store.zarr")
    with pytest.raises(StoreError, match="cannot be opened"):
        Activations(one.folder / "eng_Latn")
    one.publish("eng_Latn")
    assert Activations(one.folder / "eng_Latn").verify() > 0
