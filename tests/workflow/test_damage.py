"""Damage is found, named and repaired; results lead back to what they were made from."""

from __future__ import annotations

import json
import os
import shutil
import time

import numpy as np
import pandas as pd
import pytest

from neuronxa.__main__ import main
from neuronxa.errors import StoreError
from neuronxa.provenance import check_file
from neuronxa.upkeep.damage import find_damage

from ..torture.damage import (
    COMMAND,
    KINDS,
    contents,
    damage,
    files_of,
    make_run,
    one_trial,
    repair,
    run_snakemake,
)

pytestmark = pytest.mark.workflow

RUN = "tiny-llama/toy/default"
TARGETS = [
    f"results/tables/{RUN}/languages.csv",
    f"results/figures/{RUN}/layer_curves.svg",
    "results/benchmarks/tiny-llama/mask.parquet",
]
STORE = f"results/activations/{RUN}/deu_Latn"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of a few targets, made once."""
    folder = tmp_path_factory.mktemp("made") / "run"
    folder.mkdir()
    make_run(folder, languages=2, targets=TARGETS, tasks=True)
    return folder


@pytest.fixture
def finished(made, tmp_path):
    """A copy of the run that a test may damage."""
    folder = tmp_path / "run"
    shutil.copytree(made, folder, symlinks=True)
    return folder


def test_every_kind_of_damage_is_found_and_named(finished):
    assert not find_damage(finished / "results").damages
    rng = np.random.default_rng(1)
    # fine-tuning belongs to the long form
    present = [kind for kind in KINDS if files_of(finished, kind)]
    assert set(KINDS) - set(present) == {"judgements", "adapter", "pairs"}
    problems = [one_trial(finished, kind, rng) for kind in present]
    assert not [problem for problem in problems if problem]
    assert not find_damage(finished / "results").damages


def test_the_named_commands_repair_all_that_is_damaged_bit_by_bit(finished):
    before = contents(finished)
    rng = np.random.default_rng(2)
    for kind in ("activation chunk", "frame"):
        damage(rng.choice(files_of(finished, kind)), rng)
    assert len(find_damage(finished / "results").damages) == 2
    assert repair(finished)
    assert contents(finished) == before
    assert "Nothing to be done" in run_snakemake(finished, "--dry-run", *TARGETS)


def test_a_job_refuses_a_damaged_input_with_one_message(finished):
    path = finished / f"results/alignment/{RUN}/scores.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    target = f"results/tables/{RUN}/languages.csv"
    with pytest.raises(AssertionError) as failed:
        run_snakemake(finished, "--cores", "1", "--force", target)
    said = str(failed.value)
    assert f"{path.relative_to(finished)}: the file is damaged" in said
    assert f"snakemake --cores all --force {path.relative_to(finished)}" in said
    assert "Traceback" not in said


def test_verify_tells_what_is_damaged_and_ends_with_1(finished, monkeypatch, capsys):
    monkeypatch.chdir(finished)
    assert main(["verify"]) == 0
    assert "all whole" in capsys.readouterr().out
    path = finished / f"results/figures/{RUN}/layer_curves.svg"
    path.write_text("", "utf-8")
    assert main(["verify"]) == 1
    out = capsys.readouterr().out
    assert f"{path.relative_to(finished)}: the file is damaged" in out
    assert "1 damaged" in out
    path.unlink()
    assert main(["verify"]) == 1
    assert "the file is missing" in capsys.readouterr().out
    assert main(["verify", "nowhere"]) == 1
    assert "there are no results of a run" in capsys.readouterr().err


def test_a_file_without_a_record_is_counted_and_not_called_damaged(finished):
    shutil.rmtree(finished / "results/provenance/tables")
    found = find_damage(finished / "results")
    assert not found.damages
    assert {path.suffix for path in found.unrecorded} == {".csv", ".md", ".tex", ".html"}


def test_info_leads_from_a_figure_to_model_corpus_settings_and_versions(
    finished, monkeypatch, capsys
):
    monkeypatch.chdir(finished)
    assert main(["info", f"results/figures/{RUN}/layer_curves.svg"]) == 0
    out = capsys.readouterr().out
    card = json.loads((finished / "resources/models/tiny-llama/model.json").read_text("utf-8"))
    store = json.loads((finished / STORE / "manifest.json").read_text("utf-8"))
    for said in (
        "made by     plot_run",
        store["identity"]["model_digest"],
        card["location"],
        "texts resources/corpora/toy",
        f"numpy {np.__version__}",
        '"pooling": "weighted"',
    ):
        assert said in out
    assert main(["info", "config.yaml"]) == 1
    assert "nothing is recorded" in capsys.readouterr().err


def test_compare_names_what_differs_and_judges_by_tolerance(finished, made, monkeypatch, capsys):
    assert main(["compare", str(made / "results"), str(finished / "results")]) == 0
    out = capsys.readouterr().out
    assert "equal within tolerance" in out
    path = finished / f"results/alignment/{RUN}/scores.parquet"
    scores = pd.read_parquet(path)
    row = scores.index[(scores["measure"] == "mu") & (scores["reduction"] == "layer")][0]
    scores.loc[row, "value"] += 0.1
    scores.to_parquet(path, index=False)
    assert main(["compare", str(made / "results"), str(finished / "results")]) == 1
    assert "1 scores differ by more than 0.03" in capsys.readouterr().out
    wide = ["--tolerance", "0.2"]
    assert main(["compare", *wide, str(made / "results"), str(finished / "results")]) == 0


def test_scripts_that_are_newer_than_results_extract_nothing_again(finished):
    """A fresh clone has new times: jobs may run again, but stores and what they hold stay."""
    earlier = time.time() - 10**8
    for path in sorted(finished.rglob("*")):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (earlier, earlier + path.stat().st_mtime % 10**5))
    before = contents(finished)
    chunks = files_of(finished, "activation chunk") + files_of(finished, "alignment chunk")
    moments = {path: path.stat().st_mtime_ns for path in chunks}
    (shard,) = (finished / STORE).parent.glob("shard.*.json")
    done = run_snakemake(finished, "--cores", "2", str(shard.relative_to(finished)))
    assert "Extracting shard" in done  # the job runs and finds its stores complete
    assert contents(finished) == before
    assert {path: path.stat().st_mtime_ns for path in chunks} == moments
    (log,) = (finished / f"results/logs/extract_activations/{RUN}").iterdir()
    assert "tokens to do" not in log.read_text("utf-8")


def test_a_record_that_was_cut_short_protects_no_less(finished):
    path = finished / f"results/alignment/{RUN}/scores.parquet"
    record = finished / f"results/provenance/alignment/{RUN}/manifest.json.json"
    record.write_bytes(record.read_bytes()[:100])
    with pytest.raises(StoreError, match="where a file comes from is missing or damaged") as error:
        check_file(path)
    assert COMMAND.search(str(error.value))
