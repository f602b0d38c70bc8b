"""Score subsets of the sentences, with true and with re-paired translations."""

from pathlib import Path

from neuronxa.controls.pool import pool_frames
from neuronxa.frames import write_frame
from neuronxa.jobs.job import Progress, job
from neuronxa.stores.alignment import Alignment

with job(snakemake):
    names = snakemake.wildcards
    alignment = Alignment(Path(snakemake.input[0]).parent)
    progress = Progress(f"{names.model}, {names.corpus}", unit="layers")
    for path, frame in zip(
        snakemake.output, pool_frames(alignment, progress=progress), strict=True
    ):
        write_frame(Path(path), frame)
