"""Extract the pending languages of a shard of a model, corpus and extraction."""

from functools import partial
from pathlib import Path

from neuronxa.activations.shard import Shard
from neuronxa.activations.texts import TextFolder
from neuronxa.config import load_settings
from neuronxa.jobs.job import Progress, job
from neuronxa.jobs.shards import write_record
from neuronxa.machine.gpus import own_gpus

with job(snakemake), own_gpus(snakemake.resources.get("gpu", 0)):
    names = snakemake.wildcards
    settings = load_settings(snakemake.config)
    record, texts = Path(snakemake.output[0]), [Path(path) for path in snakemake.input.texts]
    # in a corpus of pairs <language>.pivot.txt lies beside each
    languages = tuple(dict.fromkeys(path.name.partition(".")[0] for path in texts))
    shard = Shard(
        snapshot=Path(snakemake.input.model).parent,
        corpus=names.corpus,
        texts=TextFolder(texts[0].parent, languages, settings.corpora[names.corpus].layout),
        extraction=settings.extractions[names.extraction],
        settings=settings.file.extraction,
        folder=record.parent,
    )
    shard.check()
    progress = Progress(f"{names.model}, {names.corpus}", unit="tokens")
    publish = partial(shard.publish, threads=snakemake.threads, progress=progress)
    write_record(record, languages, publish)
