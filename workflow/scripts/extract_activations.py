"""Extract the pending languages of a model, corpus and extraction; publish one of them."""

from pathlib import Path

from neuronxa.activations.shard import Shard
from neuronxa.jobs import Progress, job
from neuronxa.plan import make_plan

with job(snakemake.log[0]):
    names = snakemake.wildcards
    # The languages of the shard are read from the config and are no parameter: a parameter that
    # changes would run every language again.
    plan = make_plan(snakemake.config)
    shard = Shard(
        snapshot=Path(snakemake.input.model).parent,
        corpus=names.corpus,
        texts=Path(snakemake.input.text[0]).parent,
        languages=plan.stored_languages(names.corpus),
        extraction=plan.settings.extractions[names.extraction],
        settings=plan.settings.file.extraction,
        folder=Path(snakemake.output[0]).parent.parent,
    )
    progress = Progress(f"{names.model}, {names.corpus}", unit="tokens")
    shard.publish(names.language, threads=snakemake.threads, progress=progress)
