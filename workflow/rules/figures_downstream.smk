# Figures of what the models can do, and of how alignment goes with it.
#
# in:  results/fine_tuning/, results/benchmarks/, results/transfer/, results/correlation/
# out: results/figures/**.{svg,pdf}


# seconds each: on a cluster they run where it is started
localrules:
    plot_training,
    plot_consistency,
    plot_scatter,
    plot_correlations,
    plot_differences,
    plot_claim,
    plot_predictions,
    plot_ablations,


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


rule plot_consistency:
    """How alike a model ranks the candidates in every pair of languages."""
    input:
        "results/transfer/{model}/{task}.pairs.parquet",
    output:
        report(
            "results/figures/{model}/rankc.{task}.svg",
            caption="../report/rankc.rst",
            category="3 Downstream",
            subcategory="{model}",
            labels={"model": "{model}", "task": "{task}", "result": "language pairs"},
        ),
        "results/figures/{model}/rankc.{task}.pdf",
    log:
        "results/logs/plot_consistency/{model}/{task}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        labels=LABELS,
    message:
        "Drawing the consistency of {wildcards.model} in {wildcards.task}"
    script:
        "../scripts/plot_consistency.py"


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
