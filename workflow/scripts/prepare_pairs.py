"""Bring the pairs of one language, or the training pairs, of a task into one form."""

from pathlib import Path

from neuronxa.config import TaskRow
from neuronxa.downstream.nli.prepare import prepare_evaluation, prepare_training
from neuronxa.jobs.job import job
from neuronxa.languages import Languages

with job(snakemake):
    params, language = snakemake.params, dict(snakemake.wildcards.items()).get("language")
    row = TaskRow(label="-", **params.row)
    common = {
        "languages": Languages.read(params.languages),
        "pivot": params.pivot,
        "path": Path(snakemake.output.pairs),
    }
    if language is None:
        prepare_training(row, **common)
    else:
        prepare_evaluation(row, language, **common)
