"""Count the tokens of every language of a model, corpus and extraction."""

from pathlib import Path

from neuronxa.controls.fertility import fertility_frame
from neuronxa.controls.texts import read_texts
from neuronxa.frames import write_frame
from neuronxa.jobs.job import job
from neuronxa.jobs.shards import folders_of
from neuronxa.languages import Languages
from neuronxa.stores.activations import Activations

with job(snakemake):
    folders = folders_of(snakemake.input.stores)
    tokens = fertility_frame(
        {code: Activations(path) for code, path in folders.items()},
        read_texts(map(Path, snakemake.input.texts)),
        pivot=snakemake.params.pivot,
        languages=Languages.read(snakemake.params.languages),
    )
    write_frame(Path(snakemake.output[0]), tokens)
