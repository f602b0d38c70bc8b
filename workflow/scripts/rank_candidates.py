"""Rank the candidates of a task in the pending languages of a shard."""

from functools import partial
from pathlib import Path

from neuronxa.downstream.answers import RankingShard
from neuronxa.downstream.probes import ClozeProbe, FactProbe
from neuronxa.jobs.job import Progress, job
from neuronxa.jobs.shards import write_record
from neuronxa.machine.gpus import own_gpus
from neuronxa.planning.plan import make_plan

with job(snakemake), own_gpus(snakemake.resources.get("gpu", 0)):
    names = snakemake.wildcards
    plan, record = make_plan(snakemake.config), Path(snakemake.output[0])
    settings = plan.settings
    task, languages = settings.tasks[names.task], plan.task_shards(names.task)[names.shard]
    if task.kind == "facts":
        probe = FactProbe(task, {code: settings.languages[code].bcp47 for code in languages})
    else:
        files = {code: plan.task_file(names.task, code) for code in languages}
        probe = ClozeProbe(task, files, plan.task_file(names.task, settings.pivot))
    shard = RankingShard(
        snapshot=Path(snakemake.input.model).parent,
        probe=probe,
        device=settings.file.extraction.device,
        folder=record.parent,
    )
    progress = Progress(f"{names.model}, {names.task}", unit="questions")
    publish = partial(shard.publish, threads=snakemake.threads, progress=progress)
    write_record(record, languages, publish)
