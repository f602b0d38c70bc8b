"""Write the tables of lines from alignment to task score, and of ablations."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.output.labels import Labels
from neuronxa.output.tables import ablation_table, fits_table, write_table

with job(snakemake):
    params = snakemake.params
    shown = {"confidence": params.confidence, "labels": Labels(**params.labels)}
    write_table(
        fits_table(read_frame(Path(snakemake.input.fits)), **shown),
        Path(snakemake.output[0]).with_suffix(""),
        caption="Least-squares lines from alignment to task scores, and how well they predict.",
        label="tab:fits",
    )
    write_table(
        ablation_table(read_frame(Path(snakemake.input.ablations)), **shown),
        Path(snakemake.output[1]).with_suffix(""),
        caption="Pearson's r of alignment with task scores, one setting changed at a time.",
        label="tab:ablations",
    )
