"""Table of the controls: what could explain a language's score away, beside the score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import pandas as pd

from neuronxa.alignment.methods import Reduction
from neuronxa.output.labels import single
from neuronxa.output.tables.write import Table

if TYPE_CHECKING:
    from neuronxa.languages import Language

METHODS: Final = ("NASCA", "MEXA")


def controls_table(
    method_scores: pd.DataFrame,
    lexical: pd.DataFrame,
    fertility: pd.DataFrame,
    *,
    pivot: str,
    languages: Mapping[str, Language],
    reduction: Reduction = "mean",
) -> Table:
    """Lay out one model's scores beside the lexical floor and the tokens of each language.

    Parameters
    ----------
    method_scores
        Scores of one model, corpus and extraction.
    lexical
        What :func:`neuronxa.controls.lexical.lexical_frame` returns for the same corpus.
    fertility
        What :func:`neuronxa.controls.fertility.fertility_frame` returns for the same run.
    pivot
        Language code; it has no floor and is left out.
    languages
        Code to language; gives name and class.
    reduction
        ``mean`` or ``max`` over layers.

    Returns
    -------
    Table
        Languages from best to worst by the first method; n is the number of sentences shared with
        the pivot.
    """
    for column in ("model", "corpus", "extraction"):
        single(method_scores, column)
    kept = method_scores.loc[
        (method_scores["reduction"] == reduction) & (method_scores["language"] != pivot)
    ]
    present = [name for name in METHODS if name in set(kept["method"])]
    scores = kept.pivot(index="language", columns="method", values="value")
    scores = scores.sort_values(present, ascending=False, kind="stable")
    codes = scores.index
    floor = lexical.loc[lexical["measure"] == "mu"].set_index("language")["value"]
    tokens = fertility.pivot(index="language", columns="measure", values="value").reindex(codes)
    frame = pd.DataFrame(
        {
            "language": [languages[code].name for code in codes],
            "code": codes,
            "class": [languages[code].resource_class for code in codes],
            **{name: scores[name].to_numpy() for name in present},
            "lexical_floor": floor.reindex(codes).to_numpy(),
            "tokens_per_sentence": tokens["tokens_per_sentence"].to_numpy(),
            "premium": tokens["premium"].to_numpy(),
            "n": kept.groupby("language")["n"].min().reindex(codes).to_numpy(),
        }
    )
    return Table(
        frame,
        headers={
            "lexical_floor": "lexical floor",
            "tokens_per_sentence": "tokens per sentence",
        },
        printers={
            "tokens_per_sentence": "{:.1f}".format,
            "premium": "{:.2f}".format,
        },
    )
