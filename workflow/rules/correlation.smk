# Correlation: alignment scores against what the models can do, over languages.
#
# in:  results/alignment/<model>/<corpus>/<extraction>/scores.parquet, results/benchmarks/,
#      results/transfer/
# out: results/correlation/methods.parquet        NASCA, NAVCA, MEXA, MEXA-last per language
#      results/correlation/correlations.parquet   with n, intervals and p


rule collect_methods:
    """Read the named methods off the alignment scores of every run."""
    input:
        alignment_scores,
    output:
        "results/correlation/methods.parquet",
    log:
        "results/logs/collect_methods.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
        sites={name: row.sites[0] for name, row in SETTINGS.extractions.items()},
    message:
        "Collecting the scores of all methods"
    script:
        "../scripts/collect_methods.py"


rule correlate_methods:
    """Correlate every method with every task, over languages without the pivot."""
    input:
        methods="results/correlation/methods.parquet",
        downstream=downstream_scores,
    output:
        "results/correlation/correlations.parquet",
    log:
        "results/logs/correlate_methods.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
        confidence=SETTINGS.file.statistics.confidence,
    message:
        "Correlating alignment with downstream scores"
    script:
        "../scripts/correlate_methods.py"
