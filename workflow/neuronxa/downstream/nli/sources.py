"""Where pairs come from: a folder with a file per language, a file, or a data set on the hub.

Which languages there are is told without the network, so a plan can name every file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuronxa.config import TaskRow
from neuronxa.corpora.hub import explain
from neuronxa.downstream.nli.pairs import COLUMNS, Pair, make_pair, read_pairs
from neuronxa.downstream.task_files import TaskFolder
from neuronxa.errors import ConfigError, CorpusError
from neuronxa.languages import Languages

HUB = "hub:"
PLACE = "{language}"
#: Splits that are evaluated, the first that a data set has.
EVALUATED = ("test", "validation")
TRAINED = ("train",)


def available(row: TaskRow, languages: Languages, pivot: str) -> tuple[str, ...]:
    """Languages that a task has, in the order of the language sheet; the pivot among them.

    Parameters
    ----------
    row
        A task of kind ``nli``.
    languages, pivot
        The language sheet and the code of the pivot.

    Raises
    ------
    ConfigError
        The task lacks the pivot, its folder does not exist or has ambiguous names, the training
        file does not exist, or a hub's languages are not listed.
    LanguageError
        A listed code is unknown.
    """
    where = f"task '{row.task}'"
    if row.location.startswith(HUB):
        listed = [code.strip() for code in row.languages.split(",") if code.strip()]
        if not listed:
            raise ConfigError(
                "the languages of a data set on the hub must be listed",
                where=where,
                remedy="fill the column 'languages' of the tasks sheet, as in ar,de,en",
            )
        known = {languages.resolve(code, row.codes).code for code in listed}
        codes = tuple(code for code in languages if code in known)
    else:
        codes = TaskFolder(row, languages, pivot).available()
    if pivot not in codes:
        raise ConfigError(
            f"there are no pairs in the pivot '{pivot}', which transfer is measured from",
            where=where,
            allowed=codes,
            remedy="choose another 'pivot', or check the task's 'location', 'pattern', 'codes' and "
            "'languages'",
        )
    if not row.training.startswith(HUB) and not Path(row.training).is_file():
        raise ConfigError(
            "the file of training pairs does not exist",
            where=f"{where}, {row.training}",
            remedy="correct 'training' in the tasks sheet",
        )
    return codes


def evaluation_files(row: TaskRow, language: str, languages: Languages, pivot: str) -> list[Path]:
    """The user's own files that a language is prepared from, the pivot's first; none for a hub."""
    if row.location.startswith(HUB):
        return []
    folder = TaskFolder(row, languages, pivot)
    return [folder.file(code) for code in dict.fromkeys([pivot, language])]


def training_files(row: TaskRow) -> list[Path]:
    """The user's own file of training pairs; none for a hub."""
    return [] if row.training.startswith(HUB) else [Path(row.training)]


def read_evaluation(
    row: TaskRow, language: str, languages: Languages, pivot: str
) -> tuple[list[Pair], str]:
    """All pairs of a language, and where they come from, in words without local paths."""
    if not row.location.startswith(HUB):
        path = TaskFolder(row, languages, pivot).file(language)
        return read_pairs(path), f"files {row.pattern}"
    # the sheet's default pattern names files, which a hub does not have
    pattern = PLACE if row.pattern == f"{PLACE}.tsv" else row.pattern
    code = Languages.in_scheme(languages[language], row.codes)
    return _read_hub(row.location, pattern.replace(PLACE, code), EVALUATED)


def read_training(row: TaskRow, languages: Languages, pivot: str) -> tuple[list[Pair], str]:
    """All training pairs, which are in the pivot, and where they come from."""
    if not row.training.startswith(HUB):
        path = Path(row.training)
        return read_pairs(path), f"file {path.name}"
    code = Languages.in_scheme(languages[pivot], row.codes)
    return _read_hub(row.training, code, TRAINED)


def _reworded(error: CorpusError) -> CorpusError:
    def reword(text: str) -> str:
        return text.replace("corpus '", "task '").replace("corpora sheet", "tasks sheet")

    remedy = reword(error.remedy).replace("the reader 'folder'", "a folder as 'location'")
    return CorpusError(
        reword(error.what), where=reword(error.where), allowed=error.allowed, remedy=remedy
    )


def _read_hub(location: str, configuration: str, splits: tuple[str, ...]) -> tuple[list[Pair], str]:
    dataset, _, revision = location.removeprefix(HUB).partition("@")
    table, split = _load(dataset, configuration, splits, revision)
    source = f"{dataset}{'@' * bool(revision)}{revision}, split {split}"
    columns: Mapping[str, Any] = {
        name: table[_column(table.column_names, names, source, name)]
        for name, names in COLUMNS.items()
    }
    rows = zip(columns["label"], columns["premise"], columns["hypothesis"], strict=True)
    where = f"{source}, {configuration}"
    return [make_pair(i, *row, where=f"{where}, row {i}") for i, row in enumerate(rows)], source


def _load(
    dataset: str, configuration: str, splits: tuple[str, ...], revision: str
) -> tuple[Any, str]:
    """The first split that the data set has."""
    try:
        import datasets
    except ImportError:
        raise CorpusError(
            "the package 'datasets' is not installed",
            where=dataset,
            remedy="install it, or use a folder as 'location'",
        ) from None
    for split in splits:
        try:
            table = datasets.load_dataset(
                dataset, configuration, split=split, revision=revision or None
            )
        except Exception as error:
            if "Unknown split" in str(error) and split != splits[-1]:
                continue
            raise _reworded(explain(error, dataset, configuration)) from error
        if len(table[table.column_names[0]]):
            return table, split
    raise CorpusError(
        "the data set holds no pairs",
        where=f"{dataset} ({configuration})",
        remedy="name another revision, or use a folder as 'location'",
    )


def _column(header: list[str], names: tuple[str, ...], where: str, column: str) -> str:
    for name in names:
        if name in header:
            return name
    raise CorpusError(f"there is no column '{column}'", where=where, allowed=header)
