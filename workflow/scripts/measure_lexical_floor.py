"""Measure how often spelling alone finds the translations of a corpus."""

from pathlib import Path

from neuronxa.controls.lexical import lexical_frame
from neuronxa.controls.texts import beside_pivot, read_texts
from neuronxa.frames import write_frame
from neuronxa.jobs.job import Progress, job

with job(snakemake):
    corpus = snakemake.wildcards.corpus
    texts = read_texts(map(Path, snakemake.input))
    floor = lexical_frame(
        corpus,
        beside_pivot(texts, snakemake.params.pivot),
        progress=Progress(corpus, unit="languages"),
    )
    write_frame(Path(snakemake.output[0]), floor)
