"""Tables of predictions: the score of every language, and what the lines are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from neuronxa.alignment.methods import Reduction
from neuronxa.output.labels import Labels, single
from neuronxa.output.tables.write import Table

if TYPE_CHECKING:
    from neuronxa.languages import Language


def predictions_table(
    predictions: pd.DataFrame,
    fits: pd.DataFrame,
    *,
    languages: Mapping[str, Language],
    method: str = "NASCA",
    reduction: Reduction = "mean",
    confidence: float = 0.95,
    labels: Labels | None = None,
) -> Table:
    """Lay out the predictions of one run, a row per language and task, by name of the language.

    Parameters
    ----------
    predictions, fits
        What :func:`neuronxa.statistics.prediction.predict_scores` returns, of one run.
    languages
        Code to language; gives the name.
    method, reduction
        Whose predictions are shown.
    confidence
        Level of the intervals, for the header.
    labels
        Names to show.

    Returns
    -------
    Table
        Where the line has no predictive value no prediction is shown, and ``note`` says why.
        Otherwise ``note`` says what limits it.
    """
    labels = labels or Labels()
    for column in ("model", "corpus", "extraction"):
        single(predictions, column)
    kept = predictions.loc[
        (predictions["method"] == method) & (predictions["reduction"] == reduction)
    ]
    names = {code: languages[code].name for code in kept["language"].unique()}
    kept = kept.assign(name=kept["language"].map(names))
    kept = kept.sort_values(["name", "language"], kind="stable")
    words = fits.loc[(fits["method"] == method) & (fits["reduction"] == reduction)]
    reading = words.set_index(["task", "metric"])["reading"].to_dict()
    shown = kept[["predicted", "low", "high"]].where(kept["useful"])
    frame = pd.DataFrame(
        {
            "language": kept["name"],
            "code": kept["language"],
            "task": kept["task"].map(labels.task),
            "metric": kept["metric"],
            "alignment": kept["score"],
            "predicted": shown["predicted"],
            "predicted_low": shown["low"],
            "predicted_high": shown["high"],
            "measured": kept["measured"],
            "chance": kept["chance"],
            "note": [_note(row, reading[row.task, row.metric]) for row in kept.itertuples()],
        }
    ).reset_index(drop=True)
    return Table(
        frame,
        headers={"alignment": method, "predicted": f"predicted [{confidence:.0%}]"},
    )


def _note(row: tuple[object, ...], reading: str) -> str:
    """Say in words what a reader must know of one prediction."""
    if not row.useful:  # type: ignore[attr-defined]
        return reading
    notes = {
        "weak: the slope may be zero": reading.startswith("weak"),
        "extrapolated": row.extrapolated,  # type: ignore[attr-defined]
        "cut to the range of the metric": row.clipped,  # type: ignore[attr-defined]
    }
    return "; ".join(note for note, holds in notes.items() if holds)


def fits_table(
    fits: pd.DataFrame, *, confidence: float = 0.95, labels: Labels | None = None
) -> Table:
    """Lay out the lines from alignment to task score, and how well they predict.

    Parameters
    ----------
    fits
        What :func:`neuronxa.statistics.prediction.predict_scores` returns first.
    confidence
        Level of the intervals, for the headers.
    labels
        Names to show.

    Returns
    -------
    Table
        A row per model, corpus, extraction, method, reduction, task and metric.
    """
    labels = labels or Labels()
    frame = fits.assign(
        model=fits["model"].map(labels.model),
        corpus=fits["corpus"].map(labels.corpus),
        task=fits["task"].map(labels.task),
    ).drop(columns="useful")
    return Table(
        frame.reset_index(drop=True),
        headers={
            "pivot_score": "pivot's score",
            "slope": f"slope [{confidence:.0%}]",
            "intercept": f"intercept [{confidence:.0%}]",
            "r2": "r²",
            "spread": "residual SE",
            "error": "error without itself",
            "mean_error": "error of the mean",
        },
    )
