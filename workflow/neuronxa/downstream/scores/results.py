"""Results of lm-evaluation-harness: a folder of JSON files, as the harness writes them.

From version 0.4 on a file ``<model>/results_<time>.json`` holds ``results`` (task -> ``acc,none``,
``acc_stderr,none``, ...), ``n-shot``, ``n-samples`` and ``higher_is_better`` by task, and the
``model_name``. Older files hold ``results`` (task -> ``acc``, ``acc_stderr``) and the number of
worked examples in ``config``. Both are read.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scipy import stats

from neuronxa.config import TaskRow
from neuronxa.downstream.scores.files import result_files
from neuronxa.downstream.scores.found import Found, refuse_falling, stamp_in
from neuronxa.downstream.scores.select import Selection
from neuronxa.errors import ConfigError, LanguageError

logger = logging.getLogger(__name__)

PLACE = "{language}"
#: Arguments that name the model, in the harness's order: an adapter is another model than its base.
MODEL_ARGUMENTS = ("peft", "delta", "pretrained", "model", "path", "engine")
#: Tasks and metrics that a message lists.
LISTED = 20


def read_results(
    path: Path,
    row: TaskRow,
    selection: Selection,
    resolve: Callable[[str], str],
    *,
    confidence: float = 0.95,
) -> list[Found]:
    """Read the results of a family of tasks, one task per language.

    Parameters
    ----------
    path
        Folder of results, or one file.
    row
        ``pattern`` names the tasks, with ``{language}`` for the code; ``metric`` is read, ``acc``
        standing for ``acc,none``.
    selection
        ``pairs`` are languages whose task has another name; conditions on shots and file.
    resolve
        From a code in the row's scheme to the project's; raises LanguageError.
    confidence
        Level of the interval that a standard error gives where the number of items is not there.

    Raises
    ------
    ConfigError
        No result of these tasks and this metric, a file that is damaged, a metric that falls.
    LanguageError
        A code of ``select`` that is unknown.
    """
    refuse_falling(row.metric, f"task '{row.task}'")
    named = _named_tasks(row, selection, resolve)
    found: list[Found] = []
    seen: dict[str, None] = {}
    dropped = 0
    for file in result_files(path):
        document = _document(file)
        if document is None:
            logger.info("left out: %s holds no results of the harness", file)
            continue
        for task, metrics in document["results"].items():
            language = named(task)
            if language is None:
                seen.setdefault(task)
                continue
            key = _metric_key(metrics, row.metric)
            seen.setdefault(f"{task} ({', '.join(_metrics(metrics))})")
            if key is None:
                continue
            one = _found(document, task, language, key, file, path, confidence)
            if selection.keeps(shots=one.shots, source=one.source):
                found.append(one)
            else:
                dropped += 1
    if not found:
        listed = list(seen)[:LISTED] + (["..."] if len(seen) > LISTED else [])
        fits = f" that fits {selection.told}" if selection.told else ""
        raise ConfigError(
            f"there is no result of '{row.pattern}' with metric '{row.metric}'{fits}",
            where=str(path),
            allowed=listed,
            remedy=f"set 'pattern', 'codes', 'select' and 'metric' of '{row.task}' in the tasks "
            "sheet",
        )
    if dropped:
        logger.info("left out: %d results that do not fit %s", dropped, selection.told)
    return found


def _named_tasks(
    row: TaskRow, selection: Selection, resolve: Callable[[str], str]
) -> Callable[[str], str | None]:
    """From the name of a task to the project's code of its language, or None."""
    if row.pattern.count(PLACE) != 1:
        raise ConfigError(
            f"'pattern' = '{row.pattern}' does not name tasks of the harness",
            where=f"task '{row.task}'",
            remedy=f"write {PLACE} where the code of the language stands, as in xnli_{PLACE}",
        )
    before, after = row.pattern.split(PLACE)
    form = re.compile(f"{re.escape(before)}([A-Za-z0-9_-]+){re.escape(after)}")
    others = {task: resolve(language) for language, task in selection.pairs.items()}

    def named(task: str) -> str | None:
        match = form.fullmatch(task)
        if task in others or match is None:
            return others.get(task)
        try:
            return resolve(match[1])
        except LanguageError:
            return None  # another task with a similar name, such as arc_easy

    return named


