# Figures: what goes into a paper and into the report, as SVG and PDF.
#
# in:  results/alignment/, results/neurons/, results/controls/, results/correlation/,
#      results/benchmarks/, results/transfer/, results/fine_tuning/
# out: results/figures/**.{svg,pdf}


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


rule plot_training:
    """Loss of one fine-tuning by step."""
    input:
        "results/fine_tuning/{model}/{task}/manifest.json",
    output:
        report(
            "results/figures/{model}/training.{task}.svg",
            caption="../report/training.rst",
            category="3 Downstream",
            subcategory="{model}",
            labels={"model": "{model}", "result": "training on {task}"},
        ),
        "results/figures/{model}/training.{task}.pdf",
    log:
        "results/logs/plot_training/{model}/{task}.log",
    wildcard_constraints:
        task=one_of(tasks_of("nli")),
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Drawing the fine-tuning of {wildcards.model} on {wildcards.task}"
    script:
        "../scripts/plot_training.py"


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


rule plot_differences:
    """How much better NASCA correlates than the other methods."""
    input:
        "results/correlation/differences.parquet",
    output:
        report(
            "results/figures/differences/{corpus}/{extraction}.svg",
            caption="../report/differences.rst",
            category="3 Downstream",
            labels={
                "corpus": "{corpus}",
                "extraction": "{extraction}",
                "result": "differences between methods",
            },
        ),
        "results/figures/differences/{corpus}/{extraction}.pdf",
    log:
        "results/logs/plot_differences/{corpus}/{extraction}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Drawing the differences between methods on {wildcards.corpus}"
    script:
        "../scripts/plot_differences.py"


rule plot_claim:
    """What each correlation could have shown: noise ceiling, power, published value."""
    input:
        "results/correlation/claim.parquet",
    output:
        report(
            "results/figures/claim.svg",
            caption="../report/claim.rst",
            category="3 Downstream",
            labels={"result": "how far the claim can be tested"},
        ),
        "results/figures/claim.pdf",
    log:
        "results/logs/plot_claim.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Drawing how far the claim can be tested"
    script:
        "../scripts/plot_claim.py"


rule plot_predictions:
    """What one model will score in every language, on one task."""
    input:
        fits="results/correlation/fits.parquet",
        predictions="results/correlation/predictions.parquet",
    output:
        report(
            f"results/figures/{RUN}/predictions.{{task}}.{{metric}}.svg",
            caption="../report/predictions.rst",
            category="3 Downstream",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "predictions of {task}, {metric}"},
        ),
        f"results/figures/{RUN}/predictions.{{task}}.{{metric}}.pdf",
    log:
        f"results/logs/plot_predictions/{RUN}/{{task}}.{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Drawing the predictions of {wildcards.task} for {wildcards.model}"
    script:
        "../scripts/plot_predictions.py"


rule plot_ablations:
    """The correlation with one task under other settings."""
    input:
        "results/correlation/ablations.parquet",
    output:
        report(
            "results/figures/{model}/{corpus}/ablations.{task}.{metric}.svg",
            caption="../report/ablations.rst",
            category="3 Downstream",
            subcategory="{model}",
            labels={
                "model": "{model}",
                "corpus": "{corpus}",
                "result": "ablations of {task}, {metric}",
            },
        ),
        "results/figures/{model}/{corpus}/ablations.{task}.{metric}.pdf",
    log:
        "results/logs/plot_ablations/{model}/{corpus}/{task}.{metric}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Drawing the ablations of {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/plot_ablations.py"
