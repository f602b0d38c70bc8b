"""A model's run of one harness task in every language: resumed language by language.

On disk, below ``results/harness/<model>/<task>``::

    manifest.json               the languages of the run and the fingerprint of each
    <language>/manifest.json    what the language's results depend on, and their digests
    <language>/results.json     what the harness reports, without its samples
    <language>/samples.parquet  a row per item and filter
    <language>/answers.jsonl    answers so far, while the language is being evaluated
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuronxa.config import TaskRow
from neuronxa.downstream.harness.catalog import Catalog, Task, choose_metric, quiet
from neuronxa.downstream.harness.items import draw_items, item_ids
from neuronxa.files import atomic_write_text, digest
from neuronxa.frames import write_frame
from neuronxa.languages import Languages
from neuronxa.models.snapshot import check_snapshot, read_card
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.journal import Journal
from neuronxa.stores.lock import LOCK, writing

logger = logging.getLogger(__name__)

#: Raised whenever the same tasks would get other results.
HARNESS_VERSION = 1

RESULTS, SAMPLES, ANSWERS = "results.json", "samples.parquet", "answers.jsonl"

#: The harness's own seeds, so that its command line draws the same worked examples.
RANDOM_SEED, OTHER_SEED = 0, 1234


@dataclass(frozen=True)
class HarnessRun:
    """What is evaluated with one model load.

    Attributes
    ----------
    snapshot
        Folder of the model's snapshot.
    row
        The task.
    languages
        The project's codes of the languages that are asked for; those without a task are left out.
    sheet
        The language sheet.
    device
        Device of the forward pass.
    folder
        ``results/harness/<model>/<task>``.
    """

    snapshot: Path
    row: TaskRow
    languages: Sequence[str]
    sheet: Languages
    device: str
    folder: Path

    def publish(self, *, threads: int = 1, progress: Counter = SILENT) -> Path:
        """Evaluate the languages that are not yet, and write the manifest.

        Parameters
        ----------
        threads
            Threads of the forward pass.
        progress
            Counts languages.

        Raises
        ------
        ConfigError, LanguageError
            The row does not fit the harness's tasks, see `names.task_names` and
            `catalog.choose_metric`.
        CorpusError
            The data of a task cannot be had; found out for all languages before the model loads.
        """
        with writing(self.folder / LOCK):
            catalog = Catalog(self.row)
            names = catalog.names(self.languages, self.sheet)
            without = [code for code in self.languages if code not in names]
            if without:
                logger.info("%s has no task in %s", self.row.task, ", ".join(without))
            journals = {code: self._journal(code, names[code], catalog) for code in names}
            pending = [code for code, journal in journals.items() if not journal.complete]
            if pending:
                self._evaluate(catalog, names, journals, pending, threads, progress)
            prints = {code: journal.fingerprint for code, journal in journals.items()}
            whole = Journal(self.folder, identity={"languages": prints}, layout={})
            if not whole.resume():
                whole.start()
            whole.finish({"tasks": names, "without": without})
            return whole.publish()

    def _evaluate(
        self,
        catalog: Catalog,
        names: Mapping[str, str],
        journals: Mapping[str, Journal],
        pending: Sequence[str],
        threads: int,
        progress: Counter,
    ) -> None:
        tasks = {code: catalog.load(names[code]) for code in pending}
        for loaded in tasks.values():
            for task in loaded:
                choose_metric(self.row, task)

        import torch

        from neuronxa.downstream.harness.model import KeptAnswers, TreeLM
        from neuronxa.models.loading import choose_device, load_causal, load_tokenizer

        check_snapshot(self.snapshot)
        torch.set_num_threads(threads)
        model = load_causal(self.snapshot, device=choose_device(self.device))
        lm = TreeLM(model, load_tokenizer(self.snapshot))
        progress.start(len(pending))
        for code in pending:
            folder = self.folder / code
            lm.kept = KeptAnswers(folder / ANSWERS)
            lm.truncated = lm.tokens = 0
            results, samples = evaluate(lm, tasks.pop(code), self.row)
            atomic_write_text(folder / RESULTS, json.dumps(results, indent=1, default=str))
            write_frame(folder / SAMPLES, samples)
            made = {name: [digest(folder / name)] for name in (RESULTS, SAMPLES)}
            journals[code].commit("evaluation", made)
            journals[code].finish(
                {"items": len(samples), "tokens": lm.tokens, "truncated": lm.truncated}
            )
            journals[code].publish()
            (folder / ANSWERS).unlink(missing_ok=True)
            if lm.truncated:
                logger.warning("%s: %d prompts were cut on the left", code, lm.truncated)
            progress.advance(1)

    def _journal(self, language: str, name: str, catalog: Catalog) -> Journal:
        """The record of one language, begun anew where it is of other content."""
        folder = self.folder / language
        identity: dict[str, Any] = {
            "harness_version": HARNESS_VERSION,
            "lm_eval": version("lm-eval"),
            "model_digest": read_card(self.snapshot).digest,
            "task": name,
            "content": catalog.content(name),
            "items": self.row.items,
            "seed": self.row.seed if self.row.items is not None else None,
            "shots": self.row.shots,
        }
        journal = Journal(folder, identity=identity, layout={})
        if journal.resume() and (not journal.complete or (folder / SAMPLES).exists()):
            return journal
        (folder / ANSWERS).unlink(missing_ok=True)
        journal = Journal(folder, identity=identity, layout={})
        journal.start()
        return journal


def evaluate(lm: Any, tasks: Sequence[Task], row: TaskRow) -> tuple[dict[str, Any], pd.DataFrame]:
    """Run the tasks of one language.

    Parameters
    ----------
    lm
        The model, as the harness takes it.
    tasks
        From `Catalog.load`; several where the harness has a group.
    row
        Its ``items``, ``seed`` and ``shots``; a task that fixes its shots to 0 keeps them.

    Returns
    -------
    results
        What the harness reports, without samples.
    samples
        A row per item and filter: ``task``, ``item``, ``filter``, ``options`` (int, 0 where there
        are none), ``target``, ``responses`` (JSON: log-probability and greediness per option),
        ``prompt_hash``, and a column per metric that is one number per item.
    """
    import torch
    from lm_eval.evaluator import evaluate as run

    ids = item_ids({task.task_name: task.task_docs for task in tasks})
    drawn = draw_items(ids, row.items, row.seed)
    kept = [task for task in tasks if task.task_name in drawn]
    # what `simple_evaluate` does before, without its look at the machine
    random.seed(RANDOM_SEED)
    np.random.seed(OTHER_SEED)
    torch.manual_seed(OTHER_SEED)
    for task in kept:
        if task.get_config("num_fewshot") != 0:
            task.set_config("num_fewshot", row.shots)
        task.set_fewshot_seed(OTHER_SEED)
    with quiet():
        results = run(
            lm=lm,
            task_dict={"tasks": {task.task_name: task for task in kept}},
            samples=drawn,
            bootstrap_iters=0,
            log_samples=True,
        )
    outcomes = results.pop("samples")
    rows = [
        _outcome(task, ids[task.task_name][sample["doc_id"]], sample)
        for task in kept
        for sample in outcomes[task.task_name]
    ]
    return dict(results), pd.DataFrame(rows)


def _outcome(task: Task, item: str, sample: Mapping[str, Any]) -> dict[str, Any]:
    options = 0
    if task.OUTPUT_TYPE == "multiple_choice":
        asked = len(sample["arguments"])
        # `acc_mutual_info` asks every option once more, without the question
        options = asked // 2 if "acc_mutual_info" in sample["metrics"] else asked
    numbers = {
        name: float(sample[name])
        for name in sample["metrics"]
        if isinstance(sample[name], int | float)
    }
    return {
        "task": task.task_name,
        "item": item,
        "filter": sample["filter"],
        "options": options,
        "target": str(sample["target"]),
        "responses": json.dumps(sample["filtered_resps"], default=str, ensure_ascii=False),
        "prompt_hash": sample["prompt_hash"],
        **numbers,
    }
