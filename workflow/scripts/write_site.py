"""Write the results page."""

from pathlib import Path

import pandas as pd

from neuronxa.frames import read_frame, read_frames
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.labels import Labels
from neuronxa.output.site import Results, Run, Shown, caption_of, write_site

TABLES, FIGURES = Path("results/tables"), Path("results/figures")

with job(snakemake) as record:
    params, given = snakemake.params, snakemake.input
    folder = Path(snakemake.output[0]).parent
    captions = Path(params.captions)
    runs = [
        Run(
            scores=read_frame(Path(scores)),
            pairs=read_frame(Path(pairs)),
            site=params.sites[Path(scores).parent.name],
        )
        for scores, pairs in zip(given.scores, given.pairs, strict=True)
    ]
    write_site(
        Results(
            runs,
            languages=Languages.read(params.languages),
            pivot=params.pivot,
            downstream=read_frames(list(map(Path, given.downstream)))
            if given.downstream
            else pd.DataFrame(),
            predictions=read_frame(Path(given.predictions))
            if given.predictions
            else pd.DataFrame(),
            labels=Labels(**params.labels),
        ),
        folder,
        tables=[
            Shown(path, TABLES, caption_of(path, TABLES, captions, ending="_table"))
            for path in map(Path, given.tables)
            if path.suffix == ".html"
        ],
        figures=[
            Shown(path, FIGURES, caption_of(path, FIGURES, captions))
            for path in map(Path, given.figures)
            if path.suffix == ".svg"
        ],
        methods=(captions / "workflow.rst").read_text("utf-8"),
    )
    record.add_folder(folder)