def _document(file: Path) -> dict[str, Any] | None:
    """The content of a file; None where it is no result."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            "the results do not exist", where=str(file), remedy="correct 'location'"
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(
            f"not a whole JSON file: {error}", where=str(file), remedy="copy the file again"
        ) from None
    results = document.get("results") if isinstance(document, dict) else None
    whole = isinstance(results, dict) and all(isinstance(one, dict) for one in results.values())
    return document if whole else None


def _metrics(metrics: dict[str, Any]) -> Iterator[str]:
    for key, value in metrics.items():
        if "_stderr" not in key and isinstance(value, int | float):
            yield key


def _metric_key(metrics: dict[str, Any], metric: str) -> str | None:
    """The key of a metric: as written, or that of the filter ``none``."""
    return next((key for key in (metric, f"{metric},none") if key in metrics), None)


def _found(
    document: dict[str, Any],
    task: str,
    language: str,
    key: str,
    file: Path,
    root: Path,
    confidence: float,
) -> Found:
    where = f"{file}, {task}"
    metrics = document["results"][task]
    metric, _, flt = key.partition(",")
    if document.get("higher_is_better", {}).get(task, {}).get(metric) is False:
        raise ConfigError(
            f"'{metric}' falls as a model gets better",
            where=where,
            allowed=_metrics(metrics),
            remedy="set 'metric' to one that rises, or every correlation turns round",
        )
    try:
        value = float(metrics[key])
    except (TypeError, ValueError):
        value = float("nan")
    if not abs(value) < float("inf"):
        raise ConfigError(
            f"'{key}' = {metrics[key]!r} is not a finite number",
            where=where,
            remedy="run the task again, or take its file out of the folder",
        )
    samples = document.get("n-samples", {}).get(task, {})
    n = samples.get("effective")
    if n is not None and n < samples.get("original", n):
        logger.warning("%s was limited to %d of %d items", where, n, samples["original"])
    stderr = metrics.get(f"{metric}_stderr,{flt}" if flt else f"{metric}_stderr")
    low = high = None
    if n is None and isinstance(stderr, int | float):
        half = float(stats.norm.ppf(0.5 + confidence / 2)) * stderr
        low, high = value - half, value + half
    shots = document.get("n-shot", {}).get(task, document.get("config", {}).get("num_fewshot"))
    return Found(
        where=where,
        model=_model(document, file),
        language=language,
        value=value,
        source=file.relative_to(root).as_posix() if root.is_dir() else file.name,
        n=n,
        low=low,
        high=high,
        shots=int(shots) if isinstance(shots, int | str) and str(shots).isdecimal() else None,
        stamp=_stamp(document, file),
    )


def _model(document: dict[str, Any], file: Path) -> str:
    """The model's name: as recorded, from the arguments, or the name of the folder."""
    if document.get("model_name"):
        return str(document["model_name"])
    arguments = document.get("config", {}).get("model_args") or {}
    if isinstance(arguments, str):
        pairs = (pair.partition("=") for pair in arguments.split(","))
        arguments = {name.strip(): value.strip() for name, _, value in pairs}
    for name in MODEL_ARGUMENTS:
        if arguments.get(name):
            return str(arguments[name])
    return file.parent.name


def _stamp(document: dict[str, Any], file: Path) -> str:
    """The time of a result: in the name of the file, or when the run started."""
    started = document.get("date")
    if not stamp_in(file.name) and isinstance(started, int | float):
        return datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%dT%H-%M-%S")
    return stamp_in(file.name)
