# Prediction: what alignment says of languages without a benchmark, and how far the settings matter.
#
# in:  results/correlation/methods.parquet, results/benchmarks/, results/transfer/,
#      results/alignment/, results/controls/
# out: results/correlation/fits.parquet           lines from alignment to task score
#      results/correlation/predictions.parquet    what every language will score
#      results/correlation/ablations.parquet      correlations under other settings


rule predict_scores:
    """Fit a line from alignment to every task, and predict the languages without a score."""
    input:
        methods="results/correlation/methods.parquet",
        downstream=downstream_scores,
    output:
        fits="results/correlation/fits.parquet",
        predictions="results/correlation/predictions.parquet",
    log:
        "results/logs/predict_scores.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
        confidence=SETTINGS.file.statistics.confidence,
    message:
        "Predicting the task scores of all languages"
    script:
        "../scripts/predict_scores.py"


rule ablate_methods:
    """Correlate again with fewer sentences, other layers, extractions and corpora."""
    input:
        methods="results/correlation/methods.parquet",
        downstream=downstream_scores,
        layers=base_runs(f"results/alignment/{RUN}/scores.parquet"),
        subsets=(
            base_runs(f"results/controls/{RUN}/subsets.parquet")
            if SETTINGS.file.alignment.keep_similarities
            else []
        ),
    output:
        "results/correlation/ablations.parquet",
    log:
        "results/logs/ablate_methods.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
        corpora=list(SETTINGS.corpora),
        extractions={
            name: {
                "site": row.sites[0],
                "pooling": row.pooling,
                "special_tokens": row.special_tokens,
                "dtype": row.dtype,
            }
            for name, row in SETTINGS.extractions.items()
        },
        confidence=SETTINGS.file.statistics.confidence,
    message:
        "Correlating again under other settings"
    script:
        "../scripts/ablate_methods.py"
