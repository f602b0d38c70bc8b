"""Write the tables of neurons of one run: the census by layer, and what each language activates."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.labels import Labels
from neuronxa.output.tables import neurons_table, specific_neurons_table, write_table

with job(snakemake):
    labels = Labels(**snakemake.params.labels)
    files = {name: read_frame(Path(path)) for name, path in snakemake.input.items()}
    name = f"{labels.model(snakemake.wildcards.model)}, {labels.corpus(snakemake.wildcards.corpus)}"
    slug = "-".join(snakemake.wildcards)
    write_table(
        neurons_table(files["neurons"]),
        Path(snakemake.output[0]).with_suffix(""),
        caption=f"Neurons by layer: {name}.",
        label=f"tab:neurons-{slug}",
    )
    write_table(
        specific_neurons_table(
            files["languages"],
            files["overlap"],
            pivot=snakemake.params.pivot,
            languages=Languages.read(snakemake.params.languages),
        ),
        Path(snakemake.output[1]).with_suffix(""),
        caption=f"Neurons of each language: {name}.",
        label=f"tab:specific-neurons-{slug}",
    )
