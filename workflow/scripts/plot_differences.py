"""Draw how much better NASCA correlates than the other methods."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.output.figures import figure_differences
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    differences = read_frame(Path(snakemake.input[0]))
    kept = (differences[["corpus", "extraction"]] == list(snakemake.wildcards)).all(axis=1)
    figure = figure_differences(differences[kept], labels=Labels(**snakemake.params.labels))
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
