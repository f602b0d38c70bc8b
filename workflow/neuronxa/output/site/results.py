"""What the pages show, as frames: one row per model and language, whatever was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from neuronxa.alignment.methods import METHODS, Site, method_scores
from neuronxa.languages import Language
from neuronxa.output.labels import Labels
from neuronxa.statistics.summaries import RUN, of_run

#: The method whose predictions are shown.
LEADING = "NASCA"


@dataclass(frozen=True)
class Run:
    """One run of the comparison.

    Attributes
    ----------
    scores, pairs
        What `neuronxa.alignment.scores` makes of it.
    site
        FFN site that NASCA and NAVCA are read at.
    """

    scores: pd.DataFrame
    pairs: pd.DataFrame
    site: Site

    @property
    def key(self) -> tuple[str, str, str]:
        """Its model, corpus and extraction."""
        model, corpus, extraction = self.scores[RUN].iloc[0]
        return str(model), str(corpus), str(extraction)


@dataclass(frozen=True)
class Results:
    """Everything that the pages show.

    Attributes
    ----------
    runs
        The comparisons.
    languages
        Code to language.
    pivot
        The language that others are compared with.
    downstream
        Task scores, columns ``model, task, language, metric, value, low, high``; may be empty.
    predictions
        What `neuronxa.statistics.prediction` predicts; may be empty.
    labels
        Names to show.
    """

    runs: Sequence[Run]
    languages: Mapping[str, Language]
    pivot: str
    downstream: pd.DataFrame = field(default_factory=pd.DataFrame)
    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)
    labels: Labels = field(default_factory=Labels)

    @cached_property
    def methods(self) -> list[str]:
        """Methods that any run has."""
        found = {name for run in self.runs for name in self._scores(run)["method"].unique()}
        return [name for name in METHODS if name in found]

    def tasks(self) -> list[tuple[str, str]]:
        """Tasks and metrics that have scores."""
        if self.downstream.empty:
            return []
        kept = self.downstream.loc[self.downstream["value"].notna(), ["task", "metric"]]
        return [(str(task), str(metric)) for task, metric in kept.drop_duplicates().to_numpy()]

    def leaderboard(self) -> pd.DataFrame:
        """One row per run and language, the best first.

        Returns
        -------
        pandas.DataFrame
            Columns ``model, corpus, extraction, language, name, family, class, sentences``; for
            each method its mean over layers, with ``:low`` and ``:high``; for each ``task:metric``
            the measured score with its interval, and ``:predicted`` with its interval where a
            line predicts better than the mean does.
        """
        frames = [self._of_run(run) for run in self.runs]
        board = pd.concat(frames, ignore_index=True)
        order = ["pivot", self.methods[0]]
        board["pivot"] = board["language"] == self.pivot
        return (
            board.sort_values(order, ascending=[True, False], kind="stable")
            .drop(columns="pivot")
            .reset_index(drop=True)
        )

    def _scores(self, run: Run) -> pd.DataFrame:
        scores = method_scores(run.scores, pivot=self.pivot, site=run.site)
        return scores.loc[scores["reduction"] == "mean"]

    def _of_run(self, run: Run) -> pd.DataFrame:
        scores = self._scores(run)
        about = {
            "name": scores["language"].map(lambda code: self.languages[code].name),
            "family": scores["language"].map(lambda code: self.languages[code].family),
            "class": scores["language"].map(lambda code: self.languages[code].resource_class),
        }
        base = scores.assign(**about, sentences=scores["n"])
        keys = [*RUN, "language", "name", "family", "class"]
        board: pd.DataFrame = base.groupby(keys, sort=False)["sentences"].max().reset_index()
        for method, part in scores.groupby("method", sort=False):
            board = _beside(board, part, str(method), "value")
        mine = self.downstream
        for task, metric in self.tasks():
            part = mine.loc[
                (mine["model"] == run.key[0]) & (mine["task"] == task) & (mine["metric"] == metric)
            ]
            board = _beside(board, part, f"{task}:{metric}", "value")
            board = _beside(
                board, self._predicted(run, task, metric), f"{task}:{metric}:predicted", "predicted"
            )
        return board

    def _predicted(self, run: Run, task: str, metric: str) -> pd.DataFrame:
        frame = self.predictions
        if frame.empty:
            return pd.DataFrame(columns=["language", "predicted", "low", "high"])
        frame = of_run(frame, run.key)
        return frame.loc[
            (frame["method"] == LEADING)
            & (frame["reduction"] == "mean")
            & (frame["task"] == task)
            & (frame["metric"] == metric)
            & frame["useful"].astype(bool)
        ]


def _beside(board: pd.DataFrame, part: pd.DataFrame, name: str, value: str) -> pd.DataFrame:
    """A score and its interval as three more columns of the board, by language."""
    chosen = part.drop_duplicates("language").set_index("language")
    for column, ending in ((value, ""), ("low", ":low"), ("high", ":high")):
        values = chosen[column] if column in chosen else pd.Series(dtype=float)
        board[f"{name}{ending}"] = pd.to_numeric(board["language"].map(values)).astype(float)
    return board
