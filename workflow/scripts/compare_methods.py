"""Compare NASCA with every other method on every task."""

from pathlib import Path

from neuronxa.frames import read_frame, read_frames, write_frame
from neuronxa.jobs.job import job
from neuronxa.statistics.differences import compare_methods

with job(snakemake):
    differences = compare_methods(
        read_frame(Path(snakemake.input.methods)),
        read_frames(list(map(Path, snakemake.input.downstream))),
        pivot=snakemake.params.pivot,
        **snakemake.params.statistics,
    )
    write_frame(Path(snakemake.output[0]), differences)
