"""Draw the alignment of one run against the lexical floor of its corpus."""

from pathlib import Path

from neuronxa.alignment.methods import method_scores
from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.figures import figure_lexical
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    params = snakemake.params
    scores = read_frame(Path(snakemake.input.scores))
    figure = figure_lexical(
        method_scores(scores, pivot=params.pivot, site=params.site),
        read_frame(Path(snakemake.input.lexical)),
        languages=Languages.read(params.languages),
        labels=Labels(**params.labels),
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
