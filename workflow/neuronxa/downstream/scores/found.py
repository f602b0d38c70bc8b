"""Scores as they were found in a file, and how they become scores of this run.

The same rules hold for every reader: models that the run does not have are left out and counted;
a code that stands for no language is a fault; results with different numbers of worked examples
are never mixed; of several results for one model and language the newest counts, and the log says
so; where no time tells which is newest, that is a fault.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from neuronxa.config import TaskRow
from neuronxa.downstream.accuracy import SCORE_COLUMNS, tidy
from neuronxa.downstream.scores.names import ModelNames
from neuronxa.errors import ConfigError, LanguageError
from neuronxa.statistics.intervals import wilson_interval

logger = logging.getLogger(__name__)

#: Time in the name of a harness result, such as ``results_2025-03-18T01-39-56.000360.json``.
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(\.\d+)?")
#: Metrics that are shares of items, so that n gives an interval.
SHARE = re.compile(r"(acc|acc_norm|acc_mutual_info|accuracy|exact_match|mc1)(,.*)?")
#: Metrics that fall as a model gets better.
FALLING = re.compile(r"((word_|byte_)?perplexity|ppl|bits_per_byte|ter)(,.*)?")
#: Names of models that a message lists.
LISTED = 30


@dataclass(frozen=True)
class Found:
    """One score in a file.

    Attributes
    ----------
    where
        File and line, or file and task, for messages.
    model, language
        As written there; the code of the language in any scheme.
    value, n, low, high, chance
        The score; None where it is not given.
    shots
        Number of worked examples.
    source
        Where the number comes from.
    stamp
        Time of the run, in a form that sorts; empty where it is not known.
    """

    where: str
    model: str
    language: str
    value: float
    source: str
    n: int | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    shots: int | None = None
    stamp: str = ""


def stamp_in(text: str) -> str:
    """The time in the name of a result; empty where there is none."""
    match = STAMP.search(text)
    return match[0] if match else ""


def refuse_falling(metric: str, where: str, allowed: Iterable[object] = ()) -> None:
    """Refuse a metric that is low where a model is good.

    Raises
    ------
    ConfigError
        Perplexity and its like.
    """
    if FALLING.fullmatch(metric):
        raise ConfigError(
            f"'{metric}' falls as a model gets better",
            where=where,
            allowed=allowed,
            remedy="set 'metric' to one that rises, or every correlation turns round",
        )


def scores_of_run(
    found: list[Found],
    row: TaskRow,
    *,
    models: ModelNames,
    resolve: Callable[[Found], str],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Turn what was found for a task into scores of the run's models.

    Parameters
    ----------
    found
        Scores of one task and metric.
    row
        The task; its name and metric are written into the table.
    models
        Names of the run's models.
    resolve
        Gives the project's code of a score's language; raises LanguageError.
    confidence
        Level of Wilson's interval, which shares of items get where n is known and no interval is.

    Returns
    -------
    pandas.DataFrame
        Columns ``SCORE_COLUMNS`` and ``shots``.

    Raises
    ------
    ConfigError
        No model of the run, a share outside [0, 1], or one of the faults above.
    LanguageError
        An unknown code, with its line.
    """
    own = [replace(one, model=name) for one in found if (name := models.find(one.model))]
    others = Counter(one.model for one in found if models.find(one.model) is None)
    if not own:
        listed = sorted(others, key=str.casefold)
        more = [f"and {len(listed) - LISTED} more"] if len(listed) > LISTED else []
        raise ConfigError(
            f"no model of the run has scores of '{row.task}'",
            where=row.location,
            remedy="write the name that the file uses into 'aliases' of the model in the models "
            f"sheet; the file names {', '.join([*listed[:LISTED], *more])}",
        )
    if others:
        names = ", ".join(f"{name} ({count})" for name, count in others.items())
        logger.info("left out: scores of models that are not in the run: %s", names)
    known = [replace(one, language=resolve(one)) for one in own]
    _refuse_mixed_shots(known, row)
    kept = _newest(known, row)
    rows = [_score(one, row, confidence) for one in kept]
    frame = tidy(pd.DataFrame(rows, columns=SCORE_COLUMNS))
    shots = pd.array([one.shots for one in kept], dtype="Int64")
    for model, values in frame.groupby("model")["value"]:
        if len(values) > 1 and values.nunique() == 1:
            logger.warning(
                "%s: every language of %s has the value %g: a failed run?",
                row.task,
                model,
                values.iloc[0],
            )
    logger.info(
        "%s: %d scores of %d models in %d languages",
        row.task,
        len(frame),
        frame["model"].nunique(),
        frame["language"].nunique(),
    )
    return frame.assign(shots=shots)


