"""Draw the correlation with one task under other settings."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.output.figures import figure_ablations
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    names, params = snakemake.wildcards, snakemake.params
    ablations = read_frame(Path(snakemake.input[0]))
    kept = (ablations[["model", "corpus"]] == [names.model, names.corpus]).all(axis=1)
    figure = figure_ablations(
        ablations[kept],
        task=names.task,
        metric=names.metric,
        confidence=params.confidence,
        labels=Labels(**params.labels),
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
