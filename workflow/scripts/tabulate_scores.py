"""Write the table of scores of all runs."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.labels import Labels
from neuronxa.output.tables import scores_table, write_table

with job(snakemake):
    params = snakemake.params
    tables = [
        scores_table(
            read_frame(Path(path)),
            pivot=params.pivot,
            site=params.sites[Path(path).parent.name],
            languages=Languages.read(snakemake.params.languages),
            confidence=params.confidence,
            labels=Labels(**params.labels),
        )
        for path in snakemake.input
    ]
    write_table(
        replace(tables[0], frame=pd.concat([t.frame for t in tables], ignore_index=True)),
        Path(snakemake.output[0]).with_suffix(""),
        caption="Alignment with the pivot, mean over layers and languages.",
        label="tab:scores",
    )
