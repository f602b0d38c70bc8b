"""Write what one model will score in every language."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.labels import Labels
from neuronxa.output.tables import predictions_table, write_table
from neuronxa.statistics.summaries import of_run

with job(snakemake):
    names, params = snakemake.wildcards, snakemake.params
    labels = Labels(**params.labels)
    predictions, fits = (
        of_run(read_frame(Path(snakemake.input[name])), tuple(names))
        for name in ("predictions", "fits")
    )
    write_table(
        predictions_table(
            predictions,
            fits,
            languages=Languages.read(params.languages),
            confidence=params.confidence,
            labels=labels,
        ),
        Path(snakemake.output[0]).with_suffix(""),
        caption=(
            f"Predicted task scores: {labels.model(names.model)}, {labels.corpus(names.corpus)}. "
            "No language is predicted from its own score."
        ),
        label=f"tab:predictions-{'-'.join(names)}",
    )
