"""Rank the candidates of a task in every pending language; publish one of them."""

from pathlib import Path

from neuronxa.downstream.answers import RankingShard
from neuronxa.downstream.probes import ClozeProbe, FactProbe
from neuronxa.jobs import Progress, job
from neuronxa.plan import make_plan

with job(snakemake):
    names = snakemake.wildcards
    # the languages are no parameter, so that adding one does not ask the others again
    plan = make_plan(snakemake.config)
    settings = plan.settings
    task, languages = settings.tasks[names.task], plan.task_languages[names.task]
    if task.kind == "facts":
        probe = FactProbe(task, {code: settings.languages[code].bcp47 for code in languages})
    else:
        files = {code: plan.task_file(names.task, code) for code in languages}
        probe = ClozeProbe(task, files, files[settings.pivot])
    shard = RankingShard(
        snapshot=Path(snakemake.input.model).parent,
        probe=probe,
        device=settings.file.extraction.device,
        folder=Path(snakemake.output[0]).parent.parent,
    )
    progress = Progress(f"{names.model}, {names.task}", unit="questions")
    shard.publish(names.language, threads=snakemake.threads, progress=progress)
