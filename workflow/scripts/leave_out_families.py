"""Correlate every method with every task without each language family."""

from pathlib import Path

from neuronxa.frames import read_frame, read_frames, write_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.statistics.families import leave_out_families

with job(snakemake):
    families = leave_out_families(
        read_frame(Path(snakemake.input.methods)),
        read_frames(list(map(Path, snakemake.input.downstream))),
        pivot=snakemake.params.pivot,
        languages=Languages.read(snakemake.params.languages),
        **snakemake.params.statistics,
    )
    write_frame(Path(snakemake.output[0]), families)
