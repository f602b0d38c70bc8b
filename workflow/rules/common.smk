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
from neuronxa.jobs.killed import killed_jobs, tell_killed
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


MODEL_GPU = requests.gpus(SETTINGS.file.extraction.device)
REDUCTION_GPU = requests.gpus(SETTINGS.file.alignment.device)


def extraction_request(name):
    """What the extraction of a shard asks for, by the name of the resource."""

    def ask(wildcards, input, threads, attempt):
        request = requests.extraction(
            Path(input.model),
            SETTINGS.extractions[wildcards.extraction],
            SETTINGS.file,
            texts=[Path(path) for path in input.texts],
            sentences=SETTINGS.corpora[wildcards.corpus].sentences,
            threads=threads,
            attempt=attempt,
        )
        return getattr(request, name)

    return ask


def reduction_request(name):
    """What the comparison of all languages asks for."""

    def ask(wildcards, threads, attempt):
        request = requests.reduction(
            SETTINGS.file,
            languages=len(PLAN.stored_languages(wildcards.corpus)),
            sentences=SETTINGS.corpora[wildcards.corpus].sentences,
            threads=threads,
            attempt=attempt,
        )
        return getattr(request, name)

    return ask


def model_request(name, trained=""):
    """What a job asks for that runs a whole model, or trains it."""

    def ask(wildcards, input, attempt):
        request = requests.model_run(
            Path(input.model), attempt=attempt, trained=trained
        )
        return getattr(request, name)

    return ask


def source_texts(wildcards):
    """The user's own files that a language is read from."""
    return PLAN.reader(wildcards.corpus).files(wildcards.language)


def source_weights(wildcards):
    """The user's own files that a snapshot is made from."""
    return source_files(SETTINGS.models[wildcards.model])


def corpus_texts(wildcards):
    """The text of every language of a corpus."""
    return [
        f"resources/corpora/{wildcards.corpus}/{language}.txt"
        for language in PLAN.stored_languages(wildcards.corpus)
    ]


def corpus_sides(wildcards):
    """The text of every language of a corpus, with its own pivot side in a corpus of pairs."""
    return texts_of(wildcards.corpus, PLAN.stored_languages(wildcards.corpus))


def texts_of(corpus, languages):
    """The texts of some languages, each with its own pivot side in a corpus of pairs."""
    sides = ["", ".pivot"] if corpus in PAIRS else [""]
    return [
        f"resources/corpora/{corpus}/{language}{side}.txt"
        for language in languages
        for side in sides
    ]


def shard_texts(wildcards):
    """The texts of a shard."""
    return texts_of(
        wildcards.corpus, PLAN.corpus_shards(wildcards.corpus)[wildcards.shard]
    )


def language_stores(wildcards):
    """The activation stores of all languages of a model, corpus and extraction."""
    folder = f"results/activations/{wildcards.model}/{wildcards.corpus}/{wildcards.extraction}"
    return expand(
        f"{folder}/shard.{{name}}.json", name=PLAN.corpus_shards(wildcards.corpus)
    )


def alignment_scores(wildcards):
    """The alignment scores of every model, corpus and extraction."""
    return [
        "results/alignment/{}/{}/{}/scores.parquet".format(*run) for run in PLAN.runs()
    ]


def base_runs(path):
    """This path of every model and corpus, with the extraction that ablations start from."""
    return expand(
        path,
        model=SETTINGS.models,
        corpus=SETTINGS.corpora,
        extraction=BASE_EXTRACTION,
    )


def task_shard(wildcards):
    """The languages of a shard of a task."""
    return PLAN.task_shards(wildcards.task)[wildcards.shard]


def probe_files(wildcards):
    """The user's own files that a shard's questions are read from: its own and the pivot's."""
    if SETTINGS.tasks[wildcards.task].kind == "facts":
        return []
    codes = dict.fromkeys([*task_shard(wildcards), SETTINGS.pivot])
    return [PLAN.task_file(wildcards.task, code) for code in codes]


def language_rankings(wildcards):
    """The rankings of a model in every language, for one task."""
    folder = f"results/rankings/{wildcards.model}/{wildcards.task}"
    return expand(
        f"{folder}/shard.{{name}}.json", name=PLAN.task_shards(wildcards.task)
    )


def task_files(wildcards):
    """The harness task files of a user's own, if the task names a folder."""
    location = SETTINGS.tasks[wildcards.task].location
    return harness_files(location) if location else []


def source_pairs(wildcards):
    """The user's own files that the pairs of a language are read from."""
    return evaluation_files(
        SETTINGS.tasks[wildcards.task],
        wildcards.language,
        SETTINGS.languages,
        SETTINGS.pivot,
    )


def predictions(wildcards):
    """The predictions of a fine-tuned model in every language of a task."""
    folder = f"results/nli/{wildcards.model}/{wildcards.task}"
    return expand(
        f"{folder}/shard.{{name}}.json", name=PLAN.task_shards(wildcards.task)
    )


def shard_pairs(wildcards):
    """The prepared pairs of a shard."""
    return [
        f"resources/tasks/{wildcards.task}/{language}.tsv"
        for language in task_shard(wildcards)
    ]


