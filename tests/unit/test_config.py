"""Settings and sheets: what is wrong is one message that says what, where, and what is allowed."""

from __future__ import annotations

import pytest
import yaml

from neuronxa.config import ExtractionRow, ModelRow, TaskRow, load_settings
from neuronxa.errors import ConfigError, NeuronXAError
from neuronxa.planning.plan import make_plan
from neuronxa.sheets import read_sheet


@pytest.fixture
def raw(repository, tmp_path):
    """The shipped configuration, with sheets that a test may change."""
    config = yaml.safe_load((repository / "config/config.yaml").read_text("utf-8"))
    for name in config["sheets"]:
        source = repository / "config" / f"{name}.tsv"
        target = tmp_path / f"{name}.tsv"
        target.write_text(source.read_text("utf-8"), "utf-8")
        config["sheets"][name] = str(target)
    return config


def test_the_shipped_configuration_is_valid_and_plans_24_languages(raw):
    plan = make_plan(raw)
    assert len(plan.languages) == 24
    assert list(plan.settings.models) == ["gemma-3-270m", "smollm2-135m"]
    assert len(list(plan.runs())) == 2


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"modles": []}, ["unknown key 'modles'", "Allowed: models, languages"]),
        ({"models": []}, ["'models'"]),
        ({"models": "gemma-3-270m"}, ["'models'"]),
        ({"models": ["a/b"]}, ["'models' names 'a/b'", "Allowed: gemma-3-270m", "Hint"]),
        ({"models": ["gemma-3-270m"] * 2}, ["names 'gemma-3-270m' 2 times"]),
        ({"corpora": ["flores"]}, ["'corpora' names 'flores'", "flores-200"]),
        ({"extractions": ["none"]}, ["'extractions' names 'none'", "no-special"]),
        ({"tasks": ["bellebele"]}, ["'tasks' names 'bellebele'", "continent"]),
        ({"languages": ["eng_Latn", "dut_Latn"]}, ["dut_Latn"]),
        ({"languages": ["eng_Latn", "cmn_Hans"]}, ["'cmn_Hans' is another name of 'zho_Hans'"]),
        ({"languages": ["eng_Latn", "deu_Latn", "eng_Latn"]}, ["names 'eng_Latn' 2 times"]),
        ({"pivot": "deu"}, ["deu"]),
        ({"pivot": "zul_Latn"}, ["the pivot 'zul_Latn' is not among 'languages'", "Hint: add"]),
        ({"extraction": {"batch": 3}}, ["unknown key 'extraction.batch'", "Allowed: token_budget"]),
        ({"alignment": {"measures": ["mu", "ckaa"]}}, ["alignment.measures", "'cka'", "ckaa"]),
        ({"alignment": {"measures": "some"}}, ["alignment.measures", "'all'"]),
        ({"alignment": {"layers": {"mean": [3]}}}, ["alignment.layers", "another name than mean"]),
        ({"alignment": {"layers": {"top": []}}}, ["alignment.layers", "at least one layer"]),
        ({"alignment": {"layers": {"top": [1.5]}}}, ["alignment.layers", "relative depths"]),
        ({"alignment": {"device": "tpu"}}, ["alignment.device", "'tpu'"]),
        ({"alignment": {"memory_gb": 0}}, ["alignment.memory_gb"]),
        ({"extraction": {"device": "cuba"}}, ["extraction.device", "'cuba'"]),
        ({"languages": "eng_Latn"}, ["'languages' = 'eng_Latn'"]),
        ({"extraction": {"block_sentences": 0}}, ["extraction.block_sentences", "= 0"]),
        ({"alignment": {"memory_gb": "much"}}, ["alignment.memory_gb", "'much'"]),
        ({"statistics": {"confidence": 95}}, ["statistics.confidence", "= 95"]),
        ({"sheets": {"models": "nowhere.tsv"}}, ["nowhere.tsv: the sheet does not exist"]),
    ],
)
def test_bad_settings(raw, change, parts):
    changed = {**raw, **change}
    if "sheets" in change:
        changed["sheets"] = {**raw["sheets"], **change["sheets"]}
    with pytest.raises(NeuronXAError) as error:
        load_settings(changed, where="my.yaml")
    for part in parts:
        assert part in str(error.value)


def test_a_missing_key_is_named(raw):
    del raw["corpora"]
    with pytest.raises(ConfigError, match=r"my\.yaml: 'corpora' is missing"):
        load_settings(raw, where="my.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the sheet is empty"),
        ("model\tlabel\tsource\tlocation\tsize\n", "line 1: unknown column 'size'"),
        ("model\tlabel\tsource\n", "line 1: column 'location' is missing"),
        ("model\tlabel\tsource\tlocation\tmodel\n", "column 'model' appears twice"),
        ("model\tlabel\tsource\tlocation\na\tA\thub\n", "line 2: 'location' is missing"),
        ("model\tlabel\tsource\tlocation\na\tA\tdisk\tx\n", "line 2: 'source' = 'disk'"),
        (
            "model\tlabel\tsource\tlocation\na/b\tA\thub\tx\n",
            "line 2: 'model' = 'a/b'",
        ),
        ("model\tlabel\tsource\tlocation\na\tA\thub\tx\ty\n", "line 2: the row has 5 cells"),
        ("model\tlabel\tsource\tlocation\na   A   hub   x\n", "line 2: the row has no tab"),
        (
            "# c\n\nmodel\tlabel\tsource\tlocation\na\tA\thub\tx\na\tB\thub\ty\n",
            "line 5: model 'a' is already used",
        ),
    ],
)
def test_bad_sheets(tmp_path, text, message):
    path = tmp_path / "models.tsv"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as error:
        read_sheet(path, ModelRow, key="model")
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_sheet_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "models.tsv"
    path.write_bytes(b"model\tlabel\xff\n")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 11"):
        read_sheet(path, ModelRow, key="model")


def test_byte_order_mark_line_ends_comments_and_empty_cells_are_fine(tmp_path):
    path = tmp_path / "extractions.tsv"
    path.write_bytes(
        "\ufeff# comment\r\nextraction\tlabel\tpooling\tmax_tokens\r\ne\tE\t\t77\r\n".encode()
    )
    rows = read_sheet(path, ExtractionRow, key="extraction")
    assert rows["e"].pooling == "weighted"
    assert rows["e"].max_tokens == 77


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kind": "facts"}, "needs a 'relation'"),
        ({"kind": "scores"}, "needs a 'location'"),
    ],
)
def test_each_kind_of_task_needs_its_own_column(row, message):
    with pytest.raises(ValueError, match=message):
        TaskRow(task="t", label="T", **row)


def test_both_sites_are_captured_in_a_fixed_order():
    row = ExtractionRow(extraction="e", label="E", site="both")
    assert row.sites == ("gate", "product")


def test_languages_may_be_all_that_a_corpus_has(raw):
    plan = make_plan({**raw, "languages": "all"})
    assert len(plan.corpus_languages["interface"]) == 52


def test_a_language_that_no_corpus_has_is_refused(raw):
    changed = {**raw, "languages": [*raw["languages"], "yor_Latn"]}
    with pytest.raises(ConfigError, match="no corpus has yor_Latn"):
        make_plan(changed)


def test_more_sentences_than_the_shipped_corpus_has_are_refused(raw, tmp_path):
    path = tmp_path / "corpora.tsv"
    path.write_text(path.read_text("utf-8").replace("\t100\trandom", "\t1000\trandom"), "utf-8")
    with pytest.raises(ConfigError, match=r"'interface' has 334 sentences, 1000 are asked for"):
        make_plan(raw)
