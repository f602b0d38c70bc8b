"""Check the texts of a corpus and describe it."""

import json
from pathlib import Path

from neuronxa.config import CorpusRow
from neuronxa.corpora.prepare import summarise
from neuronxa.files import atomic_write_text
from neuronxa.jobs.job import job
from neuronxa.languages import Languages

with job(snakemake):
    described = summarise(
        CorpusRow(**snakemake.params.row),
        {Path(path).stem: Path(path) for path in snakemake.input},
        languages=Languages.read(snakemake.params.languages),
        pivot=snakemake.params.pivot,
    )
    atomic_write_text(
        Path(snakemake.output[0]), json.dumps(described, indent=1, ensure_ascii=False) + "\n"
    )
