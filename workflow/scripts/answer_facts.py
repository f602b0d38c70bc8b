"""Answer the facts of a task in every pending language; publish one of them."""

from pathlib import Path

from neuronxa.downstream.answers import FactShard
from neuronxa.jobs import Progress, job
from neuronxa.plan import make_plan

with job(snakemake.log[0]):
    names = snakemake.wildcards
    # the languages are no parameter, so that adding one does not ask the others again
    plan = make_plan(snakemake.config)
    settings = plan.settings
    shard = FactShard(
        snapshot=Path(snakemake.input[0]).parent,
        task=settings.tasks[names.task],
        languages={code: settings.languages[code].bcp47 for code in plan.languages},
        device=settings.file.extraction.device,
        folder=Path(snakemake.output[0]).parent.parent,
    )
    progress = Progress(f"{names.model}, {names.task}", unit="languages")
    shard.publish(names.language, threads=snakemake.threads, progress=progress)
