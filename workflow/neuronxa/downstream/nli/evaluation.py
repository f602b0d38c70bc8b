"""A fine-tuned model's predictions in every language, with one model load.

As with activations, the first language that is asked for evaluates all that are pending, the others
publish in a moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuronxa.downstream.nli.pairs import LABELS, count_shared, read_prepared
from neuronxa.downstream.nli.training import load_fine_tuned
from neuronxa.errors import StoreError
from neuronxa.files import digest
from neuronxa.frames import read_frame, write_frame
from neuronxa.models.snapshot import check_snapshot
from neuronxa.progress import SILENT, Counter
from neuronxa.provenance import remake
from neuronxa.stores.journal import MANIFEST, Journal, read_manifest
from neuronxa.stores.publishing import publish_one

#: Raised whenever the same weights and pairs would give other predictions.
EVALUATION_VERSION = 1

TABLE = "predictions.parquet"
LOG_PROBABILITIES = [f"log_p_{name}" for name in LABELS]


@dataclass(frozen=True)
class EvaluationShard:
    """What is evaluated together.

    Attributes
    ----------
    snapshot
        Folder of the model's snapshot.
    tuned
        Folder of the fine-tuning's manifest.
    training
        Prepared training pairs; only to count pairs that occur in both.
    pairs
        Language -> prepared pairs, of all languages that share a model load.
    device
        Device of the forward pass.
    token_budget
        Largest number of tokens of a forward pass, padding included.
    folder
        ``results/nli/<model>/<task>``.
    """

    snapshot: Path
    tuned: Path
    training: Path
    pairs: Mapping[str, Path]
    device: str
    token_budget: int
    folder: Path

    def publish(self, language: str, *, threads: int = 1, progress: Counter = SILENT) -> Path:
        """Make sure that a language is evaluated, and write its manifest.

        Parameters
        ----------
        language
            The language whose manifest is asked for.
        threads
            Threads of the forward pass.
        progress
            Counts languages.

        Raises
        ------
        StoreError, ModelError
            The fine-tuned weights are not published, or damaged.
        """
        return publish_one(
            lambda: self._journal(language),
            [self.folder / code for code in self.pairs],
            lambda: self._evaluate(language, threads=threads, progress=progress),
        )

    def _evaluate(self, language: str, *, threads: int, progress: Counter) -> None:
        import torch

        from neuronxa.downstream.nli.classifier import label_tokens, tokenise_pairs
        from neuronxa.models.loading import choose_device, load_tokenizer

        check_snapshot(self.snapshot)
        torch.set_num_threads(threads)
        tokenizer = load_tokenizer(self.snapshot)
        tokens = label_tokens(tokenizer)
        model = load_fine_tuned(self.snapshot, self.tuned, device=choose_device(self.device))
        limit = getattr(model.config, "max_position_embeddings", None)
        seen = read_prepared(self.training)
        order = [language, *(code for code in self.pairs if code != language)]
        pending = [code for code in order if not self._journal(code).complete]
        progress.start(len(pending))
        for code in pending:
            pairs = read_prepared(self.pairs[code])
            ids = tokenise_pairs(tokenizer, pairs)
            kept = [i for i, one in enumerate(ids) if limit is None or len(one) <= limit]
            values = class_log_probabilities(
                model, tokens, [ids[i] for i in kept], token_budget=self.token_budget
            )
            table = pd.DataFrame(values, columns=LOG_PROBABILITIES)
            table.insert(0, "item", [pairs[i].item for i in kept])
            table.insert(1, "label", [int(pairs[i].label or 0) for i in kept])
            table.insert(2, "predicted", values.argmax(axis=1))
            journal = self._journal(code)
            journal.start()
            path = self.folder / code / TABLE
            write_frame(path, table)
            journal.commit(TABLE, {TABLE: [digest(path)]})
            journal.finish(
                {
                    "pairs": len(pairs),
                    "too_long": len(pairs) - len(kept),
                    "also_in_training": count_shared(pairs, seen),
                    "tokens": int(sum(len(ids[i]) for i in kept)),
                }
            )
            progress.advance(1)

    def _journal(self, language: str) -> Journal:
        """The record of one language, as far as it belongs to these pairs and weights."""
        tuned = read_manifest(self.tuned)
        identity: dict[str, Any] = {
            "evaluation_version": EVALUATION_VERSION,
            "fine_tuning": tuned["fingerprint"],
            "weights": tuned["facts"]["files"],
            "language": language,
            "pairs_sha256": digest(self.pairs[language]),
        }
        return Journal.of(self.folder / language, identity, store=TABLE)


def class_log_probabilities(
    model: Any, tokens: Sequence[int], ids: Sequence[np.ndarray], *, token_budget: int
) -> np.ndarray:
    """Log-probabilities of the classes, float64 ``(pair, class)``.

    Parameters
    ----------
    model
        Causal model in eval mode.
    tokens
        Token of each class.
    ids
        Token ids of each pair; batches take pairs of similar lengths.
    token_budget
        Largest number of tokens of a batch, padding included; a longer pair goes alone.
    """
    import torch

    from neuronxa.activations.batches import plan_batches
    from neuronxa.activations.tokens import Tokens
    from neuronxa.downstream.nli.classifier import class_logits, pad

    result = np.empty((len(ids), len(tokens)), dtype=np.float64)
    pairs = [(row, Tokens.whole(one)) for row, one in enumerate(ids)]
    with torch.inference_mode():
        for batch in plan_batches(pairs, token_budget=token_budget, batching="padded"):
            padded = pad([one.ids for one in batch.tokens])
            inputs = {name: value.to(model.device) for name, value in padded.items()}
            logits = class_logits(model, tokens, **inputs)
            result[list(batch.rows)] = logits.double().log_softmax(dim=-1).cpu().numpy()
    return result


def read_predictions(folder: Path) -> pd.DataFrame:
    """The predictions of one language, checked against the digest in its manifest.

    Raises
    ------
    StoreError
        Not published, missing or damaged.
    """
    manifest = read_manifest(folder)
    path = folder / TABLE
    if not path.is_file() or digest(path) != manifest["parts"][TABLE][TABLE][0]:
        raise StoreError(
            "the predictions are missing or damaged",
            where=str(path),
            remedy=f"run: {remake(folder / MANIFEST, delete=folder)}",
        )
    return read_frame(path)
