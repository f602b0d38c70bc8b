"""Write the tables of one run: scores per language, retrieval by direction, every measure."""

from pathlib import Path

from neuronxa.alignment.methods import method_scores
from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.labels import Labels
from neuronxa.output.tables import language_table, measures_table, retrieval_table, write_table

with job(snakemake):
    params = snakemake.params
    labels = Labels(**params.labels)
    languages = Languages.read(snakemake.params.languages)
    scores = read_frame(Path(snakemake.input.scores))
    name = f"{labels.model(snakemake.wildcards.model)}, {labels.corpus(snakemake.wildcards.corpus)}"
    slug = "-".join(snakemake.wildcards)
    write_table(
        language_table(
            method_scores(scores, pivot=params.pivot, site=params.site), languages=languages
        ),
        Path(snakemake.output[0]).with_suffix(""),
        caption=f"Alignment of each language with the pivot: {name}.",
        label=f"tab:languages-{slug}",
    )
    write_table(
        retrieval_table(
            scores,
            pivot=params.pivot,
            site=params.site,
            languages=languages,
            confidence=params.confidence,
            labels=labels,
        ),
        Path(snakemake.output[1]).with_suffix(""),
        caption=f"Retrieval of translations by direction: {name}.",
        label=f"tab:retrieval-{slug}",
    )
    write_table(
        measures_table(scores, pivot=params.pivot, site=params.site),
        Path(snakemake.output[2]).with_suffix(""),
        caption=f"Every measure of alignment, mean over layers and languages: {name}.",
        label=f"tab:measures-{slug}",
    )
