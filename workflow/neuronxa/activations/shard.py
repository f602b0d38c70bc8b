"""The languages of one model, corpus and extraction: extracted with one model load.

The first language that is asked for takes the locks of all stores and extracts what is pending; the
others find theirs complete and publish in a moment, without importing torch.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuronxa.activations.texts import Text, identity_of
from neuronxa.config import ExtractionRow
from neuronxa.config.settings import ExtractionSettings
from neuronxa.errors import CorpusError, NeuronXAError
from neuronxa.machine.disk import require_space
from neuronxa.models.snapshot import ModelCard, check_snapshot, read_card
from neuronxa.progress import SILENT, Counter
from neuronxa.stores.journal import STORE, Journal
from neuronxa.stores.publishing import publish_one
from neuronxa.stores.sizes import LEAST, activation_bytes

if TYPE_CHECKING:
    from neuronxa.activations.tokens import Tokens

logger = logging.getLogger(__name__)


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
        Language -> its text, of all languages that share a model load.
    extraction
        How to extract.
    settings
        Budget, block size and device.
    folder
        ``results/activations/<model>/<corpus>/<extraction>``.
    """

    snapshot: Path
    corpus: str
    texts: Mapping[str, Text]
    extraction: ExtractionRow
    settings: ExtractionSettings
    folder: Path

    def publish(
        self, language: str, *, threads: int | None = None, progress: Counter = SILENT
    ) -> Path:
        """Make sure that a language's store is complete, and write its manifest.

        Parameters
        ----------
        language
            The language whose manifest is asked for.
        threads
            Threads of the forward pass; None = as many as torch takes by itself.
        progress
            Counts tokens.

        Returns
        -------
        Path
            The manifest.
        """
        card = read_card(self.snapshot)
        return publish_one(
            lambda: self._journal(language, card),
            [self.folder / code for code in {*self.texts, language}],
            lambda: self._extract(language, card, threads=threads, progress=progress),
        )

    def check(self) -> None:
        """Refuse texts that cannot be extracted, all in one message, before a model is loaded.

        Raises
        ------
        CorpusError
            A sentence of some languages is too long or has no token, or a text is missing.
        """
        card = read_card(self.snapshot)
        refused: list[NeuronXAError] = []
        tokenizer = None
        for code in self.texts:
            try:
                if self._journal(code, card).complete:
                    continue
                tokenizer = tokenizer or self._tokenizer()
                self._tokenise(code, card, tokenizer)
            except CorpusError as error:
                refused.append(error)
        if len(refused) == 1:
            raise refused[0]
        if refused:
            raise CorpusError(
                f"{len(refused)} of {len(self.texts)} languages cannot be extracted: "
                + "; ".join(f"{error.where}: {error.what}" for error in refused),
                where=f"{card.model}, {self.corpus}",
                remedy=f"leave them out of 'languages', or {refused[0].remedy or 'mend the texts'}",
            )

    def _extract(
        self, language: str, card: ModelCard, *, threads: int | None, progress: Counter
    ) -> None:
        import torch

        from neuronxa.activations.extraction import Extractor, open_store
        from neuronxa.activations.memory import Need
        from neuronxa.models.loading import choose_device

        check_snapshot(self.snapshot)
        tokenizer = self._tokenizer()
        stores, tokens = [], []
        for code in [language, *(code for code in self.texts if code != language)]:
            try:
                if self._journal(code, card).complete:
                    continue
                tokenised = self._tokenise(code, card, tokenizer)
            except (CorpusError, FileNotFoundError) as error:
                if code == language:
                    raise
                # it is told when it is asked for; the others are extracted nevertheless
                logger.warning("%s is passed over: %s", code, error)
                continue
            identity = self._identity(self.texts[code], card)
            blocks = self.settings.block_sentences
            stores.append(
                open_store(self.folder / code, card=card, identity=identity, block_sentences=blocks)
            )
            tokens.append(tokenised)
        device = choose_device(self.settings.device)
        need = Need.of(
            self.snapshot,
            card,
            self.extraction,
            token_budget=self.settings.token_budget,
            block_sentences=self.settings.block_sentences,
        )
        need.check(device, where=f"{card.model}, {self.corpus}")
        needed = sum(activation_bytes(one.layout, len(one.pending)) for one in stores)
        require_space(self.folder, needed, what=f"extracting {len(stores)} languages", least=LEAST)
        if threads is not None:
            torch.set_num_threads(threads)
        extractor = Extractor(
            self.snapshot,
            self.extraction,
            device=device,
            token_budget=self.settings.token_budget,
            part=card.part,
            spread=need.spread(device),
        )
        extractor.run(stores, tokens, progress=progress)

    def _tokenizer(self) -> Any:
        from neuronxa.models.loading import load_tokenizer

        return load_tokenizer(self.snapshot)

    def _tokenise(self, language: str, card: ModelCard, tokenizer: Any) -> list[Tokens | None]:
        from neuronxa.activations.tokens import tokenise

        most = min(self.extraction.max_tokens, card.max_positions or self.extraction.max_tokens)
        extraction = self.extraction.model_copy(update={"max_tokens": most})
        try:
            return tokenise(tokenizer, self.texts[language].sentences, extraction, where=language)
        except CorpusError as error:
            if most == self.extraction.max_tokens or not error.remedy:
                raise
            remedy = "take shorter sentences: the model has no more positions"
            raise error.retold(remedy=remedy) from None

    def _identity(self, text: Text, card: ModelCard) -> dict[str, Any]:
        return identity_of(text, card=card, corpus=self.corpus, extraction=self.extraction)

    def _journal(self, language: str, card: ModelCard) -> Journal:
        """The record of a language, as far as it belongs to this text, model and extraction."""
        identity = self._identity(self.texts[language], card)
        return Journal.of(self.folder / language, identity, store=STORE)
