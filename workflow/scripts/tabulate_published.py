"""Write the table of published numbers and ours."""

from pathlib import Path

import pandas as pd

from neuronxa.config.published import read_published
from neuronxa.frames import read_frame, read_frames
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.labels import Labels
from neuronxa.output.tables import published_table, write_table
from neuronxa.statistics.published import Run, compare_published
from neuronxa.statistics.summaries import retrieval_summary

with job(snakemake):
    params = snakemake.params
    languages = Languages.read(params.languages)
    retrieval = [
        # .../<model>/<corpus>/<extraction>/scores.parquet
        retrieval_summary(
            read_frame(Path(path)),
            pivot=params.pivot,
            site=params.sites[Path(path).parent.name],
            languages=languages,
            confidence=params.confidence,
        )
        for path in snakemake.input.scores
    ]
    downstream, correlations = (
        read_frames(list(map(Path, paths))) if paths else pd.DataFrame()
        for paths in (snakemake.input.downstream, snakemake.input.correlations)
    )
    run = Run(
        pivot=params.pivot,
        methods=read_frame(Path(snakemake.input.methods)),
        retrieval=pd.concat(retrieval, ignore_index=True),
        correlations=correlations,
        downstream=downstream,
        benchmarks=params.benchmarks,
        poolings=params.poolings,
        confidence=params.confidence,
    )
    write_table(
        published_table(
            compare_published(read_published(Path(snakemake.input.published)), run),
            labels=Labels(**params.labels),
        ),
        Path(snakemake.output[0]).with_suffix(""),
        caption="Published numbers, and ours for the same quantities.",
        label="tab:published",
    )
