# Downstream: what the models can do in each language, as tidy tables with the same columns.
#
# in:  config/tasks.tsv, resources/models/<model>/model.json, or a user's own table of scores
# out: results/facts/<model>/<task>/<language>/manifest.json, the handle of rankings.parquet
#      results/benchmarks/<model>/<task>.parquet     accuracy per language
#      results/transfer/<model>/<task>.parquet       consistency with the pivot (RankC) per language
#      results/benchmarks/<task>.parquet             a user's own scores


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
        task=one_of(FACTS),
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
        task=one_of(FACTS),
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


rule read_scores:
    """Bring a user's own table of scores into the common form."""
    input:
        lambda wildcards: SETTINGS.tasks[wildcards.task].location,
    output:
        "results/benchmarks/{task}.parquet",
    log:
        "results/logs/read_scores/{task}.log",
    wildcard_constraints:
        task=one_of(SCORES),
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        row=lambda wildcards: SETTINGS.tasks[wildcards.task].model_dump(),
    message:
        "Reading the scores of {wildcards.task}"
    script:
        "../scripts/read_scores.py"
