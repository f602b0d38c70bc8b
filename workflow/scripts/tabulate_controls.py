"""Write the table of controls of one run: scores beside what could explain them away."""

from pathlib import Path

from neuronxa.alignment.methods import method_scores
from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.languages import Languages
from neuronxa.output.labels import Labels, single
from neuronxa.output.tables import controls_table, write_table

with job(snakemake):
    names, params = snakemake.wildcards, snakemake.params
    labels = Labels(**params.labels)
    scores, lexical, fertility = (
        read_frame(Path(snakemake.input[name])) for name in ("scores", "lexical", "fertility")
    )
    counted = "with" if single(fertility, "special_tokens") == "include" else "without"
    write_table(
        controls_table(
            method_scores(scores, pivot=params.pivot, site=params.site),
            lexical,
            fertility,
            pivot=params.pivot,
            languages=Languages.read(params.languages),
        ),
        Path(snakemake.output[0]).with_suffix(""),
        caption=(
            f"Alignment beside its controls: {labels.model(names.model)}, "
            f"{labels.corpus(names.corpus)}. Tokens are counted {counted} special tokens."
        ),
        label=f"tab:controls-{'-'.join(names)}",
    )
