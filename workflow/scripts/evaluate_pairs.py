"""Evaluate a fine-tuned model in every pending language; publish one of them."""

from pathlib import Path

from neuronxa.config import load_settings
from neuronxa.downstream.nli.evaluation import EvaluationShard
from neuronxa.jobs import Progress, job

with job(snakemake):
    names = snakemake.wildcards
    # the languages are no parameter, so that adding one does not evaluate the others again
    settings = load_settings(snakemake.config)
    folder = Path(snakemake.input.pairs).parent
    files = {code: folder / f"{code}.tsv" for code in [names.language, *settings.languages]}
    wanted = settings.file.languages
    shard = EvaluationShard(
        snapshot=Path(snakemake.input.model).parent,
        tuned=Path(snakemake.input.tuned).parent,
        training=Path(snakemake.input.training),
        pairs={
            code: path
            for code, path in files.items()
            if path.is_file() and (wanted == "all" or code in wanted)
        },
        device=settings.file.extraction.device,
        token_budget=settings.file.extraction.token_budget,
        folder=Path(snakemake.output[0]).parent.parent,
    )
    progress = Progress(f"{names.model}, {names.task}", unit="languages")
    shard.publish(names.language, threads=snakemake.threads, progress=progress)
