"""What stands in the way of a run is said before it is started."""

from pathlib import Path

import pytest

from neuronxa import doctor
from neuronxa.__main__ import main
from neuronxa.config.files import read_configuration
from neuronxa.doctor import examine

from ..models.tiny import save_tiny


@pytest.fixture
def content(repository, monkeypatch):
    monkeypatch.chdir(repository)
    return dict(read_configuration([Path("config/config.yaml")]))


def found(content, **options):
    return {one.what: one for one in examine([("own.yaml", content)], **options)}


def test_a_machine_that_can_run_has_no_fault(content, capsys):
    findings = found(content)
    assert [one for one in findings.values() if one.state == "fault"] == []
    assert findings["config own.yaml"].told.startswith("2 models, 24 languages, 1 corpus, ")
    assert findings["Python"].state == findings["packages"].state == "ok"
    assert "free" in findings["memory"].told
    assert main(["doctor"]) == 0
    assert "Nothing stands in the way of a run." in capsys.readouterr().out


def test_a_config_with_a_fault_is_told_with_its_remedy_and_the_rest_goes_on(
    tmp_path, content, capsys
):
    findings = found({**content, "languages": ["eng_Latn", "xyz_Latn"]})
    fault = findings["config own.yaml"]
    assert fault.state == "fault"
    assert "xyz_Latn" in fault.told
    assert fault.remedy
    assert findings["cores"].state == "ok"
    own = tmp_path / "own.yaml"
    own.write_text("languages: [eng_Latn, xyz_Latn]\n", "utf-8")
    assert main(["doctor", "--config", str(own)]) == 1
    shown = capsys.readouterr().out
    assert "FAULT config" in shown
    assert "\n1 fault\n" in shown


def test_texts_that_do_not_belong_together_are_a_fault(content, tmp_path):
    for code in ("eng_Latn", "deu_Latn"):
        (tmp_path / f"{code}.txt").write_text(f"One of {code}.\nTwo of {code}.\n", "utf-8")
    sheet = tmp_path / "corpora.tsv"
    sheet.write_text(
        f"corpus\tlabel\treader\tlocation\tsentences\nmine\tMine\tfolder\t{tmp_path}\t2\n", "utf-8"
    )
    own = {
        **content,
        "corpora": ["mine"],
        "languages": "all",
        "sheets": {**content.get("sheets", {}), "corpora": str(sheet)},
    }
    assert found(own)["corpus mine"].told == "2 languages, 2 sentences of each"
    (tmp_path / "deu_Latn.txt").write_text("One of deu_Latn.\n", "utf-8")
    fault = found(own)["corpus mine"]
    assert fault.state == "fault"
    assert "not parallel: deu_Latn.txt has 1 line" in fault.told
    assert "empty line" in fault.remedy


def test_texts_that_are_copies_of_the_pivot_are_a_fault(content, tmp_path):
    for code in ("eng_Latn", "deu_Latn"):
        (tmp_path / f"{code}.txt").write_text("".join(f"Line {i}.\n" for i in range(9)), "utf-8")
    sheet = tmp_path / "corpora.tsv"
    sheet.write_text(
        f"corpus\tlabel\treader\tlocation\tsentences\nmine\tMine\tfolder\t{tmp_path}\t9\n", "utf-8"
    )
    sheets = {**content.get("sheets", {}), "corpora": str(sheet)}
    fault = found({**content, "corpora": ["mine"], "languages": "all", "sheets": sheets})
    assert fault["corpus mine"].state == "fault"
    assert "pivot" in fault["corpus mine"].told


def test_a_model_in_a_folder_is_looked_into(content, tmp_path):
    from transformers import GptOssConfig

    save_tiny("olmo3", tmp_path / "good")
    small = {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4}
    GptOssConfig(**small, num_local_experts=4).save_pretrained(tmp_path / "refused")
    (tmp_path / "refused/model.safetensors").touch()
    sheet = tmp_path / "models.tsv"
    rows = [f"{name}\t{name}\tfolder\t{tmp_path / name}" for name in ("good", "refused")]
    sheet.write_text("\n".join(["model\tlabel\tsource\tlocation", *rows]) + "\n", "utf-8")
    sheets = {**content.get("sheets", {}), "models": str(sheet)}
    findings = found({**content, "models": ["good", "refused"], "sheets": sheets})
    assert findings["model good"].state == "ok"
    assert "gate" in findings["model good"].told
    assert findings["model refused"].state == "fault"
    assert "the FFN sites of model type 'gpt_oss' are not known" in findings["model refused"].told


def test_a_model_on_a_hub_is_asked_for_unless_its_snapshot_is_made(content, tmp_path, monkeypatch):
    asked = []

    def refuse(row):
        asked.append(row.location)
        raise ConnectionError("no route to host\nand more")

    named = {**content, "models": ["gemma-3-270m", "llama-3.1-8b"]}
    findings = found(named, ask_hub=refuse)
    assert asked == ["meta-llama/Llama-3.1-8B"]
    fault = findings["model llama-3.1-8b"]
    assert fault.state == "fault"
    assert fault.told == "the hub does not give meta-llama/Llama-3.1-8B: no route to host"
    assert "HF_TOKEN" in fault.remedy
    assert found(named, ask_hub=lambda row: row)["model llama-3.1-8b"].state == "ok"
    made = tmp_path / "resources/models/llama-3.1-8b"
    made.mkdir(parents=True)
    (made / "model.json").write_text("{}", "utf-8")
    (tmp_path / "config").symlink_to(Path("config").absolute())
    monkeypatch.chdir(tmp_path)
    assert found(named, ask_hub=refuse)["model llama-3.1-8b"].told == "its snapshot is made"


def test_a_gpu_that_torch_does_not_see_is_a_fault(content, monkeypatch):
    monkeypatch.setattr(doctor, "visible_gpus", lambda: ["0", "1"])
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    fault = found(content)["GPU"]
    assert fault.state == "fault"
    assert "the driver has 2" in fault.told
    assert "CUDA" in fault.remedy


def test_other_versions_and_missing_packages_are_named(content, monkeypatch):
    pins = ["numpy==1.0", "no-such-package==2.0; extra == 'models'", "plain"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: pins)
    findings = found(content)
    assert "tested with 1.0" in findings["package numpy"].told
    assert findings["packages"].told == "1 of 2 are installed"
    states = [one for one in doctor._packages() if one.what == "packages"]
    assert "no-such-package" in states[0].told
