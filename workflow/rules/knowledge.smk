# Knowledge: which of several answers a model finds likeliest, language by language.
#
# in:  config/tasks.tsv, resources/models/<model>/model.json
# out: results/facts/<model>/<task>/<language>/manifest.json, the handle of rankings.parquet
#      results/benchmarks/<model>/<task>.parquet     accuracy per language
#      results/transfer/<model>/<task>.parquet       consistency with the pivot (RankC) per language


rule answer_facts:
    """Let a model rank the candidate answers of every question in one language."""
    input:
        "resources/models/{model}/model.json",
    output:
        "results/facts/{model}/{task}/{language}/manifest.json",
    log:
        "results/logs/answer_facts/{model}/{task}/{language}.log",
    benchmark:
        "results/timings/answer_facts/{model}/{task}/{language}.tsv"
    wildcard_constraints:
        task=one_of(tasks_of("facts")),
    conda:
        "../../envs/models.yaml"
    threads: 16
    params:
        task=lambda wildcards: SETTINGS.tasks[wildcards.task].model_dump(exclude=SHOWN),
        bcp47=lambda wildcards: SETTINGS.languages[wildcards.language].bcp47,
    message:
        "Asking {wildcards.model} for {wildcards.task} in {wildcards.language}"
    script:
        "../scripts/answer_facts.py"


rule score_facts:
    """Accuracy of every language, and its consistency with the pivot."""
    input:
        fact_rankings,
    output:
        accuracy="results/benchmarks/{model}/{task}.parquet",
        consistency="results/transfer/{model}/{task}.parquet",
    log:
        "results/logs/score_facts/{model}/{task}.log",
    wildcard_constraints:
        task=one_of(tasks_of("facts")),
    conda:
        "../../envs/analysis.yaml"
    params:
        relation=lambda wildcards: SETTINGS.tasks[wildcards.task].relation,
        pivot=SETTINGS.pivot,
        confidence=SETTINGS.file.statistics.confidence,
    message:
        "Scoring {wildcards.task} of {wildcards.model}"
    script:
        "../scripts/score_facts.py"
