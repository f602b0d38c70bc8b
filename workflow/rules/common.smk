# Validated settings, and the functions that say which files a rule needs.
# Nothing here imports torch: a dry run needs no model, network or GPU.

import atexit
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The library lies beside the rules: jobs find it with or without an installation.
LIBRARY = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
sys.path.insert(0, str(LIBRARY))

from neuronxa.activations.texts import EXTRACTION_VERSION
from neuronxa.alignment import ALIGNMENT_VERSION
from neuronxa.config import SHOWN
from neuronxa.config.files import names_of, read_configuration
from neuronxa.downstream.answers import RANKINGS_VERSION
from neuronxa.downstream.harness.evaluation import HARNESS_VERSION
from neuronxa.downstream.harness.folder import task_files as harness_files
from neuronxa.downstream.nli.evaluation import EVALUATION_VERSION
from neuronxa.downstream.nli.sources import evaluation_files, training_files
from neuronxa.downstream.nli.training import TRAINING_VERSION
from neuronxa.downstream.scores.files import score_files
from neuronxa.errors import NeuronXAError
from neuronxa.jobs.job import share_library
from neuronxa.jobs.endings import failed_jobs, killed_jobs, tell_killed
from neuronxa.jobs.shards import withdraw_false
from neuronxa.machine.control_groups import memory_kills
from neuronxa.machine.disk import explain_disk
from neuronxa.models.snapshot import SNAPSHOT_VERSION
from neuronxa.models.sources import source_files
from neuronxa.planning import resources as requests
from neuronxa.planning.plan import make_plan
from neuronxa.planning.preflight import (
    DiskWatch,
    check_space,
    check_writable,
    tell_if_full,
)
from neuronxa.stores.journal import FORMAT
from neuronxa.upkeep.owner import note_owner

share_library(LIBRARY)

STARTED_AT, MEMORY_KILLS = time.time(), memory_kills()

try:
    check_writable()
    if workflow.is_main_process:
        # what Snakemake's own reading lets pass, such as a key that stands there twice
        read_configuration(workflow.configfiles)
    PLAN = make_plan(config, where=names_of(workflow.configfiles) or "config")
except NeuronXAError as error:
    raise WorkflowError(str(error)) from None

# jobs that run must not be looked at
if workflow.is_main_process:
    withdraw_false(PLAN.shard_records())

SETTINGS = PLAN.settings
PAIRS = [name for name, row in SETTINGS.corpora.items() if row.layout == "pairs"]
PARALLEL = [name for name in SETTINGS.corpora if name not in PAIRS]
TABLE_FORMATS = ["csv", "md", "tex", "html"]
FIGURE_FORMATS = ["svg", "pdf"]


def tasks_of(*kinds):
    """The tasks of these kinds."""
    return [name for name, row in SETTINGS.tasks.items() if row.kind in kinds]


# Texts, pairs and scores are read before any model runs, so that a fault in them shows at once.
INPUTS_FIRST = 10

# ablations change one setting of this extraction
BASE_EXTRACTION = next(iter(SETTINGS.extractions))

RUN = "{model}/{corpus}/{extraction}"
LABELS = {
    "models": {name: row.label for name, row in SETTINGS.models.items()},
    "tasks": {name: row.label for name, row in SETTINGS.tasks.items()},
    "corpora": {name: row.label for name, row in SETTINGS.corpora.items()},
}
BENCHMARKS = {name: row.measured for name, row in SETTINGS.tasks.items()}
SHOTS = {name: row.own_shots for name, row in SETTINGS.tasks.items()}
RUN_LABELS = {"model": "{model}", "corpus": "{corpus}", "extraction": "{extraction}"}

# task -> kind -> its metrics
SCORED = {name: row.scored for name, row in SETTINGS.tasks.items()}

# tables of the statistics over languages, beside that of the correlations
STATISTICS = ["averages", "differences", "partial", "families", "claim"]


def one_of(names):
    """A wildcard constraint that matches exactly these names."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    model=one_of(SETTINGS.models),
    corpus=one_of(SETTINGS.corpora),
    extraction=one_of(SETTINGS.extractions),
    language=one_of(PLAN.languages),
    task=one_of(SETTINGS.tasks),
    shard=r"\d+-[0-9a-f]{8}",
