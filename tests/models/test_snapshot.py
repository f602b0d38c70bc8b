"""Sources become snapshots; what cannot be measured or trusted is refused with a remedy."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from neuronxa.config import ModelRow
from neuronxa.errors import ModelError
from neuronxa.models.gguf import load_gguf_tokenizer
from neuronxa.models.loading import choose_device, load_base, load_tokenizer
from neuronxa.models.snapshot import make_snapshot, read_card

from .tiny import save_tiny


def row(source, location, **changes):
    return ModelRow(model="m", label="M", source=source, location=str(location), **changes)


def test_a_folder_becomes_a_snapshot_with_the_same_weights(tmp_path):
    model = save_tiny("llama", tmp_path / "source")
    card = make_snapshot(row("folder", tmp_path / "source", licence="MIT"), tmp_path / "snapshot")
    assert (card.model_type, card.layers, card.neurons, card.hidden_size) == ("llama", 3, 48, 32)
    assert card.licence == "MIT"
    assert read_card(tmp_path / "snapshot") == card
    base = load_base(tmp_path / "snapshot", dtype="float32", device="cpu")
    for name, value in base.state_dict().items():
        assert torch.equal(value, model.state_dict()[f"model.{name}"])
    assert load_tokenizer(tmp_path / "snapshot")("a")["input_ids"][0] == 1
    body = sum(p.numel() for n, p in base.named_parameters() if "layers." in n)
    assert card.parameters == body


def test_a_changed_weight_is_another_digest(tmp_path):
    from safetensors.torch import save_file

    save_tiny("llama", tmp_path / "source")
    first = make_snapshot(row("folder", tmp_path / "source"), tmp_path / "one")
    path = tmp_path / "source" / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"] += 1
    save_file(weights, path, metadata={"format": "pt"})
    second = make_snapshot(row("folder", tmp_path / "source"), tmp_path / "two")
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("source", "location", "message"),
    [
        ("folder", "nowhere", "is not a model folder: it has no config.json"),
        ("gguf", "nowhere.gguf", "there is no GGUF file"),
        ("package", "no_such_package/x", "the package 'no_such_package' is not installed"),
        ("package", "json/nothing.gguf", "the package 'json' has no file 'nothing.gguf'"),
        ("package", "json:nothing", "'json' has no function 'nothing'"),
    ],
)
def test_sources_that_are_not_there(tmp_path, source, location, message):
    with pytest.raises(ModelError) as error:
        make_snapshot(row(source, location), tmp_path / "snapshot")
    assert message in str(error.value)
    assert not (tmp_path / "snapshot").exists()


def test_pickled_weights_are_refused(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "config.json").write_text("{}")
    (tmp_path / "source" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"has no safetensors(.|\n)*Hint: convert"):
        make_snapshot(row("folder", tmp_path / "source"), tmp_path / "snapshot")


def test_an_unknown_family_is_refused_and_multimodal_wrappers_name_their_language_model(tmp_path):
    save_tiny("llama", tmp_path / "source")
    path = tmp_path / "source" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "model_type": "mamba"}))
    with pytest.raises(
        ModelError, match=r"'mamba' are not known(.|\n)*'mixer' does more than an FFN"
    ):
        make_snapshot(row("folder", tmp_path / "source"), tmp_path / "snapshot")
    path.write_text(
        json.dumps({"model_type": "gemma3", "text_config": config | {"model_type": "gemma3_text"}})
    )
    with pytest.raises(ModelError, match=r"multimodal wrapper(.|\n)*'gemma3_text'"):
        make_snapshot(row("folder", tmp_path / "source"), tmp_path / "snapshot")


def tokenizer_of_bytes(path, pre, model="gpt2"):
    """A GGUF file without weights, whose tokenizer merges two digits and a space with a digit."""
    from gguf import GGUFWriter
    from tokenizers.pre_tokenizers import ByteLevel

    writer = GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list([*sorted(ByteLevel.alphabet()), "12", "Ġ1"])
    writer.add_token_merges(["1 2", "Ġ 1"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("pre", "words"),
    [
        ("smollm", ["a", "Ġ", "1", "2"]),
        ("starcoder", ["a", "Ġ", "1", "2"]),
        ("gpt-2", ["a", "Ġ", "12"]),
        ("qwen2", ["a", "Ġ", "1", "2"]),  # of transformers' table
        ("llama-bpe", ["a", "Ġ", "12"]),
    ],
)
def test_the_tokenizer_of_a_gguf_file_splits_text_as_the_file_says(tmp_path, pre, words):
    tokenizer = load_gguf_tokenizer(tokenizer_of_bytes(tmp_path / "m.gguf", pre))
    assert tokenizer.tokenize("a 12") == words
    tokenizer.save_pretrained(tmp_path / "saved")
    assert load_tokenizer(tmp_path / "saved").tokenize("a 12") == words


@pytest.mark.parametrize(
    ("pre", "message"),
    [
        ("falcon", "the words of kind 'falcon' are not known"),
        ("default", "the words of kind 'default' are not known"),
        ("", "the file does not say how its tokenizer splits text into words"),
    ],
)
def test_a_gguf_file_with_unknown_words_is_refused(tmp_path, pre, message):
    path = tokenizer_of_bytes(tmp_path / "m.gguf", pre)
    with pytest.raises(ModelError) as error:
        make_snapshot(row("gguf", path), tmp_path / "snapshot")
    assert str(error.value).startswith(f"model 'm', {path}: {message}")
    assert "source 'folder' or 'hub'" in error.value.remedy
    assert not (tmp_path / "snapshot").exists()


def test_hub_faults_say_what_to_do(tmp_path, monkeypatch):
    import huggingface_hub
    from httpx2 import Request, Response
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    def failing(kind):
        def fail(*_, **__):
            raise kind("no", response=Response(401, request=Request("GET", "http://hub.invalid")))

        return fail

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", failing(GatedRepoError))
    with pytest.raises(ModelError, match=r"gated and no token is set(.|\n)*hf auth login"):
        make_snapshot(row("hub", "meta/llama"), tmp_path / "snapshot")
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    with pytest.raises(
        ModelError, match=r"your token may not read it(.|\n)*accept the terms"
    ) as error:
        make_snapshot(row("hub", "meta/llama"), tmp_path / "snapshot")
    assert "hf_planted" not in str(error.value)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", failing(RepositoryNotFoundError))
    with pytest.raises(ModelError, match=r"no such model, or it is private"):
        make_snapshot(row("hub", "meta/llama"), tmp_path / "snapshot")


def test_a_damaged_card_names_the_file_and_the_way_out(tmp_path):
    with pytest.raises(ModelError, match="there is no snapshot"):
        read_card(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ModelError, match=r"model\.json: the card is damaged(.|\n)*Hint: run: "):
        read_card(tmp_path)


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(ModelError, match=r"'cuda:1' is asked for, but torch sees no GPU"):
        choose_device("cuda:1")


def test_a_source_inside_the_snapshots_folder_is_refused_and_kept(tmp_path):
    save_tiny("llama", tmp_path / "models" / "m")
    with pytest.raises(ModelError, match="lies where the snapshot is made"):
        make_snapshot(row("folder", tmp_path / "models" / "m"), tmp_path / "models" / "m")
    assert (tmp_path / "models" / "m" / "model.safetensors").is_file()
