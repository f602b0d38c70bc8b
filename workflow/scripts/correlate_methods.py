"""Correlate every method with every task."""

from pathlib import Path

from neuronxa.frames import read_frame, read_frames, write_frame
from neuronxa.jobs.job import job
from neuronxa.statistics.correlation import correlate_methods

with job(snakemake):
    correlations = correlate_methods(
        read_frame(Path(snakemake.input.methods)),
        read_frames(list(map(Path, snakemake.input.downstream))),
        pivot=snakemake.params.pivot,
        **snakemake.params.statistics,
    )
    write_frame(Path(snakemake.output[0]), correlations)
