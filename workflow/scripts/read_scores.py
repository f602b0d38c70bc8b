"""Bring a user's own table of scores into the common form."""

from pathlib import Path

from neuronxa.config import TaskRow
from neuronxa.downstream.scores import read_scores, select_scores
from neuronxa.frames import write_frame
from neuronxa.jobs import job
from neuronxa.languages import Languages

with job(snakemake.log[0]):
    languages = Languages.read(snakemake.params.languages)
    row = TaskRow(**snakemake.params.row)
    scores = read_scores(Path(snakemake.input[0]), languages.recognise)
    write_frame(Path(snakemake.output[0]), select_scores(scores, row))
