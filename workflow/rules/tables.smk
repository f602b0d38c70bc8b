# Tables: what goes into a paper and into the report, as CSV, Markdown, LaTeX and HTML.
#
# in:  results/alignment/, results/neurons/, results/controls/
# out: results/tables/**.{csv,md,tex,html}


# seconds each: on a cluster they run where it is started
localrules:
    tabulate_inputs,
    tabulate_scores,
    tabulate_run,
    tabulate_neurons,
    tabulate_controls,


rule tabulate_inputs:
    """What the run started from: models with their licences, texts with their checks."""
    input:
        models=expand("resources/models/{model}/model.json", model=SETTINGS.models),
        corpora=expand(
            "resources/corpora/{corpus}/corpus.json", corpus=SETTINGS.corpora
        ),
    output:
        report(
            "results/tables/models.html",
            caption="../report/models_table.rst",
            category="0 Inputs",
            labels={"result": "table of models"},
        ),
        report(
            "results/tables/texts.html",
            caption="../report/texts_table.rst",
            category="0 Inputs",
            labels={"result": "table of texts"},
        ),
        table("models")[:-1],
        table("texts")[:-1],
    log:
        "results/logs/tabulate_inputs.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Writing the tables of models and texts"
    script:
        "../scripts/tabulate_inputs.py"


rule tabulate_scores:
    """One row per model and method: means, extremes and the layer of the peak."""
    input:
        alignment_scores,
    output:
        report(
            "results/tables/scores.html",
            caption="../report/scores_table.rst",
            category="1 Alignment",
            labels={"result": "table of all runs"},
        ),
        table("scores")[:-1],
    log:
        "results/logs/tabulate_scores.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        sites={name: row.sites[0] for name, row in SETTINGS.extractions.items()},
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Writing the table of scores"
    script:
        "../scripts/tabulate_scores.py"


rule tabulate_run:
    """Scores per language, retrieval by direction, and every measure, of one run."""
    input:
        scores=f"results/alignment/{RUN}/scores.parquet",
    output:
        report(
            f"results/tables/{RUN}/languages.html",
            caption="../report/languages_table.rst",
            category="1 Alignment",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "table of languages"},
        ),
        report(
            f"results/tables/{RUN}/retrieval.html",
            caption="../report/retrieval_table.rst",
            category="2 Retrieval",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "table of retrieval"},
        ),
        report(
            f"results/tables/{RUN}/measures.html",
            caption="../report/measures_table.rst",
            category="1 Alignment",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "table of measures"},
        ),
        table(f"{RUN}/languages")[:-1],
        table(f"{RUN}/retrieval")[:-1],
        table(f"{RUN}/measures")[:-1],
    log:
        f"results/logs/tabulate_run/{RUN}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        site=lambda wildcards: SETTINGS.extractions[wildcards.extraction].sites[0],
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Writing the tables of {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/tabulate_run.py"


rule tabulate_neurons:
    """Neurons by layer and by language, of one run."""
    input:
        neurons=f"results/neurons/{RUN}/neurons.parquet",
        languages=f"results/neurons/{RUN}/languages.parquet",
        overlap=f"results/neurons/{RUN}/overlap.parquet",
    output:
        report(
            f"results/tables/{RUN}/neurons.html",
            caption="../report/neurons_table.rst",
            category="4 Neurons",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "table of layers"},
        ),
        report(
            f"results/tables/{RUN}/specific_neurons.html",
            caption="../report/specific_neurons_table.rst",
            category="4 Neurons",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "table of languages"},
        ),
        table(f"{RUN}/neurons")[:-1],
        table(f"{RUN}/specific_neurons")[:-1],
    log:
        f"results/logs/tabulate_neurons/{RUN}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        labels=LABELS,
    message:
        "Writing the tables of the neurons of {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/tabulate_neurons.py"


rule tabulate_controls:
    """Scores beside the lexical floor and the tokens of each language, of one run."""
    input:
        scores=f"results/alignment/{RUN}/scores.parquet",
        lexical="results/controls/{corpus}/lexical.parquet",
        fertility=f"results/controls/{RUN}/fertility.parquet",
    output:
        report(
            f"results/tables/{RUN}/controls.html",
            caption="../report/controls_table.rst",
            category="5 Controls",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "table of controls"},
        ),
        table(f"{RUN}/controls")[:-1],
    log:
        f"results/logs/tabulate_controls/{RUN}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        site=lambda wildcards: SETTINGS.extractions[wildcards.extraction].sites[0],
        labels=LABELS,
    message:
        "Writing the table of controls of {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/tabulate_controls.py"
