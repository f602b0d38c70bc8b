"""Test alignment against consistency over all pairs of languages."""

from pathlib import Path

from neuronxa.frames import read_frames, write_frame
from neuronxa.jobs.job import job
from neuronxa.statistics.mantel import compare_pairs

with job(snakemake):
    pairs = compare_pairs(
        read_frames(list(map(Path, snakemake.input.alignment))),
        read_frames(list(map(Path, snakemake.input.tasks))),
        pivot=snakemake.params.pivot,
        sites=snakemake.params.sites,
        permutations=snakemake.params.statistics["resamples"],
        seed=snakemake.params.statistics["seed"],
    )
    write_frame(Path(snakemake.output[0]), pairs)
