"""The tasks of lm-evaluation-harness, or of a folder of one's own: their names and their data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from neuronxa.config import TaskRow
from neuronxa.downstream.harness import folder
from neuronxa.downstream.harness.names import PLACE, task_names
from neuronxa.errors import ConfigError, CorpusError
from neuronxa.languages import Languages

Task = Any  # lm_eval.api.task.Task


@contextmanager
def quiet() -> Iterator[None]:
    """Drop the many bars and prints of the harness; what it logs still goes to the log."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stderr(nowhere),
        redirect_stdout(nowhere),
    ):
        yield


class Catalog:
    """The tasks that a row of the tasks sheet may take.

    Parameters
    ----------
    row
        With a ``location`` only the task files in that folder count, and their data are taken to
        be local: the hub is not asked, unless the environment says ``HF_HUB_OFFLINE=0``.
    """

    def __init__(self, row: TaskRow) -> None:
        self._row = row
        if row.location:
            folder.task_files(row.location)
            os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the libraries are imported
        from lm_eval.tasks import TaskManager

        # the harness reads its thousands of files for some ten seconds
        self.manager = TaskManager(
            include_path=row.location or None, include_defaults=not row.location
        )
        self._codes: dict[str, str] = {}

    def names(self, wanted: Iterable[str], languages: Languages) -> dict[str, str]:
        """The task of every wanted language that has one, see `names.task_names`.

        Raises
        ------
        ConfigError
            No language has a task; of a template, no language has its data files.
        LanguageError
            A code in ``select`` is unknown.
        """
        wanted = list(wanted)
        if self._row.pattern in self.manager.task_index:
            codes = [languages.in_scheme(languages[code], self._row.codes) for code in wanted]
            files = {code: folder.data_files(folder.fill(self._template, code)) for code in codes}
            found = [code for code in codes if all(path.is_file() for path in files[code])]
            self._codes = {self._row.pattern.replace(PLACE, code): code for code in found}
            if not found and not self._row.select:
                missing = next(path for path in files[codes[0]] if not path.is_file())
                raise ConfigError(
                    f"no language has its data files; {missing} does not exist",
                    where=f"task '{self._row.task}' with the task files in {self._row.location}",
                    remedy="put the files there, or correct 'data_files' in the task file",
                )
        return task_names(self._row, wanted, languages, [*self.manager.all_tasks, *self._codes])

    def content(self, name: str) -> dict[str, str]:
        """Digests of what a task is made of; of the harness's own, its version tells enough."""
        return folder.content(self._row.location, self._config(name)) if self._row.location else {}

    def load(self, name: str) -> list[Task]:
        """A task with its data; a group gives all of its tasks.

        Raises
        ------
        CorpusError
            The data cannot be had.
        """
        spec: Any = name
        if name in self._codes:
            from lm_eval.tasks._yaml_loader import load_yaml

            path = self.manager.task_index[self._row.pattern].yaml_path
            spec = folder.fill(load_yaml(path), self._codes[name])
        try:
            with quiet():
                tasks = list(self.manager.load([spec])["tasks"].values())
        except Exception as error:  # each loader of `datasets` has errors of its own
            raise self._no_data(name, error) from error
        for task in tasks:
            if not hasattr(task, "task_docs"):
                task.task_docs = task.eval_docs
        return tasks

    @property
    def _template(self) -> dict[str, Any]:
        return dict(self.manager.task_index[self._row.pattern].cfg or {})

    def _config(self, name: str) -> dict[str, Any]:
        """A task's configuration as written, functions unresolved."""
        if name in self._codes:
            config: dict[str, Any] = folder.fill(self._template, self._codes[name])
            return config
        return dict(self.manager.task_index[name].cfg or {})

    def _no_data(self, name: str, error: Exception) -> CorpusError:
        config = self._config(name)
        files = ", ".join(map(str, folder.data_files(config)))
        told = [str(config[key]) for key in ("dataset_path", "dataset_name") if config.get(key)]
        source = files or "/".join(told) or "of a group"
        reason = (str(error).strip().splitlines() or [""])[0][:300]
        return CorpusError(
            f"the dataset {source} cannot be read ({type(error).__name__}: {reason})",
            where=f"task '{self._row.task}', harness task '{name}'",
            remedy="without a network, point 'location' at task files with local data "
            "(docs/benchmarks.md); else check the connection, HF_HUB_OFFLINE and, for a gated "
            "dataset, HF_TOKEN",
        )


def choose_metric(row: TaskRow, task: Task) -> tuple[str, str]:
    """The metric that a row asks for, and the filter it is taken from.

    ``metric`` is a metric's name, or ``metric,filter`` where a task has several filters.

    Raises
    ------
    ConfigError
        The task has no such metric, or has it under several filters.
    """
    filters = [entry["name"] for entry in task.config.filter_list or []] or ["none"]
    metric, _, wanted = row.metric.partition(",")
    chosen = [name for name in filters if wanted in ("", name)]
    metrics = list(task.aggregation())
    if metric not in metrics or len(chosen) != 1:
        several = len(filters) > 1
        raise ConfigError(
            f"harness task '{task.task_name}' has no single metric '{row.metric}'",
            where=f"task '{row.task}'",
            allowed=[f"{m},{f}" if several else m for m in metrics for f in filters],
            remedy="correct 'metric' in the tasks sheet",
        )
    return metric, chosen[0]