def downstream_scores(wildcards):
    """Every tidy table of downstream scores; a user's own table is not of one model."""
    return [
        f"results/{folder}/{model}/{task}.parquet"
        for task, row in SETTINGS.tasks.items()
        if row.kind != "scores"
        for folder in row.scored
        for model in SETTINGS.models
    ] + [f"results/benchmarks/{task}.parquet" for task in tasks_of("scores")]


def task_items():
    """The values behind the scores of every task that is run here."""
    return [
        f"results/items/{model}/{task}.parquet"
        for task, row in SETTINGS.tasks.items()
        if row.kind != "scores"
        for model in SETTINGS.models
    ]


def task_pairs():
    """The consistency of all pairs of languages, of the tasks that have it."""
    return [
        f"results/transfer/{model}/{task}.pairs.parquet"
        for task in tasks_of("facts", "bmlama")
        for model in SETTINGS.models
    ]


def of_runs(pattern):
    """A file of every model, corpus and extraction."""
    return [
        pattern.format(model=model, corpus=corpus, extraction=extraction)
        for model, corpus, extraction in PLAN.runs()
    ]


def table(stem):
    """The files of one table."""
    return [f"results/tables/{stem}.{ending}" for ending in TABLE_FORMATS]


def scatter_metrics(task):
    """The metrics of a task, one scatter each."""
    return [
        metric for metrics in SETTINGS.tasks[task].scored.values() for metric in metrics
    ]


def output_tables():
    """Every table of the run."""
    per_run = [
        path
        for run in PLAN.runs()
        for name in (
            "languages",
            "retrieval",
            "measures",
            "neurons",
            "specific_neurons",
            "controls",
        )
        for path in table("{}/{}/{}/{}".format(*run, name))
    ]
    names = ["models", "texts", "scores"]
    if SETTINGS.tasks:
        names += ["downstream", "correlations", "sources", *STATISTICS]
        names += ["fits", "ablations"]
        names += ["{}/{}/{}/predictions".format(*run) for run in PLAN.runs()]
    names += ["mantel"] * bool(task_pairs())
    names += ["published"] * bool(SETTINGS.file.sheets.published)
    return [path for name in names for path in table(name)] + per_run


def output_figures():
    """Every figure of the run."""
    stems = []
    for run in PLAN.runs():
        folder = "{}/{}/{}".format(*run)
        stems += [
            f"{folder}/{name}"
            for name in (
                "layer_curves",
                "heatmap",
                "clusters",
                "retrieval",
                "neurons",
                "lexical",
            )
        ]
        # drawn from the similarities, where they are kept
        stems += [f"{folder}/pool"] * SETTINGS.file.alignment.keep_similarities
        stems += [
            f"{folder}/{name}.{task}.{metric}"
            for name in ("scatter", "predictions")
            for task in SETTINGS.tasks
            for metric in scatter_metrics(task)
        ]
    stems += [
        f"{model}/training.{task}"
        for model in SETTINGS.models
        for task in tasks_of("nli")
    ]
    stems += [
        f"{model}/rankc.{task}"
        for model in SETTINGS.models
        for task in tasks_of("bmlama")
    ]
    if SETTINGS.tasks:
        stems += [
            f"{name}/{corpus}/{extraction}"
            for name in ("correlations", "differences")
            for corpus in SETTINGS.corpora
            for extraction in SETTINGS.extractions
        ]
        stems.append("claim")
        stems += [
            f"{model}/{corpus}/ablations.{task}.{metric}"
            for model in SETTINGS.models
            for corpus in SETTINGS.corpora
            for task in SETTINGS.tasks
            for metric in scatter_metrics(task)
        ]
    return [
        f"results/figures/{stem}.{ending}"
        for stem in stems
        for ending in FIGURE_FORMATS
    ]


def all_results(wildcards):
    """What `rule all` asks for."""
    checked = [f"resources/corpora/{corpus}/corpus.json" for corpus in SETTINGS.corpora]
    return [*checked, *output_tables(), *output_figures(), "results/site/index.html"]


onstart:
    # Snakemake's own notes do not fit on a full disk, and it does not say so in words
    watch = DiskWatch()
    logger.addHandler(watch)
    atexit.register(tell_if_full, watch)
    try:
        # a target of the user's own may be a small part of the run
        whole = set(workflow.dag_settings.targets) <= {"all"}
        print(check_space(PLAN, whole=whole), file=sys.stderr)
        note_owner(Path.cwd())
    except NeuronXAError as error:
        raise WorkflowError(str(error)) from None
    except OSError as error:
        raise WorkflowError(
            str(explain_disk(error, folder=Path()) or error)
        ) from None
    # Snakemake's rate limit of submissions starts a timer of one second with every look at the
    # queue, and every timer is another look: after 200 jobs they eat a third of a core. Jobs on
    # this machine are limited by its cores; those of a cluster keep their limit.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None
        # A GPU of this machine serves one job at a time, unless a profile says how many there are.
        # Which executor it is, is not known before.
        for limits in (
            workflow.scheduler.global_resources,
            workflow.scheduler.resources,
        ):
            limits.setdefault("gpu", 1)


onerror:
    for one in killed_jobs(Path("results/logs"), since=STARTED_AT):
        for_memory = memory_kills() > MEMORY_KILLS
        print(tell_killed(one, for_memory=for_memory), file=sys.stderr)
