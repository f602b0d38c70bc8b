"""Write the table of the sources of every benchmark."""

from pathlib import Path

from neuronxa.frames import read_frames
from neuronxa.jobs.job import job
from neuronxa.output.labels import Labels
from neuronxa.output.tables import sources_table, write_table
from neuronxa.statistics.sources import compare_sources, with_shots

with job(snakemake):
    params = snakemake.params
    scores = with_shots(read_frames(list(map(Path, snakemake.input))), params.shots)
    write_table(
        sources_table(
            compare_sources(scores, params.benchmarks, confidence=params.confidence),
            params.licences,
            labels=Labels(**params.labels),
        ),
        Path(snakemake.output[0]).with_suffix(""),
        caption="Sources of the task scores, and how far sources of one benchmark agree.",
        label="tab:sources",
    )
