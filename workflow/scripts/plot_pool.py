"""Draw how the scores of one run depend on the number of sentences."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.output.figures import figure_pool
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    params = snakemake.params
    figure = figure_pool(
        read_frame(Path(snakemake.input[0])), site=params.site, labels=Labels(**params.labels)
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
