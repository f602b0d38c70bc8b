# Figures: what goes into a paper and into the report, as SVG and PDF.
#
# in:  results/alignment/, results/neurons/, results/controls/
# out: results/figures/**.{svg,pdf}


# seconds each: on a cluster they run where it is started
localrules:
    plot_run,
    plot_neurons,
    plot_lexical_floor,
    plot_pool,


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
