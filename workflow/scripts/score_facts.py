"""Turn the rankings of all languages into tidy scores."""

from pathlib import Path

from neuronxa.downstream.accuracy import score_rankings
from neuronxa.downstream.rankings import read_rankings
from neuronxa.frames import write_frame
from neuronxa.jobs import job

with job(snakemake.log[0]):
    params = snakemake.params
    rankings = {
        Path(path).parent.name: read_rankings(Path(path).parent) for path in snakemake.input
    }
    scores = score_rankings(
        rankings,
        model=snakemake.wildcards.model,
        task=snakemake.wildcards.task,
        pivot=params.pivot,
        # every locale names the continents itself; of other facts only common items compare
        common_items=params.relation != "continent",
        confidence=params.confidence,
    )
    consistency = scores["metric"] == "rankc"
    write_frame(Path(snakemake.output.accuracy), scores[~consistency])
    write_frame(Path(snakemake.output.consistency), scores[consistency])
