"""Draw what each correlation could have shown."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.output.figures import figure_claim
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    figure = figure_claim(
        read_frame(Path(snakemake.input[0])), labels=Labels(**snakemake.params.labels)
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
