# Tables of what the models can do, and of how alignment goes with it.
#
# in:  results/benchmarks/, results/transfer/, results/correlation/, config/published.tsv
# out: results/tables/**.{csv,md,tex,html}


# seconds each: on a cluster they run where it is started
localrules:
    tabulate_downstream,
    tabulate_sources,
    tabulate_published,
    tabulate_statistics,
    tabulate_pairs,
    tabulate_predictions,
    tabulate_fits,


rule tabulate_downstream:
    """Task scores per language, and their correlations with alignment."""
    input:
        downstream=downstream_scores,
        correlations="results/correlation/correlations.parquet",
    output:
        report(
            "results/tables/downstream.html",
            caption="../report/downstream_table.rst",
            category="3 Downstream",
            labels={"result": "table of task scores"},
        ),
        report(
            "results/tables/correlations.html",
            caption="../report/correlations_table.rst",
            category="3 Downstream",
            labels={"result": "table of correlations"},
        ),
        table("downstream")[:-1],
        table("correlations")[:-1],
    log:
        "results/logs/tabulate_downstream.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        shots=SHOTS,
        labels=LABELS,
    message:
        "Writing the tables of task scores and correlations"
    script:
        "../scripts/tabulate_downstream.py"


rule tabulate_sources:
    """What each source of a benchmark holds, and how far the sources agree."""
    input:
        downstream_scores,
    output:
        report(
            "results/tables/sources.html",
            caption="../report/sources_table.rst",
            category="3 Downstream",
            labels={"result": "table of sources"},
        ),
        table("sources")[:-1],
    log:
        "results/logs/tabulate_sources.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        benchmarks=BENCHMARKS,
        shots=SHOTS,
        licences={name: row.licence for name, row in SETTINGS.tasks.items()},
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Writing the table of sources"
    script:
        "../scripts/tabulate_sources.py"


rule tabulate_published:
    """Published numbers, and ours for the same quantities with what differs."""
    input:
        published=SETTINGS.file.sheets.published or [],
        scores=alignment_scores,
        methods="results/correlation/methods.parquet",
        downstream=downstream_scores,
        correlations=(
            ["results/correlation/correlations.parquet"] if SETTINGS.tasks else []
        ),
    output:
        report(
            "results/tables/published.html",
            caption="../report/published_table.rst",
            category="6 Published numbers",
            labels={"result": "table beside the papers"},
        ),
        table("published")[:-1],
    log:
        "results/logs/tabulate_published.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        sites={name: row.sites[0] for name, row in SETTINGS.extractions.items()},
        poolings={name: row.pooling for name, row in SETTINGS.extractions.items()},
        benchmarks=BENCHMARKS,
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Setting our numbers beside published ones"
    script:
        "../scripts/tabulate_published.py"


rule tabulate_statistics:
    """What stands behind the correlations: averages, differences, controls, families, power."""
    input:
        expand("results/correlation/{name}.parquet", name=STATISTICS),
    output:
        report(
            "results/tables/averages.html",
            caption="../report/averages_table.rst",
            category="3 Downstream",
            labels={"result": "table of averages"},
        ),
        report(
            "results/tables/differences.html",
            caption="../report/differences_table.rst",
            category="3 Downstream",
            labels={"result": "table of differences between methods"},
        ),
        report(
            "results/tables/partial.html",
            caption="../report/partial_table.rst",
            category="3 Downstream",
            labels={"result": "table of partial correlations"},
        ),
        report(
            "results/tables/families.html",
            caption="../report/families_table.rst",
            category="3 Downstream",
            labels={"result": "table of language families"},
        ),
        report(
            "results/tables/claim.html",
            caption="../report/claim_table.rst",
            category="3 Downstream",
            labels={"result": "how far the claim can be tested"},
        ),
        [table(name)[:-1] for name in STATISTICS],
    log:
        "results/logs/tabulate_statistics.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Writing the tables of the statistics over languages"
    script:
        "../scripts/tabulate_statistics.py"


rule tabulate_pairs:
    """Alignment against consistency over all pairs of languages."""
    input:
        "results/correlation/mantel.parquet",
    output:
        report(
            "results/tables/mantel.html",
            caption="../report/mantel_table.rst",
            category="3 Downstream",
            labels={"result": "table of tests over pairs"},
        ),
        table("mantel")[:-1],
    log:
        "results/logs/tabulate_pairs.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Writing the table of tests over pairs"
    script:
        "../scripts/tabulate_statistics.py"


rule tabulate_predictions:
    """What one model will score in every language, of one run."""
    input:
        fits="results/correlation/fits.parquet",
        predictions="results/correlation/predictions.parquet",
    output:
        report(
            f"results/tables/{RUN}/predictions.html",
            caption="../report/predictions_table.rst",
            category="3 Downstream",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "table of predictions"},
        ),
        table(f"{RUN}/predictions")[:-1],
    log:
        f"results/logs/tabulate_predictions/{RUN}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Writing the predictions of {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/tabulate_predictions.py"


rule tabulate_fits:
    """The lines from alignment to task score, and correlations under other settings."""
    input:
        fits="results/correlation/fits.parquet",
        ablations="results/correlation/ablations.parquet",
    output:
        report(
            "results/tables/fits.html",
            caption="../report/fits_table.rst",
            category="3 Downstream",
            labels={"result": "table of lines"},
        ),
        report(
            "results/tables/ablations.html",
            caption="../report/ablations_table.rst",
            category="3 Downstream",
            labels={"result": "table of ablations"},
        ),
        table("fits")[:-1],
        table("ablations")[:-1],
    log:
        "results/logs/tabulate_fits.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Writing the tables of lines and ablations"
    script:
        "../scripts/tabulate_fits.py"
