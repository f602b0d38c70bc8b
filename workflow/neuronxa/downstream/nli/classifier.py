r"""A causal language model as a classifier of pairs, without a new parameter.

The model reads ``premise \n hypothesis \n`` after the special tokens that its tokenizer puts in
front. The logit of a class is the product of the last token's hidden state, after the final norm,
with the row of the model's own output embedding that belongs to the class's word:

.. math::
    z_c = W_{out}[t_c] \cdot h_T + b_{out}[t_c], \qquad
    p(c) = e^{z_c} / \sum_{k=1}^{3} e^{z_k}

Only three rows of the head are used and only at one position, so the vocabulary costs nothing.
What some families do to logits afterwards (soft caps, scales) is left out. Pairs are padded on the
right, where nothing causal looks: no mask is needed, and no padding token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuronxa.downstream.nli.pairs import LABELS, Pair
from neuronxa.errors import ModelError

#: The same text around the pair in every language: nothing of it is a word.
TEMPLATE = "{premise}\n{hypothesis}\n"
#: Word of each class, in the order of `pairs.LABELS`.
WORDS = ("yes", "maybe", "no")

Ids = NDArray[np.int64]


def label_tokens(tokenizer: Any) -> list[int]:
    """First token of each class's word, as it stands after a line break.

    Raises
    ------
    ModelError
        Two words begin with the same token, so that the classes could not be told apart.
    """
    before = _plain(tokenizer, "\n")
    tokens = []
    for word in WORDS:
        whole = _plain(tokenizer, f"\n{word}")
        joined = whole[: len(before)] == before and len(whole) > len(before)
        tokens.append(whole[len(before)] if joined else _plain(tokenizer, word)[0])
    if len(set(tokens)) < len(LABELS):
        raise ModelError(
            f"the words {', '.join(WORDS)} do not begin with different tokens "
            f"({', '.join(map(str, tokens))})",
            remedy="this tokenizer cannot tell the classes apart; leave the model out of tasks of "
            "kind 'nli'",
        )
    return tokens


def tokenise_pairs(tokenizer: Any, pairs: Sequence[Pair]) -> list[Ids]:
    """Token ids of each pair, int64 ``(token,)``; special tokens at the end are left out."""
    result = []
    for pair in pairs:
        text = TEMPLATE.format(premise=pair.premise, hypothesis=pair.hypothesis)
        encoded = tokenizer(text, return_special_tokens_mask=True)
        special = np.asarray(encoded["special_tokens_mask"])
        end = int(np.flatnonzero(special == 0)[-1]) + 1
        result.append(np.asarray(encoded["input_ids"], dtype=np.int64)[:end])
    return result


def pad(ids: Sequence[Ids]) -> dict[str, torch.Tensor]:
    """Pairs as one batch: ``input_ids`` (pair, token), padded on the right, and ``last`` (pair,).

    ``last`` is the index of each pair's last token.
    """
    lengths = [len(one) for one in ids]
    rows = np.zeros((len(ids), max(lengths)), dtype=np.int64)
    for row, one in zip(rows, ids, strict=True):
        row[: len(one)] = one
    return {"input_ids": torch.from_numpy(rows), "last": torch.tensor(lengths) - 1}


def class_logits(
    causal: Any, tokens: Sequence[int], input_ids: torch.Tensor, last: torch.Tensor
) -> torch.Tensor:
    """Logits of the classes, float32 (pair, class).

    Parameters
    ----------
    causal
        Causal language model of transformers, with or without adapters inside.
    tokens
        Token of each class, from `label_tokens`.
    input_ids, last
        From `pad`, on the model's device.
    """
    body = causal.base_model
    states = body(input_ids=input_ids, use_cache=False).last_hidden_state
    states = states[torch.arange(len(last), device=states.device), last]
    head = causal.get_output_embeddings()
    rows = torch.as_tensor(tokens, device=head.weight.device)
    bias = getattr(head, "bias", None)
    logits = torch.nn.functional.linear(
        states.to(head.weight.dtype), head.weight[rows], None if bias is None else bias[rows]
    )
    return logits.float()


def check_classifier(causal: Any, *, where: str) -> None:
    """The model must have an output embedding and a body that can run without it.

    Raises
    ------
    ModelError
        It has not.
    """
    head = causal.get_output_embeddings()
    if causal.base_model is causal or getattr(head, "weight", None) is None:
        raise ModelError(
            "the model has no output embedding that can be used row by row",
            where=where,
            remedy="leave the model out of tasks of kind 'nli'",
        )


def _plain(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
