"""What comes with weights and must not be run, read or written: code, pickles, names."""

from __future__ import annotations

import builtins
import json
import pickle
from types import SimpleNamespace

import pytest

from neuronxa.config import CorpusRow, ModelRow, TaskRow
from neuronxa.errors import ConfigError, ModelError
from neuronxa.files import digest
from neuronxa.languages import Languages
from neuronxa.models.loading import load_base, load_causal, load_tokenizer, read_config
from neuronxa.models.snapshot import make_snapshot
from neuronxa.sheets import read_sheet

from .tiny import save_tiny

CODE = "from pathlib import Path\nPath({path!r}).write_text('ran')\n"


class Trap:
    """Unpickling it runs code."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def row(source, location, **more):
    return ModelRow(model="m", label="m", source=source, location=str(location), **more)


@pytest.fixture
def trapped(tmp_path, monkeypatch):
    """A model folder with code and pickles that leave a mark if they are touched."""
    mark = tmp_path / "mark"
    source = tmp_path / "source"
    save_tiny("llama", source)
    for name in ("modeling_evil", "tokenization_evil"):
        (source / f"{name}.py").write_text(CODE.format(path=str(mark)))
    for name in ("pytorch_model.bin", "training_args.bin", "x.pkl", "x.pt", "x.ckpt"):
        (source / name).write_bytes(pickle.dumps(Trap(mark)))

    def asked(prompt=""):
        raise AssertionError(f"asked on the terminal: {prompt}")

    monkeypatch.setattr(builtins, "input", asked)
    return source, mark


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")


def test_code_and_pickles_of_a_folder_do_not_reach_the_snapshot(trapped, tmp_path):
    source, mark = trapped
    auto = {"AutoConfig": "modeling_evil.C", "AutoModel": "modeling_evil.M"}
    change(source / "config.json", auto_map=auto)
    change(
        source / "tokenizer_config.json",
        auto_map={"AutoTokenizer": ["tokenization_evil.T", "tokenization_evil.T"]},
    )
    snapshot = tmp_path / "snapshot"
    card = make_snapshot(row("folder", source), snapshot)
    load_base(snapshot, dtype="float32", device="cpu")
    load_causal(snapshot)
    load_tokenizer(snapshot)
    assert not mark.exists()
    endings = {path.suffix for path in snapshot.iterdir()}
    assert endings <= {".json", ".safetensors", ".txt"}
    assert set(card.files) == {p.name for p in snapshot.iterdir()} - {"model.json"}


def test_a_model_that_needs_its_own_code_is_refused_without_a_question(trapped, tmp_path):
    source, mark = trapped
    change(
        source / "config.json",
        model_type="evil",
        auto_map={"AutoConfig": "modeling_evil.C", "AutoModel": "modeling_evil.M"},
    )
    with pytest.raises(ModelError, match="code that comes with weights is never run"):
        read_config(source)
    with pytest.raises(ModelError, match="code that comes with weights is never run"):
        make_snapshot(row("folder", source), tmp_path / "snapshot")
    assert not mark.exists()
    assert not (tmp_path / "snapshot").exists()


def test_pickled_weights_alone_are_refused(trapped, tmp_path):
    source, mark = trapped
    (source / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no safetensors(.|\n)*pickled ones can run code"):
        make_snapshot(row("folder", source), tmp_path / "snapshot")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/passwd", "missing.safetensors"])
def test_a_list_of_weights_may_name_only_files_beside_it(tmp_path, name):
    source = tmp_path / "source"
    save_tiny("llama", source)
    (tmp_path / "outside.safetensors").write_bytes((source / "model.safetensors").read_bytes())
    index = {"metadata": {}, "weight_map": {"model.norm.weight": name}}
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="is not a file beside it"):
        make_snapshot(row("folder", source), tmp_path / "snapshot")


class Hub:
    """A hub that serves a folder, and may serve other bytes than it names."""

    COMMIT = "c0ffee" * 6 + "c0ff"

    def __init__(self, source, monkeypatch):
        import huggingface_hub

        self.source, self.asked = source, []
        self.damage = False
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", self.model_info)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", self.download)

    def model_info(self, repository, *, revision, files_metadata):
        assert files_metadata
        self.asked.append(revision)
        siblings = [
            SimpleNamespace(
                rfilename=path.name,
                size=path.stat().st_size,
                lfs={"sha256": digest(path)} if path.suffix == ".safetensors" else None,
            )
            for path in self.source.iterdir()
        ]
        return SimpleNamespace(sha=self.COMMIT, siblings=siblings)

    def download(self, repository, *, revision, local_dir, **_):
        self.asked.append(revision)
        local_dir.mkdir(parents=True)
        for path in self.source.iterdir():
            content = path.read_bytes()
            if self.damage and path.suffix == ".safetensors":
                content = content[:-1] + bytes([content[-1] ^ 1])
            (local_dir / path.name).write_bytes(content)
        return str(local_dir)


def test_a_hub_model_is_pinned_by_commit_and_digest(tmp_path, monkeypatch):
    save_tiny("llama", tmp_path / "source")
    hub = Hub(tmp_path / "source", monkeypatch)
    card = make_snapshot(row("hub", "org/m", revision="v1.0"), tmp_path / "snapshot")
    assert hub.asked == ["v1.0", Hub.COMMIT]  # a tag is resolved once, and the commit is fetched
    assert card.revision == Hub.COMMIT
    hub.damage = True
    with pytest.raises(ModelError, match=r"model\.safetensors is not the file that the hub names"):
        make_snapshot(row("hub", "org/m"), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_hub_model_that_cannot_fit_is_not_fetched(tmp_path, monkeypatch):
    from neuronxa.machine import disk

    save_tiny("llama", tmp_path / "source")
    hub = Hub(tmp_path / "source", monkeypatch)
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1000)
    with pytest.raises(disk.DiskError, match=r"model 'm' needs about [\d.]+ KB more"):
        make_snapshot(row("hub", "org/m"), tmp_path / "snapshot")
    assert hub.asked == ["main"]


EVIL = ["../x", "/etc/x", "a/b", "..", ".hidden", "a\\b", "a b", "", "a*", "-rf"]


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("kind", ["model", "corpus", "task"])
def test_names_that_could_leave_their_folder_are_refused(tmp_path, kind, name):
    sheets = {
        "model": (ModelRow, ["label", "source", "location"], ["x", "folder", "y"]),
        "corpus": (CorpusRow, ["label", "reader"], ["x", "folder"]),
        "task": (TaskRow, ["label", "kind"], ["x", "scores"]),
    }
    row_type, columns, values = sheets[kind]
    path = tmp_path / "sheet.tsv"
    path.write_text("\t".join([kind, *columns]) + "\n" + "\t".join([name, *values]) + "\n", "utf-8")
    with pytest.raises(ConfigError):
        read_sheet(path, row_type, key=kind)


@pytest.mark.parametrize("pattern", ["../{language}.txt", "/etc/{language}", "a/../../{language}"])
def test_patterns_stay_in_their_folder(pattern):
    with pytest.raises(ValueError, match="leaves its folder"):
        CorpusRow(corpus="c", label="c", reader="folder", location="x", pattern=pattern)
    with pytest.raises(ValueError, match="leaves its folder"):
        TaskRow(task="t", label="t", kind="bmlama", location="x", pattern=pattern)


@pytest.mark.parametrize("code", ["../x", "eng_Latn/../x", "eng", "eng_Latn\\", ".."])
def test_language_codes_are_no_paths(tmp_path, repository, code):
    lines = (repository / "config/languages.tsv").read_text("utf-8").splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("language"))
    first = lines[header + 1].split("\t")
    path = tmp_path / "languages.tsv"
    path.write_text("\n".join([lines[header], "\t".join([code, *first[1:]])]) + "\n", "utf-8")
    with pytest.raises(ConfigError):
        Languages.read(path)
