"""Draw the loss of one fine-tuning."""

from pathlib import Path

from neuronxa.downstream.nli.training import CURVE
from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.output.figures import figure_training
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    names = snakemake.wildcards
    figure = figure_training(
        read_frame(Path(snakemake.input[0]).with_name(CURVE)),
        model=names.model,
        task=names.task,
        labels=Labels(**snakemake.params.labels),
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
