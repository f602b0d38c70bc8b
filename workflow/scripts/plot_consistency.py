"""Draw the consistency of every pair of languages in one task of one model."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.figures import figure_consistency
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    figure = figure_consistency(
        read_frame(Path(snakemake.input[0])),
        languages=Languages.read(snakemake.params.languages),
        labels=Labels(**snakemake.params.labels),
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
