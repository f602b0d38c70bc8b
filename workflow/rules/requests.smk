# What jobs ask of a scheduler: the formulas stand in neuronxa/planning/resources.py.

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
