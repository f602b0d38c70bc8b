# Alignment: all languages of a store compared with one another, layer by layer.
#
# in:  results/activations/<model>/<corpus>/<extraction>/shard.<number>.json
# out: results/alignment/<model>/<corpus>/<extraction>/manifest.json, the handle of alignment.zarr
#      results/alignment/<model>/<corpus>/<extraction>/scores.parquet, pairs with the pivot
#      results/alignment/<model>/<corpus>/<extraction>/pairs.parquet, all pairs


rule align_languages:
    """Rank the true translations of all language pairs and measure their alignment."""
    input:
        language_stores,
    output:
        manifest="results/alignment/{model}/{corpus}/{extraction}/manifest.json",
        scores="results/alignment/{model}/{corpus}/{extraction}/scores.parquet",
        pairs="results/alignment/{model}/{corpus}/{extraction}/pairs.parquet",
    log:
        "results/logs/align_languages/{model}/{corpus}/{extraction}.log",
    benchmark:
        "results/timings/align_languages/{model}/{corpus}/{extraction}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 16
    resources:
        **REDUCTION_GPU,
        mem_mb=reduction_request("mem_mb"),
        runtime=reduction_request("runtime"),
    params:
        pivot=SETTINGS.pivot,
        layout=lambda wildcards: SETTINGS.corpora[wildcards.corpus].layout,
        keep_similarities=SETTINGS.file.alignment.keep_similarities,
        measures=SETTINGS.file.alignment.measures,
        layers=SETTINGS.file.alignment.layers,
        confidence=SETTINGS.file.statistics.confidence,
        version=[FORMAT, ALIGNMENT_VERSION],
    message:
        "Aligning {wildcards.corpus} in {wildcards.model}"
    script:
        "../scripts/align_languages.py"
