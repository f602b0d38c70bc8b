# Which files a rule needs, where they depend on the plan.


def source_texts(wildcards):
    """The user's own files that a language is read from."""
    return PLAN.reader(wildcards.corpus).files(wildcards.language)


def source_weights(wildcards):
    """The user's own files that a snapshot is made from."""
    return source_files(SETTINGS.models[wildcards.model])


def corpus_texts(wildcards):
    """The text of every language of a corpus."""
    return [
        f"resources/corpora/{wildcards.corpus}/{language}.txt"
        for language in PLAN.stored_languages(wildcards.corpus)
    ]


def corpus_sides(wildcards):
    """The text of every language of a corpus, with its own pivot side in a corpus of pairs."""
    return texts_of(wildcards.corpus, PLAN.stored_languages(wildcards.corpus))


def texts_of(corpus, languages):
    """The texts of some languages, each with its own pivot side in a corpus of pairs."""
    sides = ["", ".pivot"] if corpus in PAIRS else [""]
    return [
        f"resources/corpora/{corpus}/{language}{side}.txt"
        for language in languages
        for side in sides
    ]


def shard_texts(wildcards):
    """The texts of a shard."""
    return texts_of(
        wildcards.corpus, PLAN.corpus_shards(wildcards.corpus)[wildcards.shard]
    )


def language_stores(wildcards):
    """The activation stores of all languages of a model, corpus and extraction."""
    folder = f"results/activations/{wildcards.model}/{wildcards.corpus}/{wildcards.extraction}"
    return expand(
        f"{folder}/shard.{{name}}.json", name=PLAN.corpus_shards(wildcards.corpus)
    )


def alignment_scores(wildcards):
    """The alignment scores of every model, corpus and extraction."""
    return [
        "results/alignment/{}/{}/{}/scores.parquet".format(*run) for run in PLAN.runs()
    ]


def base_runs(path):
    """This path of every model and corpus, with the extraction that ablations start from."""
    return expand(
        path,
        model=SETTINGS.models,
        corpus=SETTINGS.corpora,
        extraction=BASE_EXTRACTION,
    )


def task_shard(wildcards):
    """The languages of a shard of a task."""
    return PLAN.task_shards(wildcards.task)[wildcards.shard]


def probe_files(wildcards):
    """The user's own files that a shard's questions are read from: its own and the pivot's."""
    if SETTINGS.tasks[wildcards.task].kind == "facts":
        return []
    codes = dict.fromkeys([*task_shard(wildcards), SETTINGS.pivot])
    return [PLAN.task_file(wildcards.task, code) for code in codes]


def language_rankings(wildcards):
    """The rankings of a model in every language, for one task."""
    folder = f"results/rankings/{wildcards.model}/{wildcards.task}"
    return expand(
        f"{folder}/shard.{{name}}.json", name=PLAN.task_shards(wildcards.task)
    )


def task_files(wildcards):
    """The harness task files of a user's own, if the task names a folder."""
    location = SETTINGS.tasks[wildcards.task].location
    return harness_files(location) if location else []


def source_pairs(wildcards):
    """The user's own files that the pairs of a language are read from."""
    return evaluation_files(
        SETTINGS.tasks[wildcards.task],
        wildcards.language,
        SETTINGS.languages,
        SETTINGS.pivot,
    )


def predictions(wildcards):
    """The predictions of a fine-tuned model in every language of a task."""
    folder = f"results/nli/{wildcards.model}/{wildcards.task}"
    return expand(
        f"{folder}/shard.{{name}}.json", name=PLAN.task_shards(wildcards.task)
    )


def shard_pairs(wildcards):
    """The prepared pairs of a shard."""
    return [
        f"resources/tasks/{wildcards.task}/{language}.tsv"
        for language in task_shard(wildcards)
    ]


def downstream_scores(wildcards):
    """Every tidy table of downstream scores; a user's own table is not of one model."""
    return [
        f"results/{folder}/{model}/{task}.parquet"
        for task, row in SETTINGS.tasks.items()
        if row.kind != "scores"
        for folder in row.scored
        for model in SETTINGS.models
    ] + [f"results/benchmarks/{task}.parquet" for task in tasks_of("scores")]


def task_items():
    """The values behind the scores of every task that is run here."""
    return [
        f"results/items/{model}/{task}.parquet"
        for task, row in SETTINGS.tasks.items()
        if row.kind != "scores"
        for model in SETTINGS.models
    ]


def task_pairs():
    """The consistency of all pairs of languages, of the tasks that have it."""
    return [
        f"results/transfer/{model}/{task}.pairs.parquet"
        for task in tasks_of("facts", "bmlama")
        for model in SETTINGS.models
    ]
