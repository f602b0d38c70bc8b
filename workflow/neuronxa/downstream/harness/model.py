"""The model as the harness asks it: its own HFLM, with contexts computed once and answers kept."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm_eval.models.huggingface import HFLM

from neuronxa.downstream.harness.trees import Scored, blocks, score_block, shared_prefix
from neuronxa.downstream.trees import TrieScorer, runs_trees
from neuronxa.errors import ModelError

#: Distinct tokens of one forward pass.
BLOCK_TOKENS = 512

Answer = tuple[float, bool]
Request = tuple[Any, list[int], list[int]]  # (texts or None, context, continuation)


class KeptAnswers:
    """Answers to blocks of requests in a file that only grows, so that a kill costs one block.

    Parameters
    ----------
    path
        One JSON value a line; a line that a kill has torn is passed over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, list[Answer]] = {}
        text = path.read_text("utf-8") if path.exists() else ""
        for line in text.splitlines():
            try:
                key, answers = json.loads(line)
                self._kept[key] = [(float(value), bool(greedy)) for value, greedy in answers]
            except (ValueError, TypeError):
                continue
        self._torn = bool(text) and not text.endswith("\n")

    def get(self, key: str) -> list[Answer] | None:
        """Answers to a block, None if it has not been asked."""
        return self._kept.get(key)

    def put(self, key: str, answers: list[Answer]) -> None:
        """Keep the answers to a block; they are on disk when this returns."""
        self._kept[key] = answers
        line = json.dumps([key, answers]) + "\n"
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write("\n" + line if self._torn else line)
            stream.flush()
            os.fsync(stream.fileno())
        self._torn = False


class TreeLM(HFLM):  # type: ignore[misc]  # the harness has no types
    """HFLM that scores requests as packed trees where the model allows it.

    Log-probabilities and `is_greedy` are HFLM's, to float32 rounding: the same tokens, cut on the
    left in the same way where they are longer than the model's context.

    Parameters
    ----------
    model, tokenizer
        Loaded causal language model and its tokenizer.
    block_tokens
        Distinct tokens of one forward pass, at least.
    """

    def __init__(self, model: Any, tokenizer: Any, *, block_tokens: int = BLOCK_TOKENS) -> None:
        super().__init__(pretrained=model, tokenizer=tokenizer, backend="causal", batch_size=1)
        self._block_tokens = block_tokens
        #: Where answers are kept, if anywhere; set for each language.
        self.kept: KeptAnswers | None = None
        #: Requests that were cut on the left, and tokens of all requests.
        self.truncated = self.tokens = 0

    def get_model_info(self) -> dict[str, Any]:
        """Nothing: HFLM would ask the hub; the manifest has the model's digest."""
        return {}

    def _loglikelihood_tokens(
        self,
        requests: Sequence[Request],
        disable_tqdm: bool = False,
        override_bs: int | None = None,
    ) -> list[Answer]:
        sequences = [self._sequence(*request) for request in requests]
        self.tokens += sum(len(sequence.tokens) for sequence in sequences)
        prefix = sequences[0].tokens[: shared_prefix(sequences)] if sequences else []
        scorer = TrieScorer(self.model, prefix) if runs_trees(self.model) else None
        answers: list[Answer] = [(0.0, False)] * len(requests)
        for block in blocks(sequences, self._block_tokens):
            key = _key([sequences[place] for place in block])
            found = self.kept.get(key) if self.kept is not None else None
            if found is None:
                if scorer is not None:
                    found = score_block(scorer, [sequences[place] for place in block])
                else:
                    chosen = [requests[place] for place in block]
                    found = super()._loglikelihood_tokens(chosen, disable_tqdm=True)
                if self.kept is not None:
                    self.kept.put(key, found)
            for place, answer in zip(block, found, strict=True):
                answers[place] = answer
                if requests[place][0] is not None:
                    self.cache_hook.add_partial("loglikelihood", requests[place][0], answer)
        return answers

    def _sequence(self, texts: Any, context: list[int], continuation: list[int]) -> Scored:
        """One request as HFLM feeds it, cut on the left to the model's context."""
        if not context or not 0 < len(continuation) <= self.max_length:
            raise ModelError(
                f"an answer of {len(continuation)} tokens after {len(context)} cannot be scored; "
                f"the model takes {self.max_length}",
                where=repr(texts)[:200],
                remedy="leave out the items, or take a model with a longer context",
            )
        whole = context + continuation
        self.truncated += len(whole) > self.max_length + 1
        return Scored(whole[-(self.max_length + 1) :], len(continuation))


def _key(sequences: Sequence[Scored]) -> str:
    text = json.dumps([[sequence.tokens, sequence.scored] for sequence in sequences])
    return hashlib.sha256(text.encode()).hexdigest()
