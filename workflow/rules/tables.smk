# Tables: what goes into a paper and into the report, as CSV, Markdown, LaTeX and HTML.
#
# in:  results/alignment/, results/neurons/, results/controls/, results/correlation/,
#      results/benchmarks/, results/transfer/, config/published.tsv
# out: results/tables/**.{csv,md,tex,html}


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
        shots=SHOTS,
        labels=LABELS,
    message:
        "Writing the tables of task scores and correlations"
    script:
        "../scripts/tabulate_downstream.py"


rule tabulate_sources:
    """What each source of a benchmark holds, and how far the sources agree."""
    input:
        downstream_scores,
    output:
        report(
            "results/tables/sources.html",
            caption="../report/sources_table.rst",
            category="3 Downstream",
            labels={"result": "table of sources"},
        ),
        table("sources")[:-1],
    log:
        "results/logs/tabulate_sources.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        benchmarks=BENCHMARKS,
        shots=SHOTS,
        licences={name: row.licence for name, row in SETTINGS.tasks.items()},
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Writing the table of sources"
    script:
        "../scripts/tabulate_sources.py"


rule tabulate_published:
    """Published numbers, and ours for the same quantities with what differs."""
    input:
        published=SETTINGS.file.sheets.published or [],
        scores=alignment_scores,
        methods="results/correlation/methods.parquet",
        downstream=downstream_scores,
        correlations=(
            ["results/correlation/correlations.parquet"] if SETTINGS.tasks else []
        ),
    output:
        report(
            "results/tables/published.html",
            caption="../report/published_table.rst",
            category="6 Published numbers",
            labels={"result": "table beside the papers"},
        ),
        table("published")[:-1],
    log:
        "results/logs/tabulate_published.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        pivot=SETTINGS.pivot,
        sites={name: row.sites[0] for name, row in SETTINGS.extractions.items()},
        poolings={name: row.pooling for name, row in SETTINGS.extractions.items()},
        benchmarks=BENCHMARKS,
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Setting our numbers beside published ones"
    script:
        "../scripts/tabulate_published.py"


rule tabulate_statistics:
    """What stands behind the correlations: averages, differences, controls, families, power."""
    input:
        expand("results/correlation/{name}.parquet", name=STATISTICS),
    output:
        report(
            "results/tables/averages.html",
            caption="../report/averages_table.rst",
            category="3 Downstream",
            labels={"result": "table of averages"},
        ),
        report(
            "results/tables/differences.html",
            caption="../report/differences_table.rst",
            category="3 Downstream",
            labels={"result": "table of differences between methods"},
        ),
        report(
            "results/tables/partial.html",
            caption="../report/partial_table.rst",
            category="3 Downstream",
            labels={"result": "table of partial correlations"},
        ),
        report(
            "results/tables/families.html",
            caption="../report/families_table.rst",
            category="3 Downstream",
            labels={"result": "table of language families"},
        ),
        report(
            "results/tables/claim.html",
            caption="../report/claim_table.rst",
            category="3 Downstream",
            labels={"result": "how far the claim can be tested"},
        ),
        [table(name)[:-1] for name in STATISTICS],
    log:
        "results/logs/tabulate_statistics.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Writing the tables of the statistics over languages"
    script:
        "../scripts/tabulate_statistics.py"


rule tabulate_pairs:
    """Alignment against consistency over all pairs of languages."""
    input:
        "results/correlation/mantel.parquet",
    output:
        report(
            "results/tables/mantel.html",
            caption="../report/mantel_table.rst",
            category="3 Downstream",
            labels={"result": "table of tests over pairs"},
        ),
        table("mantel")[:-1],
    log:
        "results/logs/tabulate_pairs.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=LABELS,
    message:
        "Writing the table of tests over pairs"
    script:
        "../scripts/tabulate_statistics.py"


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


rule tabulate_predictions:
    """What one model will score in every language, of one run."""
    input:
        fits="results/correlation/fits.parquet",
        predictions="results/correlation/predictions.parquet",
    output:
        report(
            f"results/tables/{RUN}/predictions.html",
            caption="../report/predictions_table.rst",
            category="3 Downstream",
            subcategory="{model}",
            labels={**RUN_LABELS, "result": "table of predictions"},
        ),
        table(f"{RUN}/predictions")[:-1],
    log:
        f"results/logs/tabulate_predictions/{RUN}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Writing the predictions of {wildcards.model} on {wildcards.corpus}"
    script:
        "../scripts/tabulate_predictions.py"


rule tabulate_fits:
    """The lines from alignment to task score, and correlations under other settings."""
    input:
        fits="results/correlation/fits.parquet",
        ablations="results/correlation/ablations.parquet",
    output:
        report(
            "results/tables/fits.html",
            caption="../report/fits_table.rst",
            category="3 Downstream",
            labels={"result": "table of lines"},
        ),
        report(
            "results/tables/ablations.html",
            caption="../report/ablations_table.rst",
            category="3 Downstream",
            labels={"result": "table of ablations"},
        ),
        table("fits")[:-1],
        table("ablations")[:-1],
    log:
        "results/logs/tabulate_fits.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        confidence=SETTINGS.file.statistics.confidence,
        labels=LABELS,
    message:
        "Writing the tables of lines and ablations"
    script:
        "../scripts/tabulate_fits.py"
