"""What a run is about: the languages that each corpus really has, and every combination.

The files themselves are spelled in the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuronxa.config import CorpusRow, Settings, TaskRow, load_settings
from neuronxa.config.rows import ReaderKind
from neuronxa.corpora import Reader, open_reader
from neuronxa.downstream.bmlama import count_rows
from neuronxa.downstream.harness.folder import task_files
from neuronxa.downstream.harness.names import exceptions
from neuronxa.downstream.nli.sources import available
from neuronxa.downstream.task_files import TaskFolder
from neuronxa.errors import ConfigError
from neuronxa.jobs.shards import cut_shards
from neuronxa.models.sources import check_source

#: What the user brings, by source of a model, reader of a corpus and kind of a task.
MODEL_FILES = {
    "folder": "a folder in transformers' layout",
    "gguf": "a GGUF file",
}
#: Reader -> what its location must be on this machine; empty where it is elsewhere.
CORPUS_FILES: Mapping[ReaderKind, str] = {
    "folder": "a folder with one file per language, {row.pattern}, the same sentence on each line",
    "tatoeba": "a folder with two files per language, such as tatoeba.swh-eng.swh and .eng",
    "hub": "",
    "interface": "",
}
TASK_FILES = {
    "bmlama": "a folder with one file per language, {row.pattern}",
    "nli": "a folder with one file per language, {row.pattern}",
    "harness": "a folder of task files",
    "scores": "a table of scores, or a folder of results of lm-evaluation-harness",
}
TRAINING_FILE = "a file of English training pairs"


@dataclass(frozen=True)
class Plan:
    """Validated settings together with the languages that each corpus really has."""

    settings: Settings
    corpus_languages: Mapping[str, tuple[str, ...]]
    """Languages of each corpus, in the order of the config; the pivot included."""
    task_languages: Mapping[str, tuple[str, ...]]
    """Languages that each task of kinds ``facts``, ``bmlama`` and ``nli`` is run in."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of any corpus, each once, in the order of the config."""
        return tuple(dict.fromkeys(c for codes in self.corpus_languages.values() for c in codes))

    def stored_languages(self, corpus: str) -> tuple[str, ...]:
        """Languages that have a store of their own in a corpus.

        In a ``pairs`` corpus the pivot has none: each language brings its own pivot side.
        """
        codes = self.corpus_languages[corpus]
        if self.settings.corpora[corpus].layout == "pairs":
            return tuple(code for code in codes if code != self.settings.pivot)
        return codes

    def corpus_shards(self, corpus: str) -> dict[str, tuple[str, ...]]:
        """Shards of the stores of a corpus: name -> languages."""
        return cut_shards(self.stored_languages(corpus), self.settings.file.shard_languages)

    def task_shards(self, task: str) -> dict[str, tuple[str, ...]]:
        """Shards of a task of kinds ``facts``, ``bmlama`` and ``nli``: name -> languages."""
        return cut_shards(self.task_languages[task], self.settings.file.shard_languages)

    def shard_records(self) -> Iterator[Path]:
        """The record of every shard of the run (`neuronxa.jobs.shards`)."""
        for model, corpus, extraction in self.runs():
            folder = Path("results/activations", model, corpus, extraction)
            yield from (folder / f"shard.{name}.json" for name in self.corpus_shards(corpus))
        for task in self.task_languages:
            stage = "nli" if self.settings.tasks[task].kind == "nli" else "rankings"
            for model in self.settings.models:
                folder = Path("results", stage, model, task)
                yield from (folder / f"shard.{name}.json" for name in self.task_shards(task))

    def reader(self, corpus: str) -> Reader:
        """The reader of a corpus."""
        settings = self.settings
        return open_reader(settings.corpora[corpus], settings.languages, settings.pivot)

    def task_file(self, task: str, language: str) -> Path:
        """The user's own file of a language of a task of kind ``bmlama``."""
        settings = self.settings
        return TaskFolder(settings.tasks[task], settings.languages, settings.pivot).file(language)

    def runs(self) -> Iterator[tuple[str, str, str]]:
        """Every (model, corpus, extraction) of the run."""
        for model in self.settings.models:
            for corpus in self.settings.corpora:
                for extraction in self.settings.extractions:
                    yield model, corpus, extraction


