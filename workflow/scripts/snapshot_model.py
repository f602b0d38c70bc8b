"""Make the local snapshot of a model."""

from pathlib import Path

from neuronxa.config import ModelRow
from neuronxa.jobs.job import job
from neuronxa.models.snapshot import make_snapshot
from neuronxa.stores.lock import writing

with job(snakemake):
    folder = Path(snakemake.output[0]).parent
    # beside the folder, which is replaced as a whole
    with writing(folder.with_name(f".{folder.name}.lock")):
        make_snapshot(ModelRow(label="-", **snakemake.params.row), folder)
