"""Turn what the harness found into tidy scores and items."""

from pathlib import Path

from neuronxa.config import TaskRow
from neuronxa.downstream.harness.scores import score_run
from neuronxa.frames import write_frame
from neuronxa.jobs.job import job

with job(snakemake):
    scores, items = score_run(
        Path(snakemake.input[0]).parent,
        TaskRow(**snakemake.params.row),
        model=snakemake.wildcards.model,
        confidence=snakemake.params.confidence,
    )
    write_frame(Path(snakemake.output.scores), scores)
    write_frame(Path(snakemake.output.per_item), items)
