# Output: the tables and figures of a paper, and the report.
#
# in:  results/alignment/, results/neurons/, results/controls/, results/correlation/,
#      results/benchmarks/, results/transfer/
# out: results/tables/**.{csv,md,tex,html}, results/figures/**.{svg,pdf}

RUN = "{model}/{corpus}/{extraction}"
LABELS = {
    "models": {name: row.label for name, row in SETTINGS.models.items()},
    "tasks": {name: row.label for name, row in SETTINGS.tasks.items()},
    "corpora": {name: row.label for name, row in SETTINGS.corpora.items()},
}
RUN_LABELS = {"model": "{model}", "corpus": "{corpus}", "extraction": "{extraction}"}


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


rule tabulate_downstream:
    """Task scores per language, and their correlations with alignment."""
    input:
        downstream=downstream_scores,
        correlations="results/correlation/correlations.parquet",
    output:
        report(
            "results/tables/downstream.html",
            caption="../report/downstream_table.rst",
            category="3 Downstream",
            labels={"result": "table of task scores"},
        ),
        report(
            "results/tables/correlations.html",
            caption="../report/correlations_table.rst",
            category="3 Downstream",
            labels={"result": "table of correlations"},
        ),
        table("downstream")[:-1],
        table("correlations")[:-1],
    log:
        "results/logs/tabulate_downstream.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        labels=LABELS,
    message:
        "Writing the tables of task scores and correlations"
    script:
        "../scripts/tabulate_downstream.py"


rule plot_run:
    """Layer curves, heat-maps of language pairs, and retrieval by direction, of one run."""
    input:
        scores=f"results/alignment/{RUN}/scores.parquet",
        pairs=f"results/alignment/{RUN}/pairs.parquet",
    output:
        report(
            f"results/figures/{RUN}/layer_curves.svg",
            caption="../report/layer_curves.rst",
            category="1 Alignment",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "layer curves"},
        ),
        report(
            f"results/figures/{RUN}/heatmap.svg",
            caption="../report/heatmap.rst",
            category="1 Alignment",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "language pairs"},
        ),
        report(
            f"results/figures/{RUN}/clusters.svg",
            caption="../report/clusters.rst",
            category="1 Alignment",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "language pairs, clustered"},
        ),
        report(
            f"results/figures/{RUN}/retrieval.svg",
            caption="../report/retrieval.rst",
            category="2 Retrieval",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "retrieval"},
        ),
        expand(
            f"results/figures/{RUN}/{{figure}}.pdf",
            figure=["layer_curves", "heatmap", "clusters", "retrieval"],
            allow_missing=True,
        ),
    log:
        f"results/logs/plot_run/{RUN}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        site=lambda wildcards: SETTINGS.extractions[wildcards.extraction].sites[0],
        labels=LABELS,
    message:
        "Drawing {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/plot_run.py"


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


rule plot_neurons:
    """Neurons by layer, of one run."""
    input:
        neurons=f"results/neurons/{RUN}/neurons.parquet",
        languages=f"results/neurons/{RUN}/languages.parquet",
    output:
        report(
            f"results/figures/{RUN}/neurons.svg",
            caption="../report/neurons.rst",
            category="4 Neurons",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "neurons by layer"},
        ),
        f"results/figures/{RUN}/neurons.pdf",
    log:
        f"results/logs/plot_neurons/{RUN}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Drawing the neurons of {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/plot_neurons.py"


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


rule plot_lexical_floor:
    """Alignment against what spelling alone retrieves, of one run."""
    input:
        scores=f"results/alignment/{RUN}/scores.parquet",
        lexical="results/controls/{corpus}/lexical.parquet",
    output:
        report(
            f"results/figures/{RUN}/lexical.svg",
            caption="../report/lexical.rst",
            category="5 Controls",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "lexical floor"},
        ),
        f"results/figures/{RUN}/lexical.pdf",
    log:
        f"results/logs/plot_lexical_floor/{RUN}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        site=lambda wildcards: SETTINGS.extractions[wildcards.extraction].sites[0],
        labels=LABELS,
    message:
        "Drawing {wildcards.model} against the spelling of {wildcards.corpus}"
    script:
        "../scripts/plot_lexical_floor.py"


rule plot_pool:
    """Scores against the number of sentences, of one run."""
    input:
        f"results/controls/{RUN}/pool.parquet",
    output:
        report(
            f"results/figures/{RUN}/pool.svg",
            caption="../report/pool.rst",
            category="5 Controls",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "number of sentences"},
        ),
        f"results/figures/{RUN}/pool.pdf",
    log:
        f"results/logs/plot_pool/{RUN}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        site=lambda wildcards: SETTINGS.extractions[wildcards.extraction].sites[0],
        labels=LABELS,
    message:
        "Drawing {wildcards.model} on smaller pools of {wildcards.corpus}"
    script:
        "../scripts/plot_pool.py"


rule plot_scatter:
    """Alignment against one task, a panel per method."""
    input:
        methods="results/correlation/methods.parquet",
        downstream=downstream_scores,
    output:
        report(
            f"results/figures/{RUN}/scatter.{{task}}.{{metric}}.svg",
            caption="../report/scatter.rst",
            category="3 Downstream",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "{task}, {metric}"},
        ),
        f"results/figures/{RUN}/scatter.{{task}}.{{metric}}.pdf",
    log:
        f"results/logs/plot_scatter/{RUN}/{{task}}.{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Drawing {wildcards.model} against {wildcards.task}"
    script:
        "../scripts/plot_scatter.py"


rule plot_correlations:
    """All correlations with their intervals."""
    input:
        "results/correlation/correlations.parquet",
    output:
        report(
            "results/figures/correlations/{corpus}/{extraction}.svg",
            caption="../report/correlations.rst",
            category="3 Downstream",
            labels={
                "corpus": "{corpus}",
                "extraction": "{extraction}",
                "result": "all correlations",
            },
        ),
        "results/figures/correlations/{corpus}/{extraction}.pdf",
    log:
        "results/logs/plot_correlations/{corpus}/{extraction}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Drawing the correlations on {wildcards.corpus}"
    script:
        "../scripts/plot_correlations.py"
