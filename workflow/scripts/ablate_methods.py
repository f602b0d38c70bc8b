"""Correlate methods with tasks again, one setting changed at a time."""

from pathlib import Path

import pandas as pd

from neuronxa.frames import read_frame, read_frames, write_frame
from neuronxa.jobs.job import job
from neuronxa.statistics import ablation

with job(snakemake):
    params = snakemake.params
    base = next(iter(params.extractions))
    site = params.extractions[base]["site"]
    methods = read_frame(Path(snakemake.input.methods))
    subsets = [read_frame(Path(path)) for path in snakemake.input.subsets]
    variants = [
        *(ablation.pair_variants(frame, site=site) for frame in subsets),
        ablation.reduction_variants(methods, base=base),
        *(
            ablation.layer_variants(read_frame(Path(path)), pivot=params.pivot, site=site)
            for path in snakemake.input.layers
        ),
        ablation.extraction_variants(methods, params.extractions),
        ablation.corpus_variants(methods, base=base, corpora=params.corpora),
    ]
    ablations = ablation.ablate(
        pd.concat([frame for frame in variants if len(frame)], ignore_index=True),
        read_frames(list(map(Path, snakemake.input.downstream))),
        pivot=params.pivot,
        confidence=params.confidence,
    )
    write_frame(Path(snakemake.output[0]), ablations)
