# Benchmarks: accuracy per language from test sets, run here or brought by the user.
#
# in:  config/tasks.tsv, a table of scores or a folder of results of lm-evaluation-harness
# out: results/benchmarks/<task>.parquet             scores that were measured elsewhere


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
