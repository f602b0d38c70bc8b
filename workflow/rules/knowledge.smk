# Knowledge: which of several answers a model finds likeliest, language by language.
#
# in:  config/tasks.tsv, resources/models/<model>/model.json, a user's own folder of cloze questions
# out: results/rankings/<model>/<task>/shard.<number>.json, the record of a shard
#      and .../<language>/manifest.json, the handle of the rankings beside it
#      results/benchmarks/<model>/<task>.parquet         accuracy per language
#      results/transfer/<model>/<task>.parquet           consistency with the pivot per language
#      results/transfer/<model>/<task>.pairs.parquet     consistency of every pair of languages
#      results/items/<model>/<task>.parquet              what stands behind each score, by item
#
# A job takes the languages of a shard through one load of the model; what is complete stays as it is.


rule rank_candidates:
    """Let a model rank the candidate answers of every question in some languages."""
    input:
        model="resources/models/{model}/model.json",
        files=probe_files,
    output:
        "results/rankings/{model}/{task}/shard.{shard}.json",
    log:
        "results/logs/rank_candidates/{model}/{task}/{shard}.log",
    benchmark:
        "results/timings/rank_candidates/{model}/{task}/{shard}.tsv"
    wildcard_constraints:
        task=one_of(tasks_of("facts", "bmlama")),
    conda:
        "../../envs/models.yaml"
    threads: 16
    resources:
        **MODEL_GPU,
        mem_mb=model_request("mem_mb"),
        runtime=model_request("runtime"),
    params:
        task=lambda wildcards: SETTINGS.tasks[wildcards.task].model_dump(exclude=SHOWN),
        bcp47=lambda wildcards: [
            SETTINGS.languages[code].bcp47 for code in task_shard(wildcards)
        ],
        version=[FORMAT, RANKINGS_VERSION],
    message:
        "Asking {wildcards.model} for {wildcards.task}, shard {wildcards.shard}"
    script:
        "../scripts/rank_candidates.py"


rule score_rankings:
    """Accuracy of every language, and its consistency with the pivot and with every other."""
    input:
        language_rankings,
    output:
        accuracy="results/benchmarks/{model}/{task}.parquet",
        transfer="results/transfer/{model}/{task}.parquet",
        pairs="results/transfer/{model}/{task}.pairs.parquet",
        per_item="results/items/{model}/{task}.parquet",
    log:
        "results/logs/score_rankings/{model}/{task}.log",
    wildcard_constraints:
        task=one_of(tasks_of("facts", "bmlama")),
    conda:
        "../../envs/analysis.yaml"
    params:
        kind=lambda wildcards: SETTINGS.tasks[wildcards.task].kind,
        relation=lambda wildcards: SETTINGS.tasks[wildcards.task].relation,
        metrics=lambda wildcards: SETTINGS.tasks[wildcards.task].scored["transfer"],
        pivot=SETTINGS.pivot,
        statistics=SETTINGS.file.statistics.model_dump(
            include={"confidence", "resamples", "seed"}
        ),
    message:
        "Scoring {wildcards.task} of {wildcards.model}"
    script:
        "../scripts/score_rankings.py"
