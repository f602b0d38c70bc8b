# What a run makes: everything that `rule all` asks for.


def of_runs(pattern):
    """A file of every model, corpus and extraction."""
    return [
        pattern.format(model=model, corpus=corpus, extraction=extraction)
        for model, corpus, extraction in PLAN.runs()
    ]


def table(stem):
    """The files of one table."""
    return [f"results/tables/{stem}.{ending}" for ending in TABLE_FORMATS]


def scatter_metrics(task):
    """The metrics of a task, one scatter each."""
    return [
        metric for metrics in SETTINGS.tasks[task].scored.values() for metric in metrics
    ]


def output_tables():
    """Every table of the run."""
    per_run = [
        path
        for run in PLAN.runs()
        for name in (
            "languages",
            "retrieval",
            "measures",
            "neurons",
            "specific_neurons",
            "controls",
        )
        for path in table("{}/{}/{}/{}".format(*run, name))
    ]
    names = ["models", "texts", "scores"]
    if SETTINGS.tasks:
        names += ["downstream", "correlations", "sources", *STATISTICS]
        names += ["fits", "ablations"]
        names += ["{}/{}/{}/predictions".format(*run) for run in PLAN.runs()]
    names += ["mantel"] * bool(task_pairs())
    names += ["published"] * bool(SETTINGS.file.sheets.published)
    return [path for name in names for path in table(name)] + per_run


def output_figures():
    """Every figure of the run."""
    stems = []
    for run in PLAN.runs():
        folder = "{}/{}/{}".format(*run)
        stems += [
            f"{folder}/{name}"
            for name in (
                "layer_curves",
                "heatmap",
                "clusters",
                "retrieval",
                "neurons",
                "lexical",
            )
        ]
        # drawn from the similarities, where they are kept
        stems += [f"{folder}/pool"] * SETTINGS.file.alignment.keep_similarities
        stems += [
            f"{folder}/{name}.{task}.{metric}"
            for name in ("scatter", "predictions")
            for task in SETTINGS.tasks
            for metric in scatter_metrics(task)
        ]
    stems += [
        f"{model}/training.{task}"
        for model in SETTINGS.models
        for task in tasks_of("nli")
    ]
    stems += [
        f"{model}/rankc.{task}"
        for model in SETTINGS.models
        for task in tasks_of("bmlama")
    ]
    if SETTINGS.tasks:
        stems += [
            f"{name}/{corpus}/{extraction}"
            for name in ("correlations", "differences")
            for corpus in SETTINGS.corpora
            for extraction in SETTINGS.extractions
        ]
        stems.append("claim")
        stems += [
            f"{model}/{corpus}/ablations.{task}.{metric}"
            for model in SETTINGS.models
            for corpus in SETTINGS.corpora
            for task in SETTINGS.tasks
            for metric in scatter_metrics(task)
        ]
    return [
        f"results/figures/{stem}.{ending}"
        for stem in stems
        for ending in FIGURE_FORMATS
    ]


def all_results(wildcards):
    """What `rule all` asks for."""
    checked = [f"resources/corpora/{corpus}/corpus.json" for corpus in SETTINGS.corpora]
    return [*checked, *output_tables(), *output_figures(), "results/site/index.html"]
