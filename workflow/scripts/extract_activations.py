"""Extract the pending languages of a model, corpus and extraction; publish one of them."""

from pathlib import Path

from neuronxa.activations.shard import Shard
from neuronxa.config import load_settings
from neuronxa.corpora.prepare import prepared_languages
from neuronxa.jobs import Progress, job

with job(snakemake):
    names = snakemake.wildcards
    # The languages of the shard are read from the config and are no parameter: a parameter that
    # changes would run every language again.
    settings = load_settings(snakemake.config)
    texts = Path(snakemake.input.text[0]).parent
    shard = Shard(
        snapshot=Path(snakemake.input.model).parent,
        corpus=names.corpus,
        layout=settings.corpora[names.corpus].layout,
        texts=texts,
        languages=prepared_languages(texts, settings),
        extraction=settings.extractions[names.extraction],
        settings=settings.file.extraction,
        folder=Path(snakemake.output[0]).parent.parent,
    )
    progress = Progress(f"{names.model}, {names.corpus}", unit="tokens")
    shard.publish(names.language, threads=snakemake.threads, progress=progress)
