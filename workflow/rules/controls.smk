# Controls: what could give high scores without any alignment.
#
# in:  resources/corpora/<corpus>/, results/activations/, results/alignment/
# out: results/controls/<corpus>/lexical.parquet       what spelling alone retrieves
#      results/controls/<model>/<corpus>/<extraction>/
#        fertility.parquet     tokens per sentence, word and character
#        pool.parquet          scores in smaller pools, and with re-paired translations
#        subsets.parquet       the score of every such pool by itself


rule measure_lexical_floor:
    """Retrieve translations by character n-grams alone."""
    input:
        corpus_sides,
    output:
        "results/controls/{corpus}/lexical.parquet",
    log:
        "results/logs/measure_lexical_floor/{corpus}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
    message:
        "Retrieving translations in {wildcards.corpus} by their spelling"
    script:
        "../scripts/measure_lexical_floor.py"


rule measure_fertility:
    """Count the tokens of every language, relative to the pivot."""
    input:
        stores=language_stores,
        texts=corpus_sides,
    output:
        "results/controls/{model}/{corpus}/{extraction}/fertility.parquet",
    log:
        "results/logs/measure_fertility/{model}/{corpus}/{extraction}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
    message:
        "Counting the tokens of {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/measure_fertility.py"


rule vary_pool:
    """Score subsets of the sentences, with true and with re-paired translations."""
    input:
        "results/alignment/{model}/{corpus}/{extraction}/manifest.json",
    output:
        "results/controls/{model}/{corpus}/{extraction}/pool.parquet",
        "results/controls/{model}/{corpus}/{extraction}/subsets.parquet",
    log:
        "results/logs/vary_pool/{model}/{corpus}/{extraction}.log",
    benchmark:
        "results/timings/vary_pool/{model}/{corpus}/{extraction}.tsv"
    conda:
        "../../envs/analysis.yaml"
    message:
        "Varying the pool of {wildcards.corpus} in {wildcards.model}"
    script:
        "../scripts/vary_pool.py"
