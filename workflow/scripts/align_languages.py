"""Reduce the activation stores of all languages to an alignment store and its scores."""

from pathlib import Path

from neuronxa.alignment.measures import chosen_measures
from neuronxa.alignment.products import products_on
from neuronxa.alignment.question import Reduction
from neuronxa.alignment.reduction import reduce_alignment
from neuronxa.alignment.scores import pairs_frame, scores_frame
from neuronxa.config import load_settings
from neuronxa.frames import write_frame
from neuronxa.jobs.job import Progress, job
from neuronxa.jobs.shards import folders_of
from neuronxa.machine.gpus import own_gpus
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import Alignment
from neuronxa.stores.lock import writing
from neuronxa.stores.registry import representations_of

with job(snakemake), own_gpus(snakemake.resources.get("gpu", 0)):
    names, params = snakemake.wildcards, snakemake.params
    settings = load_settings(snakemake.config)
    folder = Path(snakemake.output.manifest).parent
    stores = {code: Activations(path) for code, path in folders_of(snakemake.input).items()}
    reduction = Reduction(
        stores=stores,
        pivot=params.pivot,
        layout=params.layout,
        representations=representations_of(settings.extractions[names.extraction]),
        keep_similarities=params.keep_similarities,
        measures=chosen_measures(params.measures),
    )
    progress = Progress(f"{names.model}, {names.corpus}", unit="layers")
    with writing(folder / ".lock"):
        reduce_alignment(
            reduction,
            folder,
            memory_gb=settings.file.alignment.memory_gb,
            workers=snakemake.threads,
            scheduler=settings.file.alignment.scheduler,
            products=products_on(settings.file.alignment.device),
            progress=progress,
        )
        alignment, groups = Alignment(folder), params.layers
        scores = scores_frame(
            alignment, pivot=params.pivot, groups=groups, confidence=params.confidence
        )
        write_frame(Path(snakemake.output.scores), scores)
        write_frame(Path(snakemake.output.pairs), pairs_frame(alignment, groups=groups))
