"""Turn the rankings of all languages into tidy scores."""

from pathlib import Path

from neuronxa.downstream.knowledge import score_rankings
from neuronxa.downstream.rankings import read_rankings
from neuronxa.frames import write_frame
from neuronxa.jobs.job import job
from neuronxa.jobs.shards import folders_of

with job(snakemake):
    params = snakemake.params
    rankings = {code: read_rankings(path) for code, path in folders_of(snakemake.input).items()}
    facts = params.kind == "facts"
    scores = score_rankings(
        rankings,
        model=snakemake.wildcards.model,
        task=snakemake.wildcards.task,
        pivot=params.pivot,
        metrics=params.metrics,
        # every locale names the continents itself; of other facts only common items compare
        common_items=facts and params.relation != "continent",
        by_answer=facts,
        per_token=not facts,
        source=params.kind,
        **params.statistics,
    )
    frames = (scores.accuracy, scores.transfer, scores.pairs, scores.items)
    for path, frame in zip(snakemake.output, frames, strict=True):
        write_frame(Path(path), frame)
