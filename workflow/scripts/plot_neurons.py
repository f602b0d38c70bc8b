"""Draw the census of neurons of one run."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.output.figures import figure_neurons
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    figure = figure_neurons(
        read_frame(Path(snakemake.input.neurons)),
        read_frame(Path(snakemake.input.languages)),
        labels=Labels(**snakemake.params.labels),
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
