"""Make the local snapshot of a model."""

from pathlib import Path

from neuronxa.config import ModelRow
from neuronxa.jobs import job
from neuronxa.models.snapshot import make_snapshot

with job(snakemake):
    make_snapshot(ModelRow(label="-", **snakemake.params.row), Path(snakemake.output[0]).parent)
