"""Score subsets of the sentences, with true and with re-paired translations."""

from pathlib import Path

from neuronxa.controls.pool import pool_frame
from neuronxa.frames import write_frame
from neuronxa.jobs import Progress, job
from neuronxa.stores.alignment import Alignment

with job(snakemake.log[0]):
    names = snakemake.wildcards
    alignment = Alignment(Path(snakemake.input[0]).parent)
    progress = Progress(f"{names.model}, {names.corpus}", unit="layers")
    write_frame(Path(snakemake.output[0]), pool_frame(alignment, progress=progress))
