"""Write the tables of statistics over languages, one for each file that is given."""

from pathlib import Path

from neuronxa.frames import read_frame
from neuronxa.jobs.job import job
from neuronxa.output import tables
from neuronxa.output.labels import Labels

MAKERS = {
    "averages": (
        tables.averages_table,
        "Correlations averaged over models and tasks: plain means, and means of Fisher's z.",
    ),
    "differences": (
        tables.differences_table,
        "Correlations of NASCA against those of the other methods, on the same languages.",
    ),
    "partial": (
        tables.partial_table,
        "Correlations with script, tokens and spelling held constant, without the pivot.",
    ),
    "families": (
        tables.families_table,
        "Correlations over language families: resampled, and without each, without the pivot.",
    ),
    "mantel": (
        tables.mantel_table,
        "Alignment against consistency over all pairs of languages, languages permuted.",
    ),
    "claim": (tables.claim_table, "How far the claim can be tested."),
}

with job(snakemake):
    labels = Labels(**snakemake.params.labels)
    # the pages come first among the outputs, in the order of the inputs
    for path, page in zip(map(Path, snakemake.input), map(Path, snakemake.output), strict=False):
        make, caption = MAKERS[path.stem]
        tables.write_table(
            make(read_frame(path), labels=labels),
            page.with_suffix(""),
            caption=f"{caption} Scores are means over layers.",
            label=f"tab:{path.stem}",
        )
