"""Draw what one model will score in every language, on one task."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.figures import figure_predictions
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure
from neuronxa.statistics.summaries import of_run

with job(snakemake):
    names, params = snakemake.wildcards, snakemake.params
    run = (names.model, names.corpus, names.extraction)
    predictions, fits = (
        of_run(read_frame(Path(snakemake.input[name])), run) for name in ("predictions", "fits")
    )
    figure = figure_predictions(
        predictions,
        fits,
        task=names.task,
        metric=names.metric,
        languages=Languages.read(params.languages),
        confidence=params.confidence,
        labels=Labels(**params.labels),
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
