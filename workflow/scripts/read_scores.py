"""Bring scores that were measured elsewhere into the common form."""

from pathlib import Path

from neuronxa.config import ModelRow, TaskRow
from neuronxa.downstream.scores.read import read_scores
from neuronxa.frames import write_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages

with job(snakemake):
    params = snakemake.params
    scores = read_scores(
        TaskRow(label="-", **params.row),
        models={name: ModelRow(label="-", **row) for name, row in params.models.items()},
        languages=Languages.read(params.languages),
        confidence=params.confidence,
    )
    write_frame(Path(snakemake.output[0]), scores)
