"""What a run would meet here: packages, cores, memory, GPUs, disk, the config, and its sources."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from neuronxa.config import ModelRow
from neuronxa.corpora.prepare import read_checked
from neuronxa.corpora.sentences import Sentences
from neuronxa.errors import NeuronXAError
from neuronxa.machine import control_groups
from neuronxa.machine.disk import free_bytes, shown
from neuronxa.machine.gpus import visible_gpus
from neuronxa.models.snapshot import HANDLE
from neuronxa.planning.plan import Plan, make_plan
from neuronxa.planning.preflight import check_writable

#: Asks a hub for a model; raises where it does not answer or refuses.
AskHub = Callable[[ModelRow], object]

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^;\s]+)")
#: Seconds to wait for a hub.
_PATIENCE = 10


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    state
        ``ok``; ``note``: worth knowing; ``fault``: a run would stop here.
    what
        What was looked at.
    told
        What was seen.
    remedy
        What to do about a fault.
    """

    state: Literal["ok", "note", "fault"]
    what: str
    told: str
    remedy: str = ""


def examine(
    configs: Sequence[tuple[str, Mapping[str, Any]]], *, ask_hub: AskHub | None = None
) -> Iterator[Finding]:
    """Look at everything that a run needs.

    Parameters
    ----------
    configs
        File and content of each configuration.
    ask_hub
        How a hub is asked for a model; by default over the network.
    """
    yield from _packages()
    yield from _machine()
    yield from _gpus()
    for where, content in configs:
        try:
            plan = make_plan(content, where=where)
        except NeuronXAError as error:
            yield _fault(f"config {where}", error)
            continue
        yield Finding("ok", f"config {where}", _told(plan))
        for corpus in plan.settings.corpora:
            yield _text(plan, corpus)
        for row in plan.settings.models.values():
            yield _source(row, ask_hub or _ask_hub)


def _packages() -> Iterator[Finding]:
    """Python, and every package whose version is not the pinned one."""
    yield Finding("ok", "Python", sys.version.split()[0])
    try:
        wanted = metadata.requires("neuronxa") or []
    except metadata.PackageNotFoundError:
        yield Finding("note", "packages", "neuronxa is not installed, so no versions are pinned")
        return
    pins = [found.groups() for found in map(_PINNED.match, wanted) if found]
    missing = []
    for name, version in pins:
        try:
            present = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        # builds of torch name their platform after a plus
        if present.split("+")[0] != version:
            yield Finding(
                "note", f"package {name}", f"{present}; tested with {version}", "make install"
            )
    if missing:
        yield Finding("note", "packages", f"not installed: {', '.join(missing)}", "make install")
    yield Finding("ok", "packages", f"{len(pins) - len(missing)} of {len(pins)} are installed")


def _machine() -> Iterator[Finding]:
    """Cores, memory and disk that this process may use."""
    import joblib
    import psutil

    yield Finding("ok", "cores", str(joblib.cpu_count()))
    memory, room = int(psutil.virtual_memory().available), control_groups.room()
    limited = room is not None and room < memory
    told = shown(min(memory, room) if room is not None else memory)
    yield Finding("ok", "memory", f"{told} free" + " in the control group" * limited)
    try:
        check_writable()
        yield Finding("ok", "disk", f"{shown(free_bytes(Path()))} free, can be written")
    except NeuronXAError as error:
        yield _fault("disk", error)


def _gpus() -> Iterator[Finding]:
    """GPUs of the driver, and whether torch sees them."""
    visible = visible_gpus()
    try:
        import torch
    except ImportError:
        yield Finding("fault", "torch", "is not installed: no model can run", "make install")
        return
    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for number in range(seen):
        free, whole = torch.cuda.mem_get_info(number)
        name = torch.cuda.get_device_name(number)
        yield Finding("ok", f"GPU {number}", f"{name}, {shown(free)} of {shown(whole)} free")
    if visible and not seen:
        yield Finding(
            "fault",
            "GPU",
            f"the driver has {len(visible)}, torch {torch.__version__} sees none",
            "install a build of torch for CUDA (envs/torch.txt), or set 'device' to cpu",
        )
    elif not seen:
        yield Finding("note", "GPU", "none: models run on the processor")


def _fault(what: str, error: NeuronXAError) -> Finding:
    """What a run would be refused for."""
    allowed = f"\n        Allowed: {error.allowed}" if error.allowed else ""
    told = f"{error.where}: {error.what}" if error.where else error.what
    return Finding("fault", what, told + allowed, error.remedy)


def _told(plan: Plan) -> str:
    """A plan in few words."""
    settings = plan.settings
    counts = {
        ("model", "models"): settings.models,
        ("language", "languages"): plan.languages,
        ("corpus", "corpora"): settings.corpora,
        ("extraction", "extractions"): settings.extractions,
        ("task", "tasks"): settings.tasks,
    }
    return ", ".join(f"{len(found)} {words[len(found) != 1]}" for words, found in counts.items())


def _text(plan: Plan, corpus: str) -> Finding:
    """Whether the texts of a corpus can be read, belong together and are what they should be."""
    row, languages = plan.settings.corpora[corpus], plan.settings.languages
    what = f"corpus {corpus}"
    if row.reader == "hub":
        return Finding("note", what, f"is read from the hub, {row.location}, when it is needed")
    reader, pivot = plan.reader(corpus), plan.settings.pivot
    codes = plan.stored_languages(corpus)
    read: Callable[..., Sentences] = partial(read_checked, reader, row, languages=languages)
    try:
        known = read(pivot).texts if pivot in codes else None
        for code in codes:
            if code != pivot:
                read(code, pivot_texts=known)
    except NeuronXAError as error:
        return _fault(what, error)
    most = "up to " if row.layout == "pairs" else ""
    return Finding("ok", what, f"{len(codes)} languages, {most}{row.sentences} sentences of each")


def _source(row: ModelRow, ask_hub: AskHub) -> Finding:
    """Whether a model is there, or can be fetched."""
    what = f"model {row.model}"
    if (Path("resources/models") / row.model / HANDLE).is_file():
        return Finding("ok", what, "its snapshot is made")
    if row.source == "folder":
        return _folder(row, what)
    if row.source != "hub":
        return Finding("ok", what, f"in the {row.source} {row.location}")
    try:
        ask_hub(row)
    except Exception as error:  # whatever a network can do
        told = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return Finding(
            "fault",
            what,
            f"the hub does not give {row.location}: {told}",
            "go online; accept the terms of a gated model on its page and set HF_TOKEN; or fetch "
            "it elsewhere and use `source` folder",
        )
    return Finding("ok", what, f"the hub has {row.location}")


def _folder(row: ModelRow, what: str) -> Finding:
    """Whether the states of a model in a folder can be captured, as far as its config tells."""
    from neuronxa.models.inspection import architecture_of
    from neuronxa.models.loading import read_config

    try:
        config = read_config(Path(row.location).expanduser(), row.part)
        architecture = architecture_of(config)
    except ImportError:  # told of by the packages
        return Finding("note", what, f"in the folder {row.location}; cannot be looked into")
    except NeuronXAError as error:
        return _fault(what, error)
    told = f"{config.model_type}, {config.num_hidden_layers} layers, in the folder {row.location}"
    return Finding("ok", what, f"{told}; {architecture.sites}")


def _ask_hub(row: ModelRow) -> object:
    """The hub's own description of a model; a gated one needs the right to read its files."""
    from huggingface_hub import HfApi

    api = HfApi()
    found = api.model_info(row.location, revision=row.revision or None, timeout=_PATIENCE)
    api.auth_check(row.location)
    return found
