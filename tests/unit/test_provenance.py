"""Records of jobs: written at the end, compared at the start, the same for the same work."""

from __future__ import annotations

import json
import shutil

import pytest

from neuronxa.errors import StoreError
from neuronxa.jobs.job import job
from neuronxa.provenance import check_file, forget, place_of, read_record

from .given import given


@pytest.fixture(autouse=True)
def _run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def a_job(source, *made):
    return given("results/logs/copy.log", inputs=source, outputs=made, pivot="eng_Latn")


def copy(source, *made):
    with job(a_job([source], *made)):
        for path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())


@pytest.fixture
def chain(tmp_path):
    """A file of the user's own, a text made from it, and two results of the text."""
    own, text = tmp_path / "own.txt", tmp_path / "resources/corpora/c/x.txt"
    own.write_text("a", "utf-8")
    results = [tmp_path / "results/a.csv", tmp_path / "results/b/a.md"]
    copy(own, text)
    copy(text, *results)
    return own, text, results


def test_a_record_names_inputs_outputs_settings_and_versions(chain):
    own, text, (first, second) = chain
    record = read_record(second)
    assert record == read_record(first)
    assert record["rule"] == "copy"
    assert set(record["outputs"]) == {"results/a.csv", "results/b/a.md"}
    assert record["inputs"] == {str(text): read_record(text)["inputs"][str(own)]}
    assert record["params"] == {"pivot": "eng_Latn"}
    assert {"neuronxa", "python", "numpy", "scipy", "torch"} <= set(record["versions"])
    assert read_record(own) is None


def test_the_same_work_gives_the_same_record(chain, tmp_path):
    _, text, results = chain
    before = [path.read_bytes() for path in sorted(tmp_path.rglob("provenance/**/*.json"))]
    copy(text, *results)
    assert [p.read_bytes() for p in sorted(tmp_path.rglob("provenance/**/*.json"))] == before


def test_a_damaged_input_is_refused_before_the_job_begins(chain, capsys):
    _, text, results = chain
    text.write_text("b", "utf-8")
    with pytest.raises(SystemExit) as ended:
        copy(text, *results)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert f"{text}: the file is damaged" in said
    assert "snakemake --cores all --force resources/corpora/c/x.txt" in said
    assert results[0].read_text("utf-8") == "a"


def test_a_changed_file_of_the_users_own_is_no_damage(chain):
    own, text, _ = chain
    own.write_text("b", "utf-8")
    copy(own, text)
    assert check_file(text)


def test_a_failed_job_leaves_no_record(chain):
    _, text, results = chain
    with pytest.raises(ZeroDivisionError), job(a_job([text], *results)):
        _ = 1 / 0
    assert [read_record(path) for path in results] == [None, None]


@pytest.mark.parametrize("number", [0, 1], ids=["whole record", "name of the first"])
@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data.replace(b"a", b"e")])
def test_a_damaged_record_is_refused_and_named(chain, number, damage):
    _, _, results = chain
    record = place_of(results[number]).record
    record.write_bytes(damage(record.read_bytes()))
    with pytest.raises(StoreError, match="where a file comes from") as error:
        check_file(results[number])
    assert error.value.where == str(record)
    assert "--force results/" in str(error.value)


def test_a_run_below_a_folder_called_results_has_its_own_records(tmp_path):
    folder = tmp_path / "results" / "mine" / "results"
    (folder / "provenance").mkdir(parents=True)
    assert place_of(folder / "tables/a.csv").record == folder / "provenance/tables/a.csv.json"


def test_what_is_deleted_on_purpose_is_not_missed(chain):
    _, text, results = chain
    for path in (text, results[1].parent):
        forget(path)
    assert [read_record(path) is None for path in (text, *results)] == [True, False, True]


def test_what_a_job_makes_beside_its_outputs_has_a_record_and_a_way_back(tmp_path):
    folder = tmp_path / "results/site"
    for names in (["index.html", "a/old.html"], ["index.html", "a/new.html"]):
        with job(given("results/logs/site.log", outputs=[folder / "index.html"])) as record:
            shutil.rmtree(folder, ignore_errors=True)
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(name, "utf-8")
            record.add_folder(folder)
    page = folder / "a/new.html"
    assert check_file(page)
    assert not (tmp_path / "results/provenance/site/a/old.html.json").exists()
    page.write_text("other", "utf-8")
    with pytest.raises(
        StoreError, match=r"rm -rf .*new.html && .* --force results/site/index.html"
    ):
        check_file(page)


def test_records_hold_no_time_and_no_folder_of_the_run(chain):
    record = json.dumps(read_record(chain[2][0])["outputs"])
    assert str(chain[1].parent) not in record
