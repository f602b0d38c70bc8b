"""The disk that a run takes, told from its plan before it begins.

What is counted: snapshots, texts, activation stores, alignment stores, tables of neurons,
checkpoints of full fine-tuning, and a lump for figures and tables. The sizes of a model are known
from its snapshot, the configuration in its folder, or its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from neuronxa.config import CorpusRow, ExtractionRow, ModelRow, Shape
from neuronxa.config.settings import MeasureName
from neuronxa.machine.disk import used_bytes
from neuronxa.models.shapes import shape_of
from neuronxa.models.snapshot import HANDLE, count_parameters
from neuronxa.planning.plan import Plan
from neuronxa.stores.alignment import AlignmentLayout
from neuronxa.stores.layout import Layout
from neuronxa.stores.registry import ALIGNMENT_ARRAYS, representations_of
from neuronxa.stores.sizes import BLOCK_BYTES, activation_bytes, alignment_bytes

#: Figures, tables and logs of a run, and of one of its languages.
OUTPUT_BYTES, OUTPUT_LANGUAGE_BYTES = 2_500_000, 60_000

_NEURON_BYTES, _NEURON_TABLES = 50, 32_000  # of a neuron in the tables, and of the tables
_PAIR_BYTES = 20  # of a value in the tables of scores
_SENTENCE_BYTES = 200
_CHECKPOINTS = 3  # of full fine-tuning: two are kept while a third is written
_STATES = 3  # a checkpoint has the weights and two moments of each


@dataclass(frozen=True)
class Part:
    """One folder that a run fills.

    Attributes
    ----------
    kind
        ``snapshot``, ``texts``, ``activations``, ``alignment``, ``neurons``, ``fine-tuning`` or
        ``output``.
    name
        What it belongs to: model, corpus and extraction, as far as they count.
    folder
        Where it lies.
    needed
        Bytes when it is whole; None where that is not known yet.
    present
        Bytes that are there already.
    why
        Why `needed` is not known.
    """

    kind: str
    name: str
    folder: Path
    needed: int | None
    present: int
    why: str = ""

    @property
    def to_come(self) -> int:
        """Bytes that the run still adds, as far as they are known."""
        return max(0, (self.needed or 0) - self.present)


def parts_of(plan: Plan, root: Path = Path()) -> list[Part]:
    """Every folder that a run fills, with what it takes.

    Parameters
    ----------
    plan
        The run.
    root
        The working directory.
    """
    settings = plan.settings
    found = [
        _snapshot(row, root / "resources/models" / name) for name, row in settings.models.items()
    ]
    for name, row in settings.corpora.items():
        folder = root / "resources/corpora" / name
        count = len(plan.stored_languages(name))
        found.append(_part("texts", name, folder, count * _texts(row)))
    known = {
        name: shape_of(row, root / "resources/models" / name)
        for name, row in settings.models.items()
    }
    for model, corpus, extraction in plan.runs():
        run = f"{model}/{corpus}/{extraction}"
        sizes, count = known[model], len(plan.stored_languages(corpus))
        row, how = settings.corpora[corpus], settings.extractions[extraction]
        needs: dict[str, int | None] = dict.fromkeys(("activations", "alignment", "neurons"))
        if sizes is not None:
            layout = layout_of(how, sizes, row, settings.file.extraction.block_sentences)
            needs = {
                "activations": count * activation_bytes(layout),
                "alignment": _alignment(plan, corpus, how, sizes),
                "neurons": _NEURON_TABLES
                + sizes.layers * sizes.neurons * len(how.sites) * _NEURON_BYTES,
            }
        for kind, needed in needs.items():
            why = "" if needed is not None else f"the snapshot of {model} is not made yet"
            found.append(_part(kind, run, root / "results" / kind / run, needed, why))
    if settings.file.fine_tuning.method == "full":
        found += [
            _fine_tuning(model, task, root)
            for model in settings.models
            for task, one in settings.tasks.items()
            if one.kind == "nli"
        ]
    lump = sum(
        OUTPUT_BYTES + OUTPUT_LANGUAGE_BYTES * len(plan.corpus_languages[corpus])
        for _, corpus, _ in plan.runs()
    )
    present = sum(
        used_bytes(root / "results" / name)
        for name in ("figures", "tables", "correlation", "controls", "logs", "timings")
    )
    found.append(Part("output", "tables, figures, logs", root / "results", lump, present))
    return found


def layout_of(
    extraction: ExtractionRow, sizes: Shape, corpus: CorpusRow, block_sentences: int
) -> Layout:
    """The layout that the stores of a run will have, if no text is shorter than is asked for."""
    sides = 2 if corpus.layout == "pairs" else 1
    return Layout.of(
        extraction,
        sentences=corpus.sentences * sides,
        block_sentences=block_sentences,
        layers=sizes.layers,
        neurons=sizes.neurons,
        hidden_size=sizes.hidden_size,
    )


def _part(kind: str, name: str, folder: Path, needed: int | None, why: str = "") -> Part:
    return Part(kind, name, folder, needed, used_bytes(folder), why)


def _snapshot(row: ModelRow, folder: Path) -> Part:
    """A snapshot that is there is whole; one of a folder links the weights and copies the rest."""
    name, present = row.model, used_bytes(folder)
    if (folder / HANDLE).is_file():
        return Part("snapshot", name, folder, present, present)
    source = Path(row.location).expanduser()
    if row.source == "folder" and source.is_dir():
        copied = sum(used_bytes(p) for p in source.glob("*") if p.suffix != ".safetensors")
        return Part("snapshot", name, folder, copied + BLOCK_BYTES, 0)
    return Part("snapshot", name, folder, None, 0, "its source is not on the disk yet")


def _texts(row: CorpusRow) -> int:
    """Text and record of one language."""
    sides = 2 if row.layout == "pairs" else 1
    return (sides + 1) * BLOCK_BYTES + sides * row.sentences * _SENTENCE_BYTES


def _alignment(plan: Plan, corpus: str, extraction: ExtractionRow, sizes: Shape) -> int:
    """The alignment store and its two tables."""
    asked = plan.settings.file.alignment
    every = get_args(MeasureName)
    measures = every if asked.measures == "all" else {"mu", "top1", *asked.measures}
    representations = representations_of(extraction)
    layout = AlignmentLayout(
        languages=plan.corpus_languages[corpus],
        sentences=plan.settings.corpora[corpus].sentences,
        layers={name: sizes.layers + name.startswith("hidden") for name in representations},
        arrays=tuple(
            name for name in ALIGNMENT_ARRAYS if name != "similarity" or asked.keep_similarities
        ),
        measures=dict.fromkeys(representations, tuple(measures)),
    )
    languages, kinds = len(layout.languages), len(representations) * len(measures)
    groups = 3 + len(asked.layers)
    values = languages * kinds * (sizes.layers + groups) + languages**2 * kinds * groups // 2
    return alignment_bytes(layout) + values * _PAIR_BYTES


def _fine_tuning(model: str, task: str, root: Path) -> Part:
    """Weights in float32, and the checkpoints while they are made."""
    folder = root / "results/fine_tuning" / model / task
    snapshot = root / "resources/models" / model
    present = used_bytes(folder)
    if (folder / "manifest.json").is_file():
        return Part("fine-tuning", f"{model}/{task}", folder, present, present)
    if not (snapshot / HANDLE).is_file():
        why = f"the snapshot of {model} is not made yet"
        return Part("fine-tuning", f"{model}/{task}", folder, None, present, why)
    weights = 4 * count_parameters(snapshot)
    needed = weights * (1 + _CHECKPOINTS * _STATES)
    return Part("fine-tuning", f"{model}/{task}", folder, needed, present)
