"""Evaluate a fine-tuned model in the pending languages of a shard."""

from functools import partial
from pathlib import Path

from neuronxa.config import load_settings
from neuronxa.downstream.nli.evaluation import EvaluationShard
from neuronxa.jobs.job import Progress, job
from neuronxa.jobs.shards import write_record
from neuronxa.machine.gpus import own_gpus

with job(snakemake), own_gpus(snakemake.resources.get("gpu", 0)):
    names = snakemake.wildcards
    settings, record = load_settings(snakemake.config), Path(snakemake.output[0])
    pairs = {Path(path).stem: Path(path) for path in snakemake.input.pairs}
    shard = EvaluationShard(
        snapshot=Path(snakemake.input.model).parent,
        tuned=Path(snakemake.input.tuned).parent,
        training=Path(snakemake.input.training),
        pairs=pairs,
        device=settings.file.extraction.device,
        token_budget=settings.file.extraction.token_budget,
        folder=record.parent,
    )
    progress = Progress(f"{names.model}, {names.task}", unit="languages")
    publish = partial(shard.publish, threads=snakemake.threads, progress=progress)
    write_record(record, list(pairs), publish)
