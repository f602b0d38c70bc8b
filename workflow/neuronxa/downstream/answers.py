"""A model's rankings of the candidates of one task, language by language, with one model load.

As with activations, the first language that is asked for answers all that are pending, the others
publish in a moment. A language is stored in blocks of questions, so that a kill costs one block.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neuronxa.downstream.probes import Probe
from neuronxa.files import digest
from neuronxa.models.snapshot import check_snapshot, read_card
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.journal import Journal
from neuronxa.stores.publishing import publish_one

#: Raised whenever the same questions would get other rankings.
RANKINGS_VERSION = 1

#: Folder of the blocks beside the record.
BLOCKS = "rankings"
BLOCK_QUESTIONS = 50


@dataclass(frozen=True)
class RankingShard:
    """What is answered together.

    Attributes
    ----------
    snapshot
        Folder of the model's snapshot.
    probe
        The questions of every language that shares a model load.
    device
        Device of the forward pass.
    folder
        ``results/rankings/<model>/<task>``.
    """

    snapshot: Path
    probe: Probe
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
            Counts questions.
        """
        return publish_one(
            lambda: self._journal(language),
            [self.folder / code for code in self.probe.languages],
            lambda: self._answer(language, threads=threads, progress=progress),
        )

    def _answer(self, language: str, *, threads: int, progress: Counter) -> None:
        order = [language, *(code for code in self.probe.languages if code != language)]
        pending = [code for code in order if not self._journal(code).complete]
        # all questions are read before the model is: a fault in a file costs no forward pass
        asked = {code: self.probe.questions(code) for code in pending}
        import torch

        from neuronxa.models.loading import choose_device, load_causal, load_tokenizer

        check_snapshot(self.snapshot)
        torch.set_num_threads(threads)
        model = load_causal(self.snapshot, device=choose_device(self.device))
        tokenizer = load_tokenizer(self.snapshot)
        progress.start(sum(len(one.questions) for one in asked.values()))
        for code, questions in asked.items():
            journal = self._journal(code)
            if not journal.parts:
                journal.start()
                shutil.rmtree(self.folder / code / BLOCKS, ignore_errors=True)
            self._answer_blocks(journal, questions, model, tokenizer, progress)
            journal.finish(self.probe.described(questions))

    def _answer_blocks(
        self,
        journal: Journal,
        questions: Any,
        model: Any,
        tokenizer: Any,
        progress: Counter,
    ) -> None:
        """Rank what is not committed yet; a language without questions has one empty block."""
        from neuronxa.downstream.ranking import rank_candidates
        from neuronxa.frames import write_frame

        asked = questions.questions
        for start in range(0, max(len(asked), 1), BLOCK_QUESTIONS):
            block = replace(questions, questions=asked[start : start + BLOCK_QUESTIONS])
            name = f"{start:05d}.parquet"
            path = journal.folder / BLOCKS / name
            if not (path.is_file() and journal.parts.get(name) == {name: [digest(path)]}):
                write_frame(path, rank_candidates(model, tokenizer, block))
                journal.commit(name, {name: [digest(path)]})
            progress.advance(len(block.questions))

    def _journal(self, language: str) -> Journal:
        """The record of one language, as far as it belongs to these questions and this model."""
        identity: Mapping[str, Any] = {
            "rankings_version": RANKINGS_VERSION,
            "model_digest": read_card(self.snapshot).digest,
            "language": language,
            "block_questions": BLOCK_QUESTIONS,
            **self.probe.identity(language),
        }
        return Journal.of(self.folder / language, dict(identity), store=BLOCKS)
