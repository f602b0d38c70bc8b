"""Evaluate a harness task in every language that is not yet evaluated."""

from pathlib import Path

from neuronxa.config import load_settings
from neuronxa.downstream.harness.evaluation import HarnessRun
from neuronxa.jobs.job import Progress, job
from neuronxa.machine.gpus import own_gpus

with job(snakemake), own_gpus(snakemake.resources.get("gpu", 0)):
    names = snakemake.wildcards
    settings = load_settings(snakemake.config)
    run = HarnessRun(
        snapshot=Path(snakemake.input.model).parent,
        row=settings.tasks[names.task],
        languages=snakemake.params.languages,
        sheet=settings.languages,
        device=settings.file.extraction.device,
        folder=Path(snakemake.output[0]).parent,
    )
    progress = Progress(f"{names.model}, {names.task}", unit="languages")
    run.publish(threads=snakemake.threads, progress=progress)
