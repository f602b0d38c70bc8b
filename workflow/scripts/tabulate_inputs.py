"""Write the tables of what the run started from."""

import json
from pathlib import Path

from neuronxa.jobs.job import job
from neuronxa.models.snapshot import read_card
from neuronxa.output.labels import Labels
from neuronxa.output.tables import models_table, texts_table, write_table

with job(snakemake):
    labels = Labels(**snakemake.params.labels)
    write_table(
        models_table([read_card(Path(p).parent) for p in snakemake.input.models], labels=labels),
        Path(snakemake.output[0]).with_suffix(""),
        caption="The models.",
        label="tab:models",
    )
    corpora = [json.loads(Path(path).read_text("utf-8")) for path in snakemake.input.corpora]
    write_table(
        texts_table(corpora, labels=labels),
        Path(snakemake.output[1]).with_suffix(""),
        caption="The texts, and what was counted in them.",
        label="tab:texts",
    )
