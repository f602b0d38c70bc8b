# Benchmarks: accuracy per language from test sets, run here or brought by the user.
#
# in:  config/tasks.tsv, a user's own table of scores
# out: results/benchmarks/<task>.parquet             a user's own scores


rule read_scores:
    """Bring a user's own table of scores into the common form."""
    input:
        lambda wildcards: SETTINGS.tasks[wildcards.task].location,
    output:
        "results/benchmarks/{task}.parquet",
    log:
        "results/logs/read_scores/{task}.log",
    wildcard_constraints:
        task=one_of(tasks_of("scores")),
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        row=lambda wildcards: SETTINGS.tasks[wildcards.task].model_dump(),
    message:
        "Reading the scores of {wildcards.task}"
    script:
        "../scripts/read_scores.py"
