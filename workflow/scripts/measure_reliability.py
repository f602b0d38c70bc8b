"""Measure the reliability of every method of one run."""

from pathlib import Path

from neuronxa.frames import write_frame
from neuronxa.jobs.job import job
from neuronxa.statistics.reliability import alignment_reliability
from neuronxa.stores.alignment import Alignment

with job(snakemake):
    reliability = alignment_reliability(
        Alignment(Path(snakemake.input[0]).parent),
        pivot=snakemake.params.pivot,
        site=snakemake.params.site,
        groups=snakemake.params.layers,
        halves=snakemake.params.statistics["resamples"],
        seed=snakemake.params.statistics["seed"],
    )
    write_frame(Path(snakemake.output[0]), reliability)
