"""The languages of one model, corpus and extraction: extracted with one model load.

Rules ask for one language each. Whoever comes first takes the shard's lock and extracts all
languages that are pending; the others find their stores complete and publish in a moment, without
importing torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuronxa.activations.texts import Text, identity_of
from neuronxa.config import ExtractionRow
from neuronxa.config.settings import ExtractionSettings
from neuronxa.models.snapshot import ModelCard, read_card
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.journal import Journal
from neuronxa.stores.lock import writing


@dataclass(frozen=True)
class Shard:
    """What is extracted together.

    Attributes
    ----------
    snapshot
        Folder of the model's snapshot.
    corpus
        Name of the corpus.
    texts
        Folder of the corpus, with ``<language>.txt`` and in a corpus of pairs
        ``<language>.pivot.txt``.
    languages
        All languages that share a model load.
    extraction
        How to extract.
    settings
        Budget, block size and device.
    folder
        ``results/activations/<model>/<corpus>/<extraction>``.
    """

    snapshot: Path
    corpus: str
    texts: Path
    languages: tuple[str, ...]
    extraction: ExtractionRow
    settings: ExtractionSettings
    folder: Path

    def publish(self, language: str, *, threads: int = 1, progress: Counter = SILENT) -> Path:
        """Make sure that a language's store is complete, and write its manifest.

        Parameters
        ----------
        language
            The language whose manifest is asked for.
        threads
            Threads of the forward pass.
        progress
            Counts tokens.

        Returns
        -------
        Path
            The manifest.
        """
        card = read_card(self.snapshot)
        with writing(self.folder / ".lock"):
            if not self._journal(language, card).complete:
                self._extract(language, card, threads=threads, progress=progress)
            return self._journal(language, card).publish()

    def _extract(self, language: str, card: ModelCard, *, threads: int, progress: Counter) -> None:
        import torch

        from neuronxa.activations.extraction import Extractor, open_store
        from neuronxa.models.loading import choose_device

        # the language that is asked for comes first, whatever happens to the others
        order = [language, *(code for code in self.languages if code != language)]
        pending = [code for code in order if not self._journal(code, card).complete]
        texts = [self._text(code) for code in pending]
        stores = [
            open_store(
                self.folder / text.language,
                card=card,
                identity=self._identity(text, card),
                block_sentences=self.settings.block_sentences,
            )
            for text in texts
        ]
        torch.set_num_threads(threads)
        extractor = Extractor(
            self.snapshot,
            self.extraction,
            device=choose_device(self.settings.device),
            token_budget=self.settings.token_budget,
        )
        extractor.run(stores, texts, progress=progress)

    def _identity(self, text: Text, card: ModelCard) -> dict[str, Any]:
        return identity_of(text, card=card, corpus=self.corpus, extraction=self.extraction)

    def _journal(self, language: str, card: ModelCard) -> Journal:
        """The record of a language, as far as it belongs to this text, model and extraction."""
        return Journal.of(self.folder / language, self._identity(self._text(language), card))

    def _path(self, language: str, side: str = "") -> Path:
        return self.texts / f"{language}{side}.txt"

    def _text(self, language: str) -> Text:
        pivot = self._path(language, ".pivot")
        return Text.read(language, self._path(language), pivot if pivot.is_file() else None)
