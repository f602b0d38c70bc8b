"""Turn the predictions of all languages into tidy scores."""

from pathlib import Path

from neuronxa.downstream.nli.evaluation import read_predictions
from neuronxa.downstream.nli.scores import item_scores, score_predictions
from neuronxa.frames import write_frame
from neuronxa.jobs.job import job
from neuronxa.jobs.shards import folders_of

with job(snakemake):
    params = snakemake.params
    names = {"model": snakemake.wildcards.model, "task": snakemake.wildcards.task}
    predictions = {
        code: read_predictions(path) for code, path in folders_of(snakemake.input).items()
    }
    scores = score_predictions(
        predictions,
        **names,
        pivot=params.pivot,
        confidence=params.confidence,
        resamples=params.resamples,
        seed=params.seed,
    )
    write_frame(Path(snakemake.output.scores), scores)
    write_frame(Path(snakemake.output.per_item), item_scores(predictions, **names))
