# Benchmarks: accuracy per language from test sets, run here or brought by the user.
#
# in:  config/tasks.tsv, resources/models/<model>/model.json, a folder of task files of one's own,
#      a table of scores or a folder of results of lm-evaluation-harness
# out: results/harness/<model>/<task>/manifest.json    the handle of what the harness found
#      results/benchmarks/<model>/<task>.parquet       its scores per language
#      results/items/<model>/<task>.parquet            and a row per item
#      results/benchmarks/<task>.parquet               scores that were measured elsewhere


rule evaluate_harness:
    """Run a task of lm-evaluation-harness in every language that has it."""
    input:
        task_files,
        model="resources/models/{model}/model.json",
    output:
        "results/harness/{model}/{task}/manifest.json",
    log:
        "results/logs/evaluate_harness/{model}/{task}.log",
    benchmark:
        "results/timings/evaluate_harness/{model}/{task}.tsv"
    wildcard_constraints:
        task=one_of(tasks_of("harness")),
    conda:
        "../../envs/models.yaml"
    threads: 16
    resources:
        **MODEL_GPU,
        mem_mb=model_request("mem_mb"),
        runtime=model_request("runtime"),
    params:
        # only what is new is evaluated: each language has a record of its own
        row=lambda wildcards: SETTINGS.tasks[wildcards.task].model_dump(
            exclude=SHOWN | {"metric"}
        ),
        languages=list(PLAN.languages),
        version=[FORMAT, HARNESS_VERSION],
    message:
        "Evaluating {wildcards.model} on {wildcards.task}"
    script:
        "../scripts/evaluate_harness.py"


rule score_harness:
    """Score of every language with its interval, and the items behind it."""
    input:
        "results/harness/{model}/{task}/manifest.json",
    output:
        scores="results/benchmarks/{model}/{task}.parquet",
        per_item="results/items/{model}/{task}.parquet",
    log:
        "results/logs/score_harness/{model}/{task}.log",
    wildcard_constraints:
        task=one_of(tasks_of("harness")),
    conda:
        "../../envs/analysis.yaml"
    params:
        row=lambda wildcards: SETTINGS.tasks[wildcards.task].model_dump(),
        confidence=SETTINGS.file.statistics.confidence,
    message:
        "Scoring {wildcards.task} of {wildcards.model}"
    script:
        "../scripts/score_harness.py"


rule read_scores:
    """Bring scores that were measured elsewhere into the common form."""
    input:
        lambda wildcards: score_files(SETTINGS.tasks[wildcards.task]),
    output:
        "results/benchmarks/{task}.parquet",
    log:
        "results/logs/read_scores/{task}.log",
    wildcard_constraints:
        task=one_of(tasks_of("scores")),
    priority: INPUTS_FIRST
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        row=lambda wildcards: SETTINGS.tasks[wildcards.task].model_dump(exclude=SHOWN),
        # names under which the models of the run may stand in the file
        models={
            name: row.model_dump(include={"model", "source", "location", "aliases"})
            for name, row in SETTINGS.models.items()
        },
        confidence=SETTINGS.file.statistics.confidence,
    message:
        "Reading the scores of {wildcards.task}"
    script:
        "../scripts/read_scores.py"
