"""The scores of one row of the tasks sheet, whatever they are kept in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from neuronxa.config import ModelRow, TaskRow
from neuronxa.downstream.scores.files import is_harness
from neuronxa.downstream.scores.found import Found, known_language, scores_of_run
from neuronxa.downstream.scores.names import ModelNames
from neuronxa.downstream.scores.results import read_results
from neuronxa.downstream.scores.select import Selection
from neuronxa.downstream.scores.table import read_table
from neuronxa.languages import Languages


def read_scores(
    row: TaskRow,
    *,
    models: Mapping[str, ModelRow],
    languages: Languages,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Read the scores that a row of the tasks sheet points at.

    Parameters
    ----------
    row
        A task of kind ``scores``. Its ``location`` is a CSV file, or a folder or JSON file of
        results of lm-evaluation-harness.
    models
        Models of the run by name; scores of others are left out.
    languages
        The language sheet.
    confidence
        Level of intervals.

    Returns
    -------
    pandas.DataFrame
        Columns ``SCORE_COLUMNS`` of :mod:`neuronxa.downstream.accuracy`, then ``shots``, the number
        of worked examples, <NA> where it is not known.

    Raises
    ------
    ConfigError, LanguageError
        See :func:`~neuronxa.downstream.scores.table.read_table`,
        :func:`~neuronxa.downstream.scores.results.read_results` and
        :mod:`~neuronxa.downstream.scores.found`.
    """
    path, selection, names = Path(row.location).expanduser(), Selection.of(row), ModelNames(models)
    if is_harness(path):

        def resolve(code: str) -> str:
            return languages.resolve(code, row.codes).code

        found = read_results(path, row, selection, resolve, confidence=confidence)
        return scores_of_run(
            found, row, models=names, resolve=lambda one: one.language, confidence=confidence
        )

    def recognise(one: Found) -> str:
        return known_language(one, languages.recognise, selection.pairs)

    found = read_table(path, row, selection)
    return scores_of_run(found, row, models=names, resolve=recognise, confidence=confidence)
