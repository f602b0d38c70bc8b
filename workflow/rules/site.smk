# The results page: everything that was found, for a browser, in one folder.
#
# in:  results/alignment/, results/correlation/predictions.parquet, results/benchmarks/, results/transfer/,
#      results/tables/, results/figures/
# out: results/site/**.html, with copies of all tables and figures; open results/site/index.html


localrules:
    write_site,


rule write_site:
    """A leaderboard, a page per model and per language, all tables and figures, the methods."""
    input:
        scores=[
            "results/alignment/{}/{}/{}/scores.parquet".format(*run)
            for run in PLAN.runs()
        ],
        pairs=[
            "results/alignment/{}/{}/{}/pairs.parquet".format(*run)
            for run in PLAN.runs()
        ],
        downstream=downstream_scores if SETTINGS.tasks else [],
        predictions=(
            "results/correlation/predictions.parquet" if SETTINGS.tasks else []
        ),
        tables=output_tables(),
        figures=output_figures(),
    output:
        "results/site/index.html",
    log:
        "results/logs/write_site.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        sites={name: row.sites[0] for name, row in SETTINGS.extractions.items()},
        labels=LABELS,
        captions=str(Path(LIBRARY, "report")),
    message:
        "Writing the results page"
    script:
        "../scripts/write_site.py"
