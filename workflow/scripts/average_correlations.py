"""Average the correlations over models and tasks."""

from pathlib import Path

from neuronxa.frames import read_frame, write_frame
from neuronxa.jobs.job import job
from neuronxa.statistics.averages import average_correlations

with job(snakemake):
    averages = average_correlations(
        read_frame(Path(snakemake.input[0])),
        snakemake.params.scored,
        confidence=snakemake.params.confidence,
    )
    write_frame(Path(snakemake.output[0]), averages)