def make_plan(raw: Mapping[str, Any], *, where: str = "config") -> Plan:
    """Validate a configuration against its sheets and corpora.

    Parameters
    ----------
    raw
        The mapping read from the config file.
    where
        Name of that file for messages.

    Raises
    ------
    ConfigError
        Anything that :func:`neuronxa.config.load_settings` refuses, files of the user's own that
        are not there (all of them in one message), a corpus or a task without the pivot, a
        language that no corpus has, more sentences or questions than there are, or a harness
        task whose ``select`` is not understood.
    """
    settings = load_settings(raw, where=where)
    _refuse_missing(settings, where=where)
    for model in settings.models.values():
        check_source(model)
    for row in settings.tasks.values():
        if row.kind == "harness":
            exceptions(row, settings.languages)
            if row.location:
                task_files(row.location)
    found = {
        name: _languages_of(row, settings, where=where) for name, row in settings.corpora.items()
    }
    wanted = settings.file.languages
    if wanted != "all":
        missing = [code for code in wanted if not any(code in codes for codes in found.values())]
        if missing:
            raise ConfigError(
                f"no corpus has {', '.join(missing)}",
                where=f"{where}, 'languages'",
                remedy="remove these languages or add a corpus that has them",
            )
    every = tuple(dict.fromkeys(code for codes in found.values() for code in codes))
    run_in = {
        name: _task_languages(row, settings, every)
        for name, row in settings.tasks.items()
        if row.kind in ("facts", "bmlama", "nli")
    }
    return Plan(settings=settings, corpus_languages=found, task_languages=run_in)


def _refuse_missing(settings: Settings, *, where: str) -> None:
    """Name every file and folder that the user must bring and that is not there."""
    wanted = [
        (f"model '{name}'", row.location, MODEL_FILES[row.source])
        for name, row in settings.models.items()
        if row.source in MODEL_FILES
    ]
    wanted += [
        (f"corpus '{name}'", row.location, CORPUS_FILES[row.reader].format(row=row))
        for name, row in settings.corpora.items()
        if CORPUS_FILES[row.reader]
    ]
    wanted += [
        (f"task '{name}'", location, what.format(row=row))
        for name, row in settings.tasks.items()
        for location, what in _local(row)
    ]
    missing = [one for one in wanted if not Path(one[1]).expanduser().exists()]
    if missing:
        told = "; ".join(f"{owner}: '{path}' ({what})" for owner, path, what in missing)
        raise ConfigError(
            f"files that the run needs are not there. {told}",
            where=where,
            remedy="put them there, correct 'location' in the sheet, or leave these rows out",
        )


def _local(row: TaskRow) -> list[tuple[str, str]]:
    """The locations of a task that are on the local disk, and what is expected there."""
    locations = [(row.location, TASK_FILES.get(row.kind, "")), (row.training, TRAINING_FILE)]
    return [one for one in locations if one[0] and not one[0].startswith("hub:")]


def _task_languages(row: TaskRow, settings: Settings, every: tuple[str, ...]) -> tuple[str, ...]:
    """Languages of the run that a task has."""
    if row.kind == "facts":
        return every
    if row.kind == "nli":
        present = available(row, settings.languages, settings.pivot)
        return tuple(code for code in every if code in present)
    folder = TaskFolder(row, settings.languages, settings.pivot)
    codes = folder.shared(every)
    if row.items is not None:
        path = folder.file(settings.pivot)
        count = count_rows(path)
        if row.items > count:
            raise ConfigError(
                f"task '{row.task}' has {count} rows, {row.items} are asked for",
                where=str(settings.file.sheets.tasks),
                remedy=f"set 'items' of '{row.task}' to {count} or fewer",
            )
    return codes


def _languages_of(row: CorpusRow, settings: Settings, *, where: str) -> tuple[str, ...]:
    """Languages of the config that a corpus has, the pivot included."""
    reader = open_reader(row, settings.languages, settings.pivot)
    available = reader.available()
    size = reader.size()
    pivot, wanted = settings.pivot, settings.file.languages
    if row.layout == "parallel":
        if available is not None and pivot not in available:
            raise ConfigError(
                f"corpus '{row.corpus}' has no text in the pivot '{pivot}'",
                where=where,
                allowed=available,
                remedy="choose another 'pivot' or leave the corpus out",
            )
        if size is not None and row.sentences > size:
            raise ConfigError(
                f"corpus '{row.corpus}' has {size} sentences, {row.sentences} are asked for",
                where=str(settings.file.sheets.corpora),
                remedy=f"set 'sentences' of '{row.corpus}' to {size} or fewer",
            )
    if wanted != "all":
        candidates = tuple(wanted)
    elif available is not None:
        candidates = available
    else:
        raise ConfigError(
            f"'languages: all' cannot be told for corpus '{row.corpus}' without asking the hub",
            where=where,
            remedy="list the languages",
        )
    codes = tuple(code for code in candidates if available is None or code in available)
    if row.layout == "pairs" and pivot not in codes:
        codes = (pivot, *codes)
    if len(codes) < 2:
        raise ConfigError(
            f"corpus '{row.corpus}' has none of the languages besides the pivot",
            where=where,
            allowed=available or (),
            remedy="add languages that the corpus has",
        )
    return codes
