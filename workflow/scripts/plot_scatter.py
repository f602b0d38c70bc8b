"""Draw alignment against one task."""

from pathlib import Path

from neuronxa.frames import read_frame, read_frames
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.figures import figure_scatter
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    names, params = snakemake.wildcards, snakemake.params
    methods = read_frame(Path(snakemake.input.methods))
    run = (methods[["model", "corpus", "extraction"]] == list(names[:3])).all(axis=1)
    figure = figure_scatter(
        methods[run],
        read_frames(list(map(Path, snakemake.input.downstream))),
        pivot=params.pivot,
        task=names.task,
        metric=names.metric,
        languages=Languages.read(snakemake.params.languages),
        confidence=params.confidence,
        labels=Labels(**params.labels),
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
