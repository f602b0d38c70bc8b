"""Draw all correlations with their intervals."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.output.figures import figure_correlations
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    correlations = read_frame(Path(snakemake.input[0]))
    kept = (correlations[["corpus", "extraction"]] == list(snakemake.wildcards)).all(axis=1)
    figure = figure_correlations(correlations[kept], labels=Labels(**snakemake.params.labels))
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
