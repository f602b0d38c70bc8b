"""Answer the facts of a task in every pending language; publish one of them."""

from pathlib import Path

from neuronxa.config import load_settings
from neuronxa.corpora.prepare import prepared_languages
from neuronxa.downstream.answers import FactShard
from neuronxa.jobs import Progress, job

with job(snakemake.log[0]):
    names = snakemake.wildcards
    # the languages are no parameter, so that adding one does not ask the others again
    settings = load_settings(snakemake.config)
    texts = [Path("resources/corpora", corpus) for corpus in settings.corpora]
    prepared = [code for folder in texts for code in prepared_languages(folder, settings)]
    languages = dict.fromkeys([names.language, settings.pivot, *prepared])
    shard = FactShard(
        snapshot=Path(snakemake.input[0]).parent,
        task=settings.tasks[names.task],
        languages={code: settings.languages[code].bcp47 for code in languages},
        device=settings.file.extraction.device,
        folder=Path(snakemake.output[0]).parent.parent,
    )
    progress = Progress(f"{names.model}, {names.task}", unit="languages")
    shard.publish(names.language, threads=snakemake.threads, progress=progress)
