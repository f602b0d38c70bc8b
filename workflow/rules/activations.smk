# Activations: sentences through a model, pooled states into one store per language.
#
# in:  resources/models/<model>/model.json, resources/corpora/<corpus>/<language>.txt
# out: results/activations/<model>/<corpus>/<extraction>/<language>/manifest.json, the handle of the
#      store.zarr beside it
#
# A job extracts every pending language of its model with one load and publishes its own; the other jobs
# then find their stores complete. The list of languages is no parameter: adding one must
# not run the others again.


rule extract_activations:
    """Pool the FFN neuron states and hidden states of every sentence of one language."""
    input:
        model="resources/models/{model}/model.json",
        text=language_text,
    output:
        "results/activations/{model}/{corpus}/{extraction}/{language}/manifest.json",
    log:
        "results/logs/extract_activations/{model}/{corpus}/{extraction}/{language}.log",
    benchmark:
        "results/timings/extract_activations/{model}/{corpus}/{extraction}/{language}.tsv"
    conda:
        "../../envs/models.yaml"
    threads: 16
    params:
        # the label is left out: renaming a row changes no number
        extraction=lambda wildcards: SETTINGS.extractions[
            wildcards.extraction
        ].model_dump(exclude={"label"}),
        # stores of another version are made anew, not read
        version=[FORMAT, EXTRACTION_VERSION],
    message:
        "Extracting {wildcards.language} of {wildcards.corpus} with {wildcards.model}"
    script:
        "../scripts/extract_activations.py"
