"""Fine-tune a model on the training pairs of a task."""

from pathlib import Path

from neuronxa.config import load_settings
from neuronxa.downstream.nli.training import FineTuning
from neuronxa.jobs.job import Progress, job
from neuronxa.machine.gpus import own_gpus

with job(snakemake), own_gpus(snakemake.resources.get("gpu", 0)):
    names = snakemake.wildcards
    settings = load_settings(snakemake.config)
    tuning = FineTuning(
        snapshot=Path(snakemake.input.model).parent,
        training=Path(snakemake.input.pairs),
        recipe=settings.file.fine_tuning,
        seed=snakemake.params.seed,
        device=settings.file.extraction.device,
        folder=Path(snakemake.output[0]).parent,
    )
    progress = Progress(f"{names.model}, {names.task}", unit="steps")
    tuning.publish(threads=snakemake.threads, progress=progress)
