"""Cloze questions from files: what is read, which rows are drawn, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from neuronxa.config import TaskRow
from neuronxa.downstream.bmlama import check_parallel, read_clozes
from neuronxa.downstream.task_files import TaskFolder
from neuronxa.errors import ConfigError, CorpusError
from neuronxa.languages import Languages
from neuronxa.planning.plan import make_plan

HEADER = "Prompt\tAns\tCandidate Ans\tSubject"
ROME = "Rome lies in <mask>.\tItaly\tFrance, Italy, Iran\tRome"
ONE = "NATO is an <mask>.\talliance\talliance\tNATO"


def write(path: Path, *rows: str, header: str = HEADER, end: str = "\n") -> Path:
    path.write_text(end.join([header, *rows]) + end, "utf-8", newline="")
    return path


def test_a_row_becomes_its_filled_sentences(tmp_path: Path) -> None:
    clozes = read_clozes(write(tmp_path / "en.tsv", ROME, ONE, end="\r\n"))
    first, second = clozes.questions
    assert first.filled == ("Rome lies in France.", "Rome lies in Italy.", "Rome lies in Iran.")
    assert (first.item_id, first.gold, first.answer) == ("1", 1, "Italy")
    assert second.candidates == ("alliance",)
    assert clozes.counts() == {
        "questions": 2,
        "without_gold": 0,
        "single_candidate": 1,
        "duplicate_candidates": 0,
        "given_away": 0,
    }


def test_columns_are_read_by_position_with_or_without_a_header(tmp_path: Path) -> None:
    plain = tmp_path / "en.tsv"
    plain.write_text(f"{ROME}\n{ONE}\n", "utf-8")
    renamed = write(tmp_path / "de.tsv", ROME, ONE, header="Prompt\tAnswer\tOthers\tWho")
    assert read_clozes(plain) == read_clozes(renamed)


def test_cells_that_a_csv_writer_quoted_are_what_was_meant(tmp_path: Path) -> None:
    """As in the Hebrew files, where a gershayim is a double quote."""
    row = 'X <mask>.\t"נאט""ו"\t"איראן, נאט""ו, סין"\tX'
    (cloze,) = read_clozes(write(tmp_path / "he.tsv", row)).questions
    assert cloze.candidates == ("איראן", 'נאט"ו', "סין")
    assert cloze.gold == 1
    speech = '"A" or "B" is <mask>.\tA\tA, B\t"'
    (cloze,) = read_clozes(write(tmp_path / "en.tsv", speech)).questions
    assert cloze.prompt == '"A" or "B" is <mask>.'


def test_answers_that_are_missing_and_candidates_that_look_alike_are_kept_and_counted(
    tmp_path: Path,
) -> None:
    rows = ("A <mask>.\tX\tY, Z\tA", "B <mask>.\tY\tZ , Y, Z\tB", "C <mask>.\tY, Z\tY, Z\tC")
    clozes = read_clozes(write(tmp_path / "en.tsv", *rows))
    assert [one.gold for one in clozes.questions] == [None, 1, None]
    assert [len(one.filled) for one in clozes.questions] == [2, 3, 2]
    counts = clozes.counts()
    assert (counts["without_gold"], counts["duplicate_candidates"]) == (2, 1)


def test_the_draw_depends_on_number_and_seed_alone_and_grows(tmp_path: Path) -> None:
    rows = [ROME.replace("Rome", f"Town{i}") for i in range(40)]
    paths = [write(tmp_path / "en.tsv", *rows), write(tmp_path / "de.tsv", *reversed(rows))]
    draws = [[one.item_id for one in read_clozes(p, items=9, seed=3).questions] for p in paths]
    assert draws[0] == draws[1] == sorted(draws[0], key=int)
    other = read_clozes(paths[0], items=9, seed=4).questions
    assert [one.item_id for one in other] != draws[0]
    more = {one.item_id for one in read_clozes(paths[0], items=20, seed=3).questions}
    assert set(draws[0]) < more
    every = read_clozes(paths[0]).questions
    assert [one.item_id for one in every] == [str(i) for i in range(1, 41)]
    assert every[4].prompt == "Town4 lies in <mask>."


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Rome.\tItaly\tItaly\tRome", r"line 3: the sentence has 0 times <mask>: 'Rome\.'"),
        ("<mask> <mask>\tItaly\tItaly\tRome", "line 3: the sentence has 2 times <mask>"),
        ("Rome <mask>.\tItaly\tItaly", r"line 3: the row has 3 cells\s+Allowed: 4: Prompt"),
        ("Rome <mask>.\tItaly\tItaly, , Iran\tRome", "line 3: a candidate is empty"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_clozes(write(tmp_path / "en.tsv", ROME, row))


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"en\.tsv: the file has no rows"):
        read_clozes(write(tmp_path / "en.tsv"))
    with pytest.raises(CorpusError, match="there are 1 rows, 5 are asked for"):
        read_clozes(write(tmp_path / "en.tsv", ROME), items=5)


def test_files_that_are_not_parallel(tmp_path: Path) -> None:
    pivot = write(tmp_path / "en.tsv", ROME, ONE)
    for rows, message in (
        ((ROME,), "they have 1 and 2 rows"),
        ((ROME, ONE.replace("alliance\t", "alliance, club\t")), "row 2 has 2 and 1 candidates"),
    ):
        path = write(tmp_path / "de.tsv", *rows)
        with pytest.raises(CorpusError, match=message) as error:
            check_parallel(read_clozes(path), path, read_clozes(pivot), pivot)
        assert "de.tsv" in str(error.value) and "en.tsv" in str(error.value)


LANGUAGES = Languages.read(Path(__file__).parents[2] / "config" / "languages.tsv")
WANTED = ("eng_Latn", "deu_Latn", "zho_Hans", "swh_Latn")


def folder(path: Path, **more: object) -> TaskFolder:
    row = {"task": "t", "label": "T", "kind": "bmlama", "location": str(path), **more}
    return TaskFolder(TaskRow.model_validate(row), LANGUAGES, "eng_Latn")


def test_languages_of_a_folder(tmp_path: Path) -> None:
    for name in ("en", "zh", "de", "xx-unknown"):
        write(tmp_path / f"{name}.tsv", ROME)
    found = folder(tmp_path)
    assert found.shared(WANTED) == ("eng_Latn", "deu_Latn", "zho_Hans")
    assert found.file("zho_Hans").name == "zh.tsv"


@pytest.mark.parametrize(
    ("files", "settings", "message"),
    [
        ([], {}, r"there is no file '\{language\}\.tsv' of any language"),
        (["de"], {}, r"the pivot 'eng_Latn' has no file(.|\n)*Allowed: deu_Latn"),
        (["en", "fr"], {}, r"none of the languages besides the pivot(.|\n)*Allowed: eng_Latn, fra"),
        (["en", "eng"], {}, r"are both 'eng_Latn'"),
        (["en"], {"pattern": "x.tsv"}, r"task 't': 'pattern' is 'x\.tsv'"),
        (["en"], {"location": "none"}, r"the folder of task 't' does not exist(.|\n)*tasks sheet"),
    ],
)
def test_folders_that_will_not_do(
    tmp_path: Path, files: list[str], settings: dict[str, str], message: str
) -> None:
    for name in files:
        write(tmp_path / f"{name}.tsv", ROME)
    with pytest.raises(ConfigError, match=message):
        folder(tmp_path, **settings).shared(WANTED)


@pytest.fixture
def planned(repository: Path, tmp_path: Path):
    """Plans with the shipped configuration and one task of clozes."""
    raw = yaml.safe_load((repository / "config/config.yaml").read_text("utf-8"))
    raw["sheets"] = {key: str(repository / path) for key, path in raw["sheets"].items()}
    raw["sheets"]["tasks"] = str(tmp_path / "tasks.tsv")

    def plan(items: int | str = ""):
        sheet = f"task\tlabel\tkind\tlocation\titems\nb\tB\tbmlama\t{tmp_path}\t{items}\n"
        (tmp_path / "tasks.tsv").write_text(sheet, "utf-8")
        return make_plan({**raw, "tasks": ["b"]})

    return plan


def test_a_plan_knows_the_languages_and_files_of_a_task(planned, tmp_path: Path) -> None:
    for name in ("en", "ja", "hi", "yo"):
        write(tmp_path / f"{name}.tsv", *[ROME] * 6)
    plan = planned(items=6)
    # in the order of the config; Yoruba is not among its languages
    assert plan.task_languages == {"b": ("eng_Latn", "hin_Deva", "jpn_Jpan")}
    assert plan.task_file("b", "jpn_Jpan") == tmp_path / "ja.tsv"


def test_a_plan_refuses_more_questions_than_there_are(planned, tmp_path: Path) -> None:
    for name in ("en", "ja"):
        write(tmp_path / f"{name}.tsv", *[ROME] * 6)
    with pytest.raises(ConfigError, match=r"task 'b' has 6 rows, 7 are asked for(.|\n)*or fewer"):
        planned(items=7)
