"""What takes disk, what is stale, and what is deleted: on small stores that are really there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from neuronxa.__main__ import main
from neuronxa.activations.texts import Text, identity_of
from neuronxa.config.files import read_configuration
from neuronxa.errors import StoreError
from neuronxa.models.snapshot import ModelCard
from neuronxa.planning.plan import make_plan
from neuronxa.stores import journal
from neuronxa.stores.activations import Activations, ActivationStore, refuse_mixed
from neuronxa.upkeep.inventory import Inventory

from .stores import default_extraction, filled_store, random_blocks

LANGUAGES = ["eng_Latn", "deu_Latn"]
RUN = "activations/tiny/toy/default"


@pytest.fixture
def here(tmp_path, monkeypatch, repository):
    """A working directory whose run has one model, one corpus and two languages."""
    monkeypatch.chdir(tmp_path)
    texts = tmp_path / "texts"
    texts.mkdir()
    for code in LANGUAGES:
        (texts / f"{code}.txt").write_text("".join(f"{i}.\n" for i in range(7)), "utf-8")
    model = tmp_path / "model"  # nothing reads it: only its place is looked at
    model.mkdir()
    (model / "config.json").write_text("{}", "utf-8")
    (model / "model.safetensors").write_bytes(b"")
    Path("models.tsv").write_text(
        "model\tlabel\tsource\tlocation\ntiny\tTiny\tfolder\tmodel\nold\tOld\tfolder\tmodel\n"
    )
    Path("corpora.tsv").write_text(
        "corpus\tlabel\treader\tlocation\tsentences\ntoy\tToy\tfolder\ttexts\t7\n"
    )
    names = ("languages", "extractions", "tasks")
    sheets = {name: str(repository / f"config/{name}.tsv") for name in names}
    config = {
        "models": ["tiny"],
        "corpora": ["toy"],
        "languages": LANGUAGES,
        "sheets": {**sheets, "models": "models.tsv", "corpora": "corpora.tsv", "published": None},
    }
    Path("config").mkdir()
    Path("config/config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    Path("old.yaml").write_text("models: [old]\n", "utf-8")
    return tmp_path


def plans():
    return [make_plan(read_configuration([Path("config/config.yaml")]))]


def stale(**options):
    return {str(item.path): item.stale for item in Inventory(plans(), **options).stale}


def stored(language="eng_Latn", model="tiny"):
    folder = Path(f"results/activations/{model}/toy/default/{language}")
    filled_store(folder, language=language)
    return folder


def edit(folder, **changes):
    """Change a record and its manifest as an older version would have written them."""
    for name in ("record.json", "manifest.json"):
        content = json.loads((folder / name).read_text("utf-8"))
        identity = {**content["identity"], **changes.pop("identity", {})}
        content = {**content, **changes, "identity": identity}
        content.pop("seal", None)  # as in stores of older versions
        (folder / name).write_text(json.dumps(content), "utf-8")
        changes = {**changes, "identity": identity}


def test_what_is_asked_for_is_not_stale(here):
    stored()
    stored("deu_Latn")
    inventory = Inventory(plans())
    assert not inventory.stale
    sizes = {str(item.path): item.size for item in inventory.items}
    assert sizes[f"results/{RUN}/eng_Latn"] > 9 * 4096


def test_what_no_configuration_asks_for_is_stale_and_another_can_ask_for_it(here):
    stored()
    stored("fra_Latn")
    stored(model="old")
    Path("resources/models/old").mkdir(parents=True)
    assert stale() == {
        "results/activations/old": "no configuration asks for it",
        f"results/{RUN}/fra_Latn": "no configuration asks for it",
        "resources/models/old": "no configuration asks for it",
    }
    both = [*plans(), make_plan(read_configuration([Path("config/config.yaml"), Path("old.yaml")]))]
    assert [item.path.name for item in Inventory(both).stale] == ["fra_Latn"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 0}, "of format 0, today's is 1"),
        ({"identity": {"extraction_version": 1}}, "made by extraction version 1, today's is"),
    ],
)
def test_a_store_of_an_older_version_is_named_and_not_read_as_todays(here, change, told):
    edit(stored(), **change)
    (reason,) = stale().values()
    assert told in reason


def test_an_older_format_is_refused_where_it_is_read(here):
    folder = stored()
    edit(folder, format=0)
    with pytest.raises(StoreError, match=f"of format 0, this version reads {journal.FORMAT}"):
        Activations(folder)


def test_stores_of_two_versions_are_never_compared(here):
    folders = {code: stored(code) for code in LANGUAGES}
    for code, version in zip(LANGUAGES, (2, 1), strict=True):
        edit(folders[code], identity={"extraction_version": version})
    stores = {code: Activations(folder) for code, folder in folders.items()}
    with pytest.raises(StoreError, match="'extraction_version' is 2 and 1"):
        refuse_mixed(stores)
    edit(folders["deu_Latn"], identity={"extraction_version": 2})
    refuse_mixed({code: Activations(folder) for code, folder in folders.items()})


def test_an_older_version_is_made_anew_and_leaves_nothing(here):
    """The journal of another identity neither resumes a store nor keeps its chunks."""
    folder = stored()
    layout, _ = random_blocks()
    identity = {**Activations(folder).identity, "extraction_version": 3}
    store = ActivationStore(folder, layout, identity=identity)
    assert store.pending == (0, 1, 2)
    assert not (folder / "manifest.json").exists()
    assert not list((folder / "store.zarr/nas_gate").rglob("c/*"))


def test_a_store_of_another_text_is_stale(here):
    folder = stored()
    card = ModelCard(
        "tiny", "folder", "model", "", "", "", "llama", 2, 6, 4, 1, None, "", "", "", "", {"w": "1"}
    )
    Path("resources/models/tiny").mkdir(parents=True)
    Path("resources/models/tiny/model.json").write_text(json.dumps(card.__dict__), "utf-8")
    text = Path("resources/corpora/toy/eng_Latn.txt")
    text.parent.mkdir(parents=True)
    text.write_text("a\n" * 7, "utf-8")
    read = Text.read("eng_Latn", text)
    edit(
        folder, identity=identity_of(read, card=card, corpus="toy", extraction=default_extraction())
    )
    assert stale() == {}
    text.write_text("b\n" * 7, "utf-8")
    assert stale() == {str(folder): "of another text"}


@pytest.mark.parametrize("damage", ["changed", "cut"])
def test_a_damaged_record_is_no_reason_to_delete(here, capsys, damage):
    folder = stored()
    for name in ("record.json", "manifest.json"):
        text = (folder / name).read_text("utf-8")
        changed = text.replace('"format": 1', '"format": 0')
        assert changed != text
        (folder / name).write_text(changed if damage == "changed" else text[:-9], "utf-8")
    assert stale() == {}
    assert main(["gc", "--delete"]) == 0
    assert "damaged; `make verify`" in capsys.readouterr().out
    assert folder.is_dir()


def test_an_unfinished_store_that_is_asked_for_is_kept(here, capsys):
    folder = stored()
    (folder / "manifest.json").unlink()
    assert stale() == {}
    assert main(["gc", "--delete"]) == 0
    assert folder.is_dir()
    assert "unfinished; the next run goes on" in capsys.readouterr().out


def test_what_kills_leave_behind_is_stale_once_nobody_writes_it(here):
    Path("results/tables").mkdir(parents=True)
    part, partial = Path("results/tables/.x.csv.ab.part"), Path("resources/models/.tiny.partial")
    partial.mkdir(parents=True)
    part.write_text("x")
    assert stale() == {}
    hours_ago = time.time() - 7200
    for path in (part, partial):
        os.utime(path, (hours_ago, hours_ago))
    assert stale() == {str(part): "left by a kill", str(partial): "left by a kill"}


def test_spent_files_of_a_finished_store_are_stale(here):
    folder = Path("results/alignment/tiny/toy/default")
    (folder / "earlier").mkdir(parents=True)
    record = {"format": journal.FORMAT, "complete": True, "identity": {}}
    (folder / "record.json").write_text(json.dumps(record), "utf-8")
    assert stale() == {}  # the pairs of an unfinished one are still taken over from it
    (folder / "manifest.json").write_text(json.dumps(record), "utf-8")
    assert list(stale()) == [str(folder / "earlier")]


def test_nothing_is_deleted_unless_asked_for(here, capsys):
    kept, old = stored(), stored("fra_Latn")
    Path("resources/models/old").mkdir(parents=True)
    assert main(["gc"]) == 0
    assert "can go: `--delete` deletes them" in capsys.readouterr().out
    assert old.is_dir()
    assert main(["gc", "--delete"]) == 0
    assert not old.exists()
    assert kept.is_dir()
    assert Path("resources/models/old").is_dir()
    assert main(["gc", "--delete", "--inputs"]) == 0
    assert not Path("resources/models/old").exists()
    Activations(kept).verify()


HOLDER = """
import sys, time
from pathlib import Path
from neuronxa.stores.lock import writing
with writing(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_what_a_living_process_holds_is_kept(here, capsys, repository):
    beside, model = stored("fra_Latn"), stored(model="old")
    environment = {**os.environ, "PYTHONPATH": str(repository / "workflow")}
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder.parent / ".lock")],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for folder in (beside, model)
    ]
    try:
        for holder in holders:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
        assert main(["gc", "--delete"]) == 1
        assert capsys.readouterr().out.count("is held by a living process") == 2
        assert beside.is_dir()
        assert model.is_dir()
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()
    assert main(["gc", "--delete"]) == 0
    assert not beside.exists()
    assert not model.exists()


def test_nothing_is_deleted_while_a_run_is_at_work(here, capsys):
    folder = stored("fra_Latn")
    locks = Path(".snakemake/locks")
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("x")
    assert main(["gc", "--delete"]) == 1
    assert "a run is at work here" in capsys.readouterr().err
    assert folder.is_dir()


def test_links_are_deleted_and_what_they_point_to_is_not(here):
    weights = Path("weights.safetensors")
    weights.write_bytes(b"x" * 5000)
    snapshot = Path("resources/models/old")
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to(weights.resolve())
    (item,) = Inventory(plans()).stale
    assert item.size < 5000 + 4096
    assert main(["gc", "--delete", "--inputs"]) == 0
    assert not snapshot.exists()
    assert weights.stat().st_size == 5000
