# Transfer: fine-tuned on English pairs, evaluated in every language without a pair of its own.
#
# in:  config/tasks.tsv, the folder or data set that it names, resources/models/<model>/model.json
# out: resources/tasks/<task>/{training,<language>}.{tsv,json}             pairs, and what was left out
#      results/fine_tuning/<model>/<task>/manifest.json, the handle of the weights and curve.parquet
#      results/nli/<model>/<task>/shard.<number>.json, the record of a shard
#      and .../<language>/manifest.json, the handle of predictions.parquet
#      results/transfer/<model>/<task>.parquet     accuracy, and its ratio to the pivot's
#      results/items/<model>/<task>.parquet        right or wrong, item by item
#
# A killed fine-tuning goes on from its last checkpoint. One load of the model evaluates every pending
# language; adding one evaluates it alone.


# seconds each: on a cluster they run where it is started
localrules:
    prepare_training_pairs,
    prepare_evaluation_pairs,


rule prepare_training_pairs:
    """Bring the English training pairs into one form."""
    input:
        lambda wildcards: training_files(SETTINGS.tasks[wildcards.task]),
    output:
        pairs="resources/tasks/{task}/training.tsv",
        record="resources/tasks/{task}/training.json",
    log:
        "results/logs/prepare_training_pairs/{task}.log",
    wildcard_constraints:
        task=one_of(tasks_of("nli")),
    priority: INPUTS_FIRST
    conda:
        "../../envs/models.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        row=lambda wildcards: SETTINGS.tasks[wildcards.task].model_dump(
            include={"task", "kind", "location", "training", "codes", "seed"}
        ),
        pivot=SETTINGS.pivot,
    message:
        "Reading the training pairs of {wildcards.task}"
    script:
        "../scripts/prepare_pairs.py"


use rule prepare_training_pairs as prepare_evaluation_pairs with:
    input:
        source_pairs,
    output:
        pairs="resources/tasks/{task}/{language}.tsv",
        record="resources/tasks/{task}/{language}.json",
    log:
        "results/logs/prepare_evaluation_pairs/{task}/{language}.log",
    params:
        languages=str(SETTINGS.file.sheets.languages),
        # the list of languages is left out: adding one reads no other again
        row=lambda wildcards: SETTINGS.tasks[wildcards.task].model_dump(
            exclude=SHOWN | {"languages", "training"}
        )
        | {"training": "-"},
        pivot=SETTINGS.pivot,
    message:
        "Reading the pairs of {wildcards.task} in {wildcards.language}"


rule fine_tune:
    """Fine-tune a model on the English pairs of one task."""
    input:
        model="resources/models/{model}/model.json",
        pairs="resources/tasks/{task}/training.tsv",
    output:
        "results/fine_tuning/{model}/{task}/manifest.json",
    log:
        "results/logs/fine_tune/{model}/{task}.log",
    benchmark:
        "results/timings/fine_tune/{model}/{task}.tsv"
    wildcard_constraints:
        task=one_of(tasks_of("nli")),
    conda:
        "../../envs/models.yaml"
    threads: 16
    resources:
        **MODEL_GPU,
        mem_mb=model_request("mem_mb", SETTINGS.file.fine_tuning.method),
        runtime=model_request("runtime", SETTINGS.file.fine_tuning.method),
    params:
        # how often it is saved changes no weight
        recipe=SETTINGS.file.fine_tuning.model_dump(exclude={"checkpoint_steps"}),
        seed=lambda wildcards: SETTINGS.tasks[wildcards.task].seed,
        version=[FORMAT, TRAINING_VERSION],
    message:
        "Fine-tuning {wildcards.model} on {wildcards.task}"
    script:
        "../scripts/fine_tune.py"


rule evaluate_pairs:
    """Let a fine-tuned model judge the pairs of some languages."""
    input:
        model="resources/models/{model}/model.json",
        tuned="results/fine_tuning/{model}/{task}/manifest.json",
        training="resources/tasks/{task}/training.tsv",
        pairs=shard_pairs,
    output:
        "results/nli/{model}/{task}/shard.{shard}.json",
    log:
        "results/logs/evaluate_pairs/{model}/{task}/{shard}.log",
    benchmark:
        "results/timings/evaluate_pairs/{model}/{task}/{shard}.tsv"
    wildcard_constraints:
        task=one_of(tasks_of("nli")),
    conda:
        "../../envs/models.yaml"
    threads: 16
    resources:
        **MODEL_GPU,
        mem_mb=model_request("mem_mb"),
        runtime=model_request("runtime"),
    params:
        version=[FORMAT, EVALUATION_VERSION],
    message:
        "Evaluating {wildcards.model} on {wildcards.task}, shard {wildcards.shard}"
    script:
        "../scripts/evaluate_pairs.py"


rule score_transfer:
    """Accuracy of every language, and its ratio to the pivot's."""
    input:
        predictions,
    output:
        scores="results/transfer/{model}/{task}.parquet",
        per_item="results/items/{model}/{task}.parquet",
    log:
        "results/logs/score_transfer/{model}/{task}.log",
    wildcard_constraints:
        task=one_of(tasks_of("nli")),
    conda:
        "../../envs/analysis.yaml"
    params:
        pivot=SETTINGS.pivot,
        confidence=SETTINGS.file.statistics.confidence,
        resamples=SETTINGS.file.statistics.resamples,
        seed=SETTINGS.file.statistics.seed,
    message:
        "Scoring {wildcards.task} of {wildcards.model}"
    script:
        "../scripts/score_transfer.py"
