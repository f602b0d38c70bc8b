"""Which task of lm-evaluation-harness stands for which language."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from neuronxa.config import TaskRow
from neuronxa.errors import ConfigError, LanguageError
from neuronxa.languages import Languages

PLACE = "{language}"

#: What a language's code may look like inside a task's name; subjects are longer.
CODE = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,4}){0,2}")


def task_names(
    row: TaskRow, wanted: Iterable[str], languages: Languages, names: Iterable[str]
) -> dict[str, str]:
    """The task of every wanted language that has one.

    Parameters
    ----------
    row
        Its ``pattern`` with ``{language}`` and its ``codes`` say how tasks are called, its
        ``select`` which languages' tasks are called otherwise.
    wanted
        The project's codes.
    languages
        The language sheet.
    names
        All tasks and groups that there are.

    Returns
    -------
    dict
        Language -> name of its task, in the order of ``wanted``. Another spelling of a code
        (``fil`` for ``tl``) counts where no task has the sheet's own.

    Raises
    ------
    ConfigError
        No language has a task, or a task named in ``select`` does not exist.
    LanguageError
        A code in ``select`` is unknown.
    """
    known = set(names)
    renamed = exceptions(row, languages)
    for name in renamed.values():
        if name not in known:
            raise _unknown(row, f"there is no task '{name}', which 'select' names", name, known)
    spelled = _other_spellings(row, languages, known)
    found = {}
    for code in wanted:
        own = row.pattern.replace(PLACE, languages.in_scheme(languages[code], row.codes))
        task = renamed.get(code) or (own if own in known else spelled.get(code))
        if task is not None:
            found[code] = task
    if not found:
        raise _unknown(
            row, f"no language has a task '{row.pattern}' ({row.codes} codes)", row.pattern, known
        )
    return found


def exceptions(row: TaskRow, languages: Languages) -> dict[str, str]:
    """Languages whose task has another name, from ``select``, as the project's code -> name.

    Raises
    ------
    ConfigError
        ``select`` is not of the form ``en=arc_challenge, zh=arc_zh_cn``.
    LanguageError
        A code is unknown.
    """
    found = {}
    for part in filter(None, (piece.strip() for piece in row.select.split(","))):
        code, sign, name = (piece.strip() for piece in part.partition("="))
        if not (code and sign and name):
            raise ConfigError(
                f"'select' holds '{part}'",
                where=f"task '{row.task}'",
                allowed="code=task, separated by commas, such as en=arc_challenge",
            )
        found[languages.resolve(code, row.codes).code] = name
    return found


def _other_spellings(row: TaskRow, languages: Languages, names: set[str]) -> Mapping[str, str]:
    """Tasks whose code is another spelling of the sheet's, the first of each language."""
    head, tail = row.pattern.split(PLACE, 1)
    found: dict[str, str] = {}
    for name in sorted(names):
        code = name.removeprefix(head).removesuffix(tail)
        if name != head + code + tail or not CODE.fullmatch(code):
            continue
        try:
            found.setdefault(languages.resolve(code, row.codes).code, name)
        except LanguageError:
            continue
    return found


def _unknown(row: TaskRow, what: str, name: str, known: set[str]) -> ConfigError:
    spelled = {text.replace(PLACE, "en"): text for text in sorted(known)}
    close = difflib.get_close_matches(name.replace(PLACE, "en"), spelled, n=8, cutoff=0.5)
    near = [spelled[text] for text in close]
    return ConfigError(
        what,
        where=f"task '{row.task}'"
        + (f" with the task files in {row.location}" * bool(row.location)),
        remedy=f"correct 'pattern', 'codes' or 'select'; near matches: {', '.join(near) or 'none'}",
    )
