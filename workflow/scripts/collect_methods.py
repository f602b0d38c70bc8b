"""Read the named methods off the alignment scores of every run."""

from pathlib import Path

import pandas as pd

from neuronxa.alignment.methods import method_scores
from neuronxa.frames import read_frame, write_frame
from neuronxa.jobs.job import job

with job(snakemake):
    parts = [
        # .../<model>/<corpus>/<extraction>/scores.parquet
        method_scores(
            read_frame(Path(path)),
            pivot=snakemake.params.pivot,
            site=snakemake.params.sites[Path(path).parent.name],
        )
        for path in snakemake.input
    ]
    write_frame(Path(snakemake.output[0]), pd.concat(parts, ignore_index=True))
