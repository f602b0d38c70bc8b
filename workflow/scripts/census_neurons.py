"""Count in how many languages each neuron is active, and how it agrees over translations."""

import json
from pathlib import Path

from neuronxa.files import atomic_write_text
from neuronxa.frames import write_frame
from neuronxa.jobs.job import Progress, job
from neuronxa.jobs.shards import folders_of
from neuronxa.neurons.census import take_census
from neuronxa.stores.activations import Activations

with job(snakemake):
    names, params = snakemake.wildcards, snakemake.params
    census = take_census(
        {code: Activations(path) for code, path in folders_of(snakemake.input).items()},
        sites=params.sites,
        pivot=params.pivot,
        layout=params.layout,
        workers=snakemake.threads,
        progress=Progress(f"{names.model}, {names.corpus}", unit="comparisons"),
    )
    write_frame(Path(snakemake.output.neurons), census.neurons)
    write_frame(Path(snakemake.output.languages), census.languages)
    write_frame(Path(snakemake.output.overlap), census.overlap)
    atomic_write_text(Path(snakemake.output.specific), json.dumps(census.specific, indent=1) + "\n")
