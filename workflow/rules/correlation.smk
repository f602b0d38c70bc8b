# Correlation: alignment scores against what the models can do, over languages.
#
# in:  results/alignment/<model>/<corpus>/<extraction>/scores.parquet, results/benchmarks/,
#      results/transfer/, results/items/, results/controls/
# out: results/correlation/methods.parquet        NASCA, NAVCA, MEXA, MEXA-last per language
#      results/correlation/correlations.parquet   with n, intervals and p
#      results/correlation/averages.parquet       means over models and tasks
#      results/correlation/differences.parquet    NASCA against every other method
#      results/correlation/partial.parquet        script, tokens and spelling held constant
#      results/correlation/families.parquet       without each language family
#      results/correlation/mantel.parquet         all pairs of languages, permuted
#      results/correlation/reliability/<model>/<corpus>/<extraction>.parquet
#      results/correlation/claim.parquet          what each correlation could have shown


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
        statistics=SETTINGS.file.statistics.model_dump(),
    message:
        "Correlating alignment with downstream scores"
    script:
        "../scripts/correlate_methods.py"


rule average_correlations:
    """Average the correlations over models, and over the tasks of a kind."""
    input:
        "results/correlation/correlations.parquet",
    output:
        "results/correlation/averages.parquet",
    log:
        "results/logs/average_correlations.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        scored=SCORED,
        confidence=SETTINGS.file.statistics.confidence,
    message:
        "Averaging correlations over models and tasks"
    script:
        "../scripts/average_correlations.py"


rule compare_methods:
    """Test whether NASCA correlates better than the other methods, on the same languages."""
    input:
        methods="results/correlation/methods.parquet",
        downstream=downstream_scores,
    output:
        "results/correlation/differences.parquet",
    log:
        "results/logs/compare_methods.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
        statistics=SETTINGS.file.statistics.model_dump(),
    message:
        "Comparing NASCA with the other methods"
    script:
        "../scripts/compare_methods.py"


rule control_methods:
    """Correlate again with script, tokens and spelling held constant."""
    input:
        methods="results/correlation/methods.parquet",
        downstream=downstream_scores,
        fertility=of_runs(f"results/controls/{RUN}/fertility.parquet"),
        lexical=expand(
            "results/controls/{corpus}/lexical.parquet", corpus=SETTINGS.corpora
        ),
    output:
        "results/correlation/partial.parquet",
    log:
        "results/logs/control_methods.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        confidence=SETTINGS.file.statistics.confidence,
    message:
        "Holding script, tokens and spelling constant"
    script:
        "../scripts/control_methods.py"


rule leave_out_families:
    """Correlate without each language family, and resample whole families."""
    input:
        methods="results/correlation/methods.parquet",
        downstream=downstream_scores,
    output:
        "results/correlation/families.parquet",
    log:
        "results/logs/leave_out_families.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        statistics=SETTINGS.file.statistics.model_dump(),
    message:
        "Leaving out language families"
    script:
        "../scripts/leave_out_families.py"


rule compare_pairs:
    """Test alignment against consistency over all pairs of languages."""
    input:
        alignment=of_runs(f"results/alignment/{RUN}/pairs.parquet"),
        tasks=task_pairs(),
    output:
        "results/correlation/mantel.parquet",
    log:
        "results/logs/compare_pairs.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
        sites={name: row.sites[0] for name, row in SETTINGS.extractions.items()},
        statistics=SETTINGS.file.statistics.model_dump(),
    message:
        "Comparing alignment and consistency of all pairs"
    script:
        "../scripts/compare_pairs.py"


rule measure_reliability:
    """Measure how reliable the scores of every method are, from halves of the sentences."""
    input:
        "results/alignment/{model}/{corpus}/{extraction}/manifest.json",
    output:
        "results/correlation/reliability/{model}/{corpus}/{extraction}.parquet",
    log:
        "results/logs/measure_reliability/{model}/{corpus}/{extraction}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
        site=lambda wildcards: SETTINGS.extractions[wildcards.extraction].sites[0],
        layers=SETTINGS.file.alignment.layers,
        statistics=SETTINGS.file.statistics.model_dump(),
    message:
        "Halving the sentences of {wildcards.corpus} in {wildcards.model}"
    script:
        "../scripts/measure_reliability.py"


rule test_claim:
    """Say what each correlation could have shown, and compare it with the published value."""
    input:
        correlations="results/correlation/correlations.parquet",
        reliability=of_runs(f"results/correlation/reliability/{RUN}.parquet"),
        downstream=downstream_scores,
        item_values=task_items(),
        published=SETTINGS.file.sheets.published or [],
    output:
        "results/correlation/claim.parquet",
    log:
        "results/logs/test_claim.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
        scored=SCORED,
        benchmarks=BENCHMARKS,
        statistics=SETTINGS.file.statistics.model_dump(),
    message:
        "Testing how far the claim can be tested"
    script:
        "../scripts/test_claim.py"
