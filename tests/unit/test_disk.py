"""What the disk refuses, in words; and what a run will take of it, against what it took."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import sys
from pathlib import Path

import pytest

from neuronxa.config import CorpusRow, ModelRow, Shape
from neuronxa.errors import DiskError
from neuronxa.jobs.job import job
from neuronxa.machine import disk
from neuronxa.machine.disk import explain_disk, refuse_unwritable, require_space, used_bytes
from neuronxa.models.shapes import shape_of
from neuronxa.planning import preflight, space
from neuronxa.planning.space import layout_of
from neuronxa.stores.sizes import activation_bytes

from .given import given
from .stores import default_extraction, filled_store, random_blocks

FULL = Path("/dev/full")  # every write to it finds the disk full


@pytest.mark.skipif(not FULL.is_char_device(), reason="there is no /dev/full")
def test_a_full_disk_is_told_with_what_is_free(tmp_path):
    with pytest.raises(OSError) as found:
        FULL.write_text("x")
    told = explain_disk(found.value, folder=tmp_path)
    assert isinstance(told, DiskError)
    assert re.search(r"the disk is full, [\d.]+ (bytes|KB|MB|GB) are free", told.what)
    assert "run the same command again" in told.remedy


@pytest.mark.parametrize(
    "text",
    [
        # what safetensors says, and what torch says
        "Error while serializing: I/O error: No space left on device (os error 28)",
        "[enforce fail] . PytorchStreamWriter failed writing file: No space left on device",
    ],
)
def test_a_full_disk_is_told_whatever_library_writes(text, tmp_path):
    told = explain_disk(RuntimeError(text), folder=tmp_path)
    assert told is not None
    assert told.where == str(tmp_path)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota is used up"),
        (errno.EROFS, "mounted read-only"),
        (errno.EACCES, "no permission"),
    ],
)
def test_the_file_is_named_and_causes_are_looked_at(code, words, tmp_path):
    inner = OSError(code, os.strerror(code), str(tmp_path / "table.csv"))
    outer = RuntimeError("could not write")
    outer.__cause__ = inner
    told = explain_disk(outer, folder=Path())
    assert told is not None
    assert words in told.what
    assert told.where == str(tmp_path / "table.csv")


def test_other_errors_are_not_the_disks():
    assert explain_disk(ValueError("No such thing"), folder=Path()) is None
    assert explain_disk(FileNotFoundError(errno.ENOENT, "no", "x"), folder=Path()) is None


def failing_job(log, error):
    with job(given(log)):
        raise error


def test_a_job_on_a_full_disk_ends_with_one_message(tmp_path, capsys):
    error = OSError(errno.ENOSPC, "No space left on device", "results/x.parquet")
    with pytest.raises(SystemExit) as ended:
        failing_job(tmp_path / "job.log", error)
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.count("Error:") == 1
    assert "results/x.parquet: the disk is full" in told
    assert "Traceback" not in told
    assert "Traceback" in (tmp_path / "job.log").read_text("utf-8")


@pytest.mark.skipif(not FULL.is_char_device(), reason="there is no /dev/full")
def test_a_log_that_does_not_fit_is_no_traceback_on_the_screen(tmp_path, capsys):
    log = tmp_path / "job.log"
    log.symlink_to(FULL)
    with job(given(log)):
        logging.getLogger("neuronxa").info("a line")
    assert "Logging error" not in capsys.readouterr().err


def test_a_job_whose_log_cannot_be_opened_says_so(tmp_path, capsys):
    (tmp_path / "logs").write_text("a file where a folder is needed")
    with pytest.raises((SystemExit, OSError)):
        failing_job(tmp_path / "logs" / "job.log", ValueError())


def test_tokens_are_blotted_out_of_logs_and_messages(tmp_path, capsys, monkeypatch):
    planted, other = "planted-secret-1", "hf_" + "a1B2" * 8
    monkeypatch.setenv("HF_TOKEN", planted)
    with pytest.raises(SystemExit):
        failing_job(tmp_path / "job.log", DiskError(f"refused {planted} and {other}"))
    with pytest.raises(RuntimeError):
        failing_job(tmp_path / "other.log", RuntimeError(f"Authorization: Bearer {planted}"))
    written = "".join(path.read_text("utf-8") for path in tmp_path.glob("*.log"))
    for text in (capsys.readouterr().err, written):
        assert planted not in text
        assert other not in text
        assert "hf_***" in text


def test_work_that_cannot_fit_is_refused_with_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda _: 2_000_000_000)
    require_space(tmp_path, 1_900_000_000, what="the run")
    require_space(tmp_path, 2_800_000_000, what="the run", least=0.7)
    with pytest.raises(DiskError, match=r"the run needs about 3\.0 GB more, 2\.0 GB are free"):
        require_space(tmp_path / "not" / "there", 3_000_000_000, what="the run", least=0.7)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to forbid something to")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o755)
    process = os.fork()
    if not process:
        os.setuid(65534)
        try:
            refuse_unwritable([tmp_path / "results"])
        except DiskError as error:
            os._exit(3 if "no permission: nothing can be written to" in str(error) else 4)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 3
    refuse_unwritable([tmp_path / "results"])


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "results").write_text("x")
    with pytest.raises(DiskError, match="a file stands where a folder is needed"):
        refuse_unwritable([tmp_path / "results"])


@pytest.mark.parametrize(("sentences", "neurons"), [(7, 6), (60, 400)])
def test_the_estimate_of_a_store_is_what_it_takes(tmp_path, sentences, neurons):
    layout, _ = random_blocks(sentences=sentences, block_sentences=20, neurons=neurons, hidden=64)
    filled_store(
        tmp_path / "eng_Latn", sentences=sentences, block_sentences=20, neurons=neurons, hidden=64
    )
    assert activation_bytes(layout) == pytest.approx(used_bytes(tmp_path / "eng_Latn"), rel=0.25)


def test_the_estimate_of_real_stores_is_what_they_took():
    """Mean size of 60 stores of FLORES-200 (100 sentences) on ext4."""
    corpus = CorpusRow(corpus="flores", label="-", reader="folder")
    shapes = (Shape(18, 2048, 640, 0), 26_371_000), (Shape(30, 1536, 576, 0), 33_514_000)
    for sizes, took in shapes:
        layout = layout_of(default_extraction(), sizes, corpus, 100)
        assert activation_bytes(layout) == pytest.approx(took, rel=0.15)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bloom", "mixtral", "qwen2_moe", "opt"])
def test_the_shape_of_a_model_is_read_from_its_own_folder(tmp_path, kind):
    from transformers import AutoConfig, AutoModel

    from neuronxa.models.architectures import ARCHITECTURES, neurons_per_layer

    from ..models.tiny import CONFIGS

    config = AutoConfig.for_model(**CONFIGS[kind])
    config.save_pretrained(tmp_path / kind)
    row = ModelRow(model=kind, label=kind, source="folder", location=str(tmp_path / kind))
    found = shape_of(row, tmp_path / "none")
    architecture = ARCHITECTURES[config.model_type]
    neurons = neurons_per_layer(config, architecture)
    assert (found.layers, found.neurons, found.hidden_size) == (
        config.num_hidden_layers,
        neurons,
        config.hidden_size,
    )
    layers = AutoModel.from_config(config).get_submodule(architecture.layers)
    matrices = sum(weight.numel() for weight in layers.parameters() if weight.ndim > 1)
    assert found.parameters == pytest.approx(matrices, rel=0.05)


def test_the_shape_of_a_model_that_is_not_there_is_what_its_row_tells(tmp_path):
    row = ModelRow(model="m", label="m", source="hub", location="org/m")
    assert shape_of(row, tmp_path / "none") is None
    told = row.model_copy(update={"shape": "32x14336x4096 7.0B"})
    assert shape_of(told, tmp_path / "none") == Shape(32, 14336, 4096, 7_000_000_000)


def part(folder, needed, present=0, why=""):
    return space.Part("activations", "m", folder, needed, present, why)


def test_what_is_there_already_counts_and_what_is_not_known_is_said(tmp_path, monkeypatch):
    parts = [
        part(tmp_path, 3_000_000, 1_000_000),
        part(tmp_path, 1_000_000, 5_000_000),
        part(tmp_path, None, why="the snapshot of m is not made yet"),
    ]
    line = preflight.told(parts)
    assert re.fullmatch(
        r"Disk: about 2\.0 MB to come, [\d.]+ \wB free; "
        r"not counted: the snapshot of m is not made yet",
        line,
    )


def test_the_end_of_a_run_says_that_the_disk_is_full_and_only_then(tmp_path, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    preflight.tell_if_full(root=tmp_path)
    assert not stream.getvalue()
    monkeypatch.setattr(preflight, "free_bytes", lambda _: 0)
    preflight.tell_if_full(root=tmp_path)
    assert "the disk is full, 0 bytes are free" in stream.getvalue()


def test_what_snakemake_said_of_a_full_disk_is_told_though_it_has_space_again(tmp_path, capsys):
    watch = preflight.DiskWatch()
    talk = logging.Logger("snakemake")
    talk.addHandler(watch)
    talk.error("RuleException:\nOSError in line 4: something else")
    preflight.tell_if_full(watch, root=tmp_path)
    assert not capsys.readouterr().err
    talk.error(
        "RuleException:\nOSError in line 40:\n%s", OSError(errno.ENOSPC, "No space left on device")
    )
    preflight.tell_if_full(watch, root=tmp_path)
    assert "the disk is full, " in capsys.readouterr().err
