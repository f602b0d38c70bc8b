# Models: any source becomes one local snapshot.
#
# in:  config/models.tsv
# out: resources/models/<model>/model.json, the handle of the snapshot beside it


rule snapshot_model:
    """Turn the source of a model into safetensors and a tokenizer, with their digests."""
    input:
        source_weights,
    output:
        "resources/models/{model}/model.json",
    log:
        "results/logs/snapshot_model/{model}.log",
    priority: INPUTS_FIRST
    conda:
        "../../envs/models.yaml"
    params:
        # what is left out does not change the weights
        row=lambda wildcards: SETTINGS.models[wildcards.model].model_dump(
            exclude={"label", "aliases", "shape"}
        ),
        version=SNAPSHOT_VERSION,
    message:
        "Preparing the snapshot of {wildcards.model}"
    script:
        "../scripts/snapshot_model.py"
