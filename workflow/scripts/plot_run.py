"""Draw one run: layer curves, heat-maps of language pairs, retrieval by direction."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.figures import figure_heatmap, figure_layers, figure_retrieval
from neuronxa.output.labels import Labels
from neuronxa.output.style import save_figure

with job(snakemake):
    params = snakemake.params
    scores = read_frame(Path(snakemake.input.scores))
    languages = Languages.read(snakemake.params.languages)
    pairs = read_frame(Path(snakemake.input.pairs))
    common = {"site": params.site, "labels": Labels(**params.labels)}
    figures = (
        figure_layers(scores, pivot=params.pivot, **common),
        figure_heatmap(pairs, languages=languages, **common),
        figure_heatmap(pairs, languages=languages, by="cluster", **common),
        figure_retrieval(scores, pivot=params.pivot, languages=languages, **common),
    )
    for path, figure in zip(snakemake.output, figures, strict=False):
        save_figure(figure, Path(path).with_suffix(""))