def known_language(one: Found, resolve: Callable[[str], str], pairs: Mapping[str, str]) -> str:
    """The project's code of a score's language, told with its place where it is unknown.

    Parameters
    ----------
    one
        The score.
    resolve
        From a code in any scheme to the project's.
    pairs
        What some codes mean, from ``select``.

    Raises
    ------
    LanguageError
        Nobody knows the code.
    """
    try:
        return resolve(pairs.get(one.language, one.language))
    except LanguageError as error:
        raise error.retold(
            where=one.where,
            remedy=f"{error.remedy + '. ' if error.remedy else ''}Say in 'select' what it means, "
            f"as in {one.language}=<code>, or drop the row",
        ) from None


def _refuse_mixed_shots(found: list[Found], row: TaskRow) -> None:
    """Results with 0 and with 5 worked examples do not compare over languages."""
    shots: dict[str, set[int | None]] = {}
    for one in found:
        shots.setdefault(one.model, set()).add(one.shots)
    for model, several in shots.items():
        if len(several) > 1:
            told = ["unknown" if k is None else str(k) for k in sorted(several, key=_none_first)]
            raise ConfigError(
                f"'{model}' has scores of '{row.task}' with different numbers of worked examples",
                where=row.location,
                allowed=[f"n_shot={k}" for k in told if k != "unknown"],
                remedy="write the one that is meant into 'select', or a task for each",
            )


def _none_first(shots: int | None) -> int:
    return -1 if shots is None else shots


def _newest(found: list[Found], row: TaskRow) -> list[Found]:
    """One score per model and language, in the order of the file."""
    kept: dict[tuple[str, str], Found] = {}
    replaced: Counter[tuple[str, str, str]] = Counter()
    for one in found:
        key = (one.model, one.language)
        earlier = kept.setdefault(key, one)
        if earlier is one:
            continue
        if not earlier.stamp or not one.stamp or earlier.stamp == one.stamp:
            raise ConfigError(
                f"a second value for {', '.join((one.model, row.task, one.language, row.metric))}; "
                f"the first is in {earlier.where}",
                where=one.where,
                remedy="keep one of them, or choose in 'select' by path=...",
            )
        old, new = sorted((earlier, one), key=lambda result: result.stamp)
        kept[key] = new
        replaced[one.model, new.source, old.source] += 1
    for (model, new_source, old_source), count in replaced.items():
        logger.info(
            "%s: %d scores are in two results; the newer counts: %s, not %s",
            model,
            count,
            new_source,
            old_source,
        )
    return list(kept.values())


def _score(one: Found, row: TaskRow, confidence: float) -> dict[str, object]:
    share = bool(SHARE.fullmatch(row.metric))
    if share and not 0 <= one.value <= 1:
        raise ConfigError(
            f"{row.metric} = {one.value:g} is not a share",
            where=one.where,
            allowed="values from 0 to 1",
            remedy="divide percentages by 100",
        )
    low, high = one.low, one.high
    if share and one.n and low is None and high is None:
        interval = wilson_interval(one.value, one.n, confidence=confidence)
        low, high = interval.low, interval.high
    return {
        "model": one.model,
        "task": row.task,
        "language": one.language,
        "metric": row.metric,
        "value": one.value,
        "low": low,
        "high": high,
        "n": one.n,
        "chance": one.chance,
        "source": one.source,
    }
