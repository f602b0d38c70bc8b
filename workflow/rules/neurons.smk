# Neurons: which languages activate each of them, and whether translations agree in it.
#
# in:  results/activations/<model>/<corpus>/<extraction>/shard.<number>.json
# out: results/neurons/<model>/<corpus>/<extraction>/
#        neurons.parquet         a row per neuron
#        languages.parquet       a row per language and layer
#        overlap.parquet         a row per pair of languages
#        specific_neurons.json   the neurons that LAPE selects, by language and layer


rule census_neurons:
    """Count in how many languages each neuron is active, and how it agrees over translations."""
    input:
        language_stores,
    output:
        neurons="results/neurons/{model}/{corpus}/{extraction}/neurons.parquet",
        languages="results/neurons/{model}/{corpus}/{extraction}/languages.parquet",
        overlap="results/neurons/{model}/{corpus}/{extraction}/overlap.parquet",
        specific="results/neurons/{model}/{corpus}/{extraction}/specific_neurons.json",
    log:
        "results/logs/census_neurons/{model}/{corpus}/{extraction}.log",
    benchmark:
        "results/timings/census_neurons/{model}/{corpus}/{extraction}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 16
    resources:
        mem_mb=reduction_request("mem_mb"),
        runtime=reduction_request("runtime"),
    params:
        pivot=SETTINGS.pivot,
        layout=lambda wildcards: SETTINGS.corpora[wildcards.corpus].layout,
        sites=lambda wildcards: SETTINGS.extractions[wildcards.extraction].sites,
    message:
        "Counting the neurons of {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/census_neurons.py"
