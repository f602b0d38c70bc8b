"""Tasks of the harness: which language they stand for, and which items are drawn."""

from __future__ import annotations

import pytest
import yaml
from lm_eval.tasks import TaskManager

from neuronxa.config import TaskRow
from neuronxa.downstream.harness.items import draw_items, item_ids
from neuronxa.downstream.harness.names import task_names
from neuronxa.errors import ConfigError, LanguageError
from neuronxa.languages import Languages
from neuronxa.planning.plan import make_plan
from neuronxa.sheets import read_sheet

#: Languages with a task, the pivot's task, and a code that is spelled in its own way.
SHIPPED = {
    "belebele": (118, "belebele_eng_Latn", ("zho_Hans", "belebele_zho_Hans")),
    "m-mmlu": (34, "m_mmlu_en", ("nob_Latn", "m_mmlu_nb")),
    "m-arc": (32, "arc_challenge", ("zho_Hans", "arc_zh")),
    "m-hellaswag": (31, "hellaswag", ("swe_Latn", "hellaswag_sv")),
    "xnli-prompted": (18, "xnli_en", ("arb_Arab", "xnli_ar")),
    "xcopa": (13, "copa", ("est_Latn", "xcopa_et")),
    "global-mmlu": (42, "global_mmlu_full_en", ("tgl_Latn", "global_mmlu_full_fil")),
}


@pytest.fixture(scope="module")
def index():
    """Every task that the installed harness has; it reads its files for some ten seconds."""
    return TaskManager().all_tasks


@pytest.fixture(scope="module")
def languages(repository):
    return Languages.read(repository / "config/languages.tsv")


def make(**changes):
    return TaskRow(**{"task": "t", "label": "T", "kind": "harness", **changes})


def test_the_shipped_rows_name_tasks_that_the_harness_has(index, languages, repository):
    rows = read_sheet(repository / "config/tasks.tsv", TaskRow, key="task")
    shipped = {name for name, row in rows.items() if row.kind == "harness" and not row.location}
    assert shipped == set(SHIPPED)
    for task, (count, pivot, (code, name)) in SHIPPED.items():
        found = task_names(rows[task], languages, languages, index)
        assert (len(found), found["eng_Latn"], found[code]) == (count, pivot, name)
        assert set(found.values()) <= set(index) and len(set(found.values())) == count
    # Simplified Chinese alone where the code names no script; both where it does
    assert "zho_Hant" not in task_names(rows["m-arc"], languages, languages, index)
    assert "zho_Hant" in task_names(rows["belebele"], languages, languages, index)


def test_subjects_and_collections_are_no_languages(languages):
    names = ["arc_de", "arc_multilingual", "arc_eu_easy", "arc_mt_de", "arc_en_stem", "arc_"]
    row = make(pattern="arc_{language}")
    assert task_names(row, languages, languages, names) == {"deu_Latn": "arc_de"}


def test_own_spelling_comes_first_and_select_before_it(languages):
    names = ["x_fil", "x_tl", "x_zh", "other"]
    row = make(pattern="x_{language}", select=" zh=other ,")
    wanted = ("zho_Hans", "tgl_Latn", "deu_Latn")
    own = "x_" + languages["tgl_Latn"].bcp47
    assert task_names(row, wanted, languages, names) == {"zho_Hans": "other", "tgl_Latn": own}


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"pattern": "m_arc_{language}"}, ConfigError, r"no language has(.|\n)*near.*arc_de"),
        ({"select": "de=arc_xy"}, ConfigError, r"no task 'arc_xy'(.|\n)*near.*arc_de"),
        ({"select": "arc_de"}, ConfigError, r"'select' holds 'arc_de'(.|\n)*en=arc_challenge"),
        ({"select": "qqq=arc_de"}, LanguageError, r"unknown language code 'qqq'"),
    ],
)
def test_what_names_no_task_is_told_with_what_is_near(languages, changes, error, told):
    with pytest.raises(error, match=told):
        task_names(
            make(**{"pattern": "arc_{language}", **changes}), ["deu_Latn"], languages, ["arc_de"]
        )


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"location": "{folder}/none"}, r"task 't': '.*none' \(a folder of task files\)"),
        ({"location": "{folder}"}, r"there are no task files(.|\n)*\*\.yaml"),
        ({"select": "en:arc"}, r"'select' holds 'en:arc'"),
    ],
)
def test_the_plan_refuses_folders_and_exceptions_that_cannot_be(repository, tmp_path, cells, told):
    row = {"task": "t", "label": "T", "kind": "harness", "pattern": "x_{language}", **cells}
    row = {key: value.replace("{folder}", str(tmp_path)) for key, value in row.items()}
    text = "\n".join("\t".join(cells) for cells in (row.keys(), row.values()))
    (tmp_path / "tasks.tsv").write_text(text + "\n", "utf-8")
    raw = yaml.safe_load((repository / "config/config.yaml").read_text("utf-8"))
    raw["sheets"] = {name: str(repository / path) for name, path in raw["sheets"].items()}
    raw["sheets"]["tasks"] = str(tmp_path / "tasks.tsv")
    raw["tasks"] = ["t"]
    with pytest.raises(ConfigError, match=told):
        make_plan(raw)


def test_items_take_the_dataset_s_identifier_or_their_position():
    belebele = [{"link": "a", "question_number": n, "q": "?"} for n in (1, 2)]
    assert item_ids({"b": belebele}) == {"b": ["a/1", "a/2"]}
    twice = [{"id": 7, "idx": n} for n in range(2)]
    assert item_ids({"t": twice}) == {"t": ["0", "1"]}
    group = {"a": [{"q": 1}], "b": [{"q": 1}, {"q": 2}]}
    assert item_ids(group) == {"a": ["0/0"], "b": ["1/0", "1/1"]}
    subjects = {"a": [{"sample_id": "a/1"}], "b": [{"sample_id": "b/1"}]}
    assert item_ids(subjects) == {"a": ["a/1"], "b": ["b/1"]}


def test_a_draw_depends_on_items_and_seed_alone():
    ids = [f"q{n}" for n in range(200)]
    drawn = draw_items({"t": ids}, 20, 0)["t"]
    assert drawn == sorted(set(drawn)) and len(drawn) == 20
    chosen = {ids[place] for place in drawn}
    turned = draw_items({"t": ids[::-1]}, 20, 0)["t"]
    assert {ids[::-1][place] for place in turned} == chosen
    # one item missing: only that one is replaced
    fewer = [name for name in ids if name != min(chosen)]
    assert len(chosen & {fewer[place] for place in draw_items({"t": fewer}, 20, 0)["t"]}) == 19
    assert {ids[place] for place in draw_items({"t": ids}, 20, 1)["t"]} != chosen
    assert (
        draw_items({"t": ids[:3]}, None, 0) == draw_items({"t": ids[:3]}, 9, 0) == {"t": [0, 1, 2]}
    )


def test_a_group_is_drawn_from_as_a_whole():
    ids = {"a": [f"a{n}" for n in range(3)], "b": [f"b{n}" for n in range(300)]}
    drawn = draw_items(ids, 5, 0)
    assert sum(map(len, drawn.values())) == 5 and all(drawn.values())
