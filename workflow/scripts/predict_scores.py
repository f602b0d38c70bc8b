"""Fit lines from alignment to task scores, and predict every language."""

from pathlib import Path

from neuronxa.frames import read_frame, read_frames, write_frame
from neuronxa.jobs.job import job
from neuronxa.statistics.prediction import predict_scores

with job(snakemake):
    fits, predictions = predict_scores(
        read_frame(Path(snakemake.input.methods)),
        read_frames(list(map(Path, snakemake.input.downstream))),
        pivot=snakemake.params.pivot,
        confidence=snakemake.params.confidence,
    )
    write_frame(Path(snakemake.output.fits), fits)
    write_frame(Path(snakemake.output.predictions), predictions)
