"""Say of every correlation what it could have shown, and what it shows."""

from pathlib import Path

from neuronxa.config.published import read_published
from neuronxa.frames import read_frame, read_frames, write_frame
from neuronxa.jobs.job import job
from neuronxa.statistics.claim import chance_share, claim_frame
from neuronxa.statistics.reliability import task_reliability
from neuronxa.statistics.reported import reported_correlations

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    downstream = read_frames(list(map(Path, files.downstream)))
    # a user's own scores come without items
    items = read_frames(list(map(Path, files.item_values))) if files.item_values else None
    claim = claim_frame(
        read_frame(Path(files.correlations)),
        read_frames(list(map(Path, files.reliability))),
        task_reliability(
            downstream,
            items,
            pivot=params.pivot,
            halves=params.statistics["resamples"],
            seed=params.statistics["seed"],
        ),
        chance_share(downstream, pivot=params.pivot),
        params.scored,
        reported_correlations(read_published(Path(files.published)) if files.published else ()),
        benchmarks=params.benchmarks,
        confidence=params.statistics["confidence"],
    )
    write_frame(Path(snakemake.output[0]), claim)
