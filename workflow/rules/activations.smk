# Activations: sentences through a model, pooled states into one store per language.
#
# in:  resources/models/<model>/model.json, resources/corpora/<corpus>/<language>.txt
# out: results/activations/<model>/<corpus>/<extraction>/shard.<number>.json, the record of a shard
#      and .../<language>/manifest.json, the handle of the store.zarr beside it
#
# A job takes the languages of a shard through one load of the model. When a language is added it runs
# again, for that language alone: what is complete stays as it is.


rule extract_activations:
    """Pool the FFN neuron states and hidden states of every sentence of some languages."""
    input:
        model="resources/models/{model}/model.json",
        texts=shard_texts,
    output:
        "results/activations/{model}/{corpus}/{extraction}/shard.{shard}.json",
    log:
        "results/logs/extract_activations/{model}/{corpus}/{extraction}/{shard}.log",
    benchmark:
        "results/timings/extract_activations/{model}/{corpus}/{extraction}/{shard}.tsv"
    conda:
        "../../envs/models.yaml"
    threads: 16
    resources:
        **MODEL_GPU,
        mem_mb=extraction_request("mem_mb"),
        runtime=extraction_request("runtime"),
        disk_mb=extraction_request("disk_mb"),
    params:
        # the label is left out: renaming a row changes no number
        extraction=lambda wildcards: SETTINGS.extractions[
            wildcards.extraction
        ].model_dump(exclude={"label"}),
        # stores of another version are made anew, not read
        version=[FORMAT, EXTRACTION_VERSION],
    message:
        "Extracting shard {wildcards.shard} of {wildcards.corpus} with {wildcards.model}"
    script:
        "../scripts/extract_activations.py"
