"""Write the chosen sentences of one language, and of its pivot side in a corpus of pairs."""

from pathlib import Path

from neuronxa.config import CorpusRow
from neuronxa.corpora.prepare import prepare_language
from neuronxa.jobs.job import job
from neuronxa.languages import Languages

with job(snakemake):
    pivot_side = snakemake.output.get("pivot")
    prepare_language(
        CorpusRow(label="-", **snakemake.params.row),
        snakemake.wildcards.language,
        languages=Languages.read(snakemake.params.languages),
        pivot=snakemake.params.pivot,
        out_path=Path(snakemake.output.text),
        pivot_out_path=Path(pivot_side) if pivot_side else None,
    )
