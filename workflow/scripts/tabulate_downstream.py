"""Write the tables of task scores and of their correlations with alignment."""

from pathlib import Path

from neuronxa.frames import read_frame, read_frames
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.labels import Labels
from neuronxa.output.tables import correlation_table, downstream_table, write_table
from neuronxa.statistics.sources import with_shots

with job(snakemake):
    labels = Labels(**snakemake.params.labels)
    languages = Languages.read(snakemake.params.languages)
    scores = read_frames(list(map(Path, snakemake.input.downstream)))
    write_table(
        downstream_table(
            with_shots(scores, snakemake.params.shots),
            languages=languages,
            labels=labels,
        ),
        Path(snakemake.output[0]).with_suffix(""),
        caption="Task scores per language.",
        label="tab:downstream",
    )
    write_table(
        correlation_table(read_frame(Path(snakemake.input.correlations)), labels=labels),
        Path(snakemake.output[1]).with_suffix(""),
        caption="Correlation of alignment with task scores over languages.",
        label="tab:correlations",
    )
