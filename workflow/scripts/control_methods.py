"""Correlate every method with every task, with script, tokens and spelling held constant."""

from pathlib import Path

from neuronxa.frames import read_frame, read_frames, write_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.statistics.partial import control_methods

with job(snakemake):
    partial = control_methods(
        read_frame(Path(snakemake.input.methods)),
        read_frames(list(map(Path, snakemake.input.downstream))),
        read_frames(list(map(Path, snakemake.input.fertility))),
        read_frames(list(map(Path, snakemake.input.lexical))),
        pivot=snakemake.params.pivot,
        languages=Languages.read(snakemake.params.languages),
        confidence=snakemake.params.confidence,
    )
    write_frame(Path(snakemake.output[0]), partial)
