"""NeuronXA in a few lines of Python, without Snakemake: docs/library.md shows how.

`align` takes a model and the same sentences in several languages, `measure` two arrays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from neuronxa.activations.texts import Text
from neuronxa.config import ExtractionRow, ModelRow
from neuronxa.config.settings import ExtractionSettings
from neuronxa.errors import CorpusError, ModelError, StatisticsError
from neuronxa.sheets import explain
from neuronxa.stores.lock import LOCK, writing

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from neuronxa.stores.activations import Activations
    from neuronxa.stores.alignment import Alignment

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Aligned:
    """What `align` found.

    Attributes
    ----------
    scores
        A row per language and method (NASCA, NAVCA, MEXA, MEXA-last) and reduction over layers:
        columns of `neuronxa.alignment.methods.method_scores`.
    curves
        A row per pair with the pivot, representation, measure and layer or reduction: columns of
        `neuronxa.alignment.scores.scores_frame`. Figures are drawn from it.
    states
        Language -> its activations; `.layer("nas_gate", 3)` is one layer as a DataArray.
    alignment
        The stored comparison of all pairs.
    """

    scores: pd.DataFrame
    curves: pd.DataFrame
    states: Mapping[str, Activations]
    alignment: Alignment


def measure(
    x: np.ndarray | xr.DataArray, y: np.ndarray | xr.DataArray, name: str = "mu"
) -> tuple[float, float]:
    """One measure of two arrays whose rows are translations of one another.

    Parameters
    ----------
    x, y
        Vectors of the same n sentences, ``(sentence, unit)``, in the same order.
    name
        A measure of docs/measures.md, but those of activation states as such (`jaccard`, ...).

    Returns
    -------
    tuple of float
        From x to y, and from y to x; the same where the measure has no direction.

    Raises
    ------
    StatisticsError
        The arrays do not match, or there is no such measure of arrays.
    """
    from neuronxa.alignment.measures import MEASURES
    from neuronxa.alignment.tiles import Tile
    from neuronxa.alignment.vectors import Block

    one, other = np.asarray(x), np.asarray(y)
    if one.ndim != 2 or one.shape != other.shape:
        raise StatisticsError(
            f"the arrays have shapes {one.shape} and {other.shape}",
            where="measure",
            remedy="give two arrays of the same sentences and units: (sentence, unit)",
        )
    known = [key for key, value in MEASURES.items() if value.measures("hidden")]
    if name not in known:
        raise StatisticsError(
            f"there is no measure '{name}' of two arrays", where="measure", allowed=known
        )
    present = np.ones((1, len(one)), dtype=bool)
    blocks = [
        Block.of(values[None], present, centred=True, standardised=True) for values in (one, other)
    ]
    found = MEASURES[name].map(Tile(*blocks))[name]
    return float(found.forward[0, 0]), float(found.backward[0, 0])


def align(
    model: str | Path,
    sentences: Mapping[str, Sequence[str]],
    *,
    folder: str | Path,
    pivot: str | None = None,
    extraction: ExtractionRow | None = None,
    device: str = "auto",
    token_budget: int = 1024,
    measures: Sequence[str] = ("mu", "top1"),
    memory_gb: float = 4.0,
) -> Aligned:
    """Score how well a model aligns languages, from the same sentences in each.

    What is in the folder already is not computed again: another call goes on, or adds languages.

    Parameters
    ----------
    model
        A folder in transformers' layout, a GGUF file, or the name of a model on a hub.
    sentences
        Language -> sentences; sentence i means the same in all. An empty one is missing.
    folder
        Where snapshot and stores are kept.
    pivot
        The language that scores are with; by default the first.
    extraction
        How to extract; by default as in the config: gates, weighted mean, float32.
    device
        ``auto``, ``cpu``, ``cuda`` or ``cuda:<index>``.
    token_budget
        Tokens of one forward pass, 64 or more.
    measures
        Measures of docs/measures.md.
    memory_gb
        Largest memory of the comparison.

    Raises
    ------
    ConfigError
        No such device, or too small a budget.
    CorpusError
        Languages have different numbers of sentences, a name that cannot be a folder, or a
        sentence that is too long.
    ModelError
        The model cannot be read, measured or held in memory, or the folder has another one of
        this name.
    """
    from neuronxa.activations.shard import Shard
    from neuronxa.alignment.methods import method_scores
    from neuronxa.alignment.question import Reduction
    from neuronxa.alignment.reduction import reduce_alignment
    from neuronxa.alignment.scores import scores_frame
    from neuronxa.stores.activations import Activations
    from neuronxa.stores.alignment import Alignment
    from neuronxa.stores.registry import representations_of

    texts, pivot = _texts(sentences), pivot or next(iter(sentences))
    if pivot not in sentences:
        raise CorpusError(
            f"the pivot '{pivot}' has no sentences", where="align", allowed=list(sentences)
        )
    how = extraction or ExtractionRow(extraction="default", label="default")
    row, home = _row(model), Path(folder)
    shard = Shard(
        snapshot=_snapshot(row, home / "models" / row.model),
        corpus="own",
        texts=texts,
        extraction=how,
        settings=_settings(device, token_budget),
        folder=home / "activations" / row.model / how.extraction,
    )
    shard.check()
    states = {language: Activations(shard.publish(language).parent) for language in texts}
    reduction = Reduction(
        stores=states,
        pivot=pivot,
        layout="parallel",
        representations=representations_of(how),
        keep_similarities=False,
        measures=tuple(dict.fromkeys(("mu", "top1", *measures))),
    )
    compared = home / "alignment" / row.model / how.extraction
    with writing(compared / LOCK):
        reduce_alignment(reduction, compared, memory_gb=memory_gb)
    alignment = Alignment(compared)
    curves = scores_frame(alignment, pivot=pivot, groups={}, confidence=0.95)
    scores = method_scores(curves, pivot=pivot, site=how.sites[0])
    return Aligned(scores[scores["language"] != pivot], curves, states, alignment)


def _texts(sentences: Mapping[str, Sequence[str]]) -> dict[str, Text]:
    """The sentences as texts, by language, if they are parallel."""
    lengths = {language: len(text) for language, text in sentences.items()}
    if len(lengths) < 2 or len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise CorpusError(
            f"the languages have {lengths} sentences" if lengths else "there are no languages",
            where="align",
            remedy="give at least two languages, the same sentences in each",
        )
    if wrong := [language for language in lengths if not _NAME.fullmatch(language)]:
        raise CorpusError(
            f"{', '.join(map(repr, wrong))} cannot be the name of a folder",
            where="align",
            remedy="use letters, digits, '.', '_' and '-', such as deu_Latn or de",
        )
    return {
        language: Text(language, tuple(text), (0,) * len(text))
        for language, text in sentences.items()
    }


def _settings(device: str, token_budget: int) -> ExtractionSettings:
    """The settings of an extraction, if they are possible."""
    try:
        return ExtractionSettings(device=device, token_budget=token_budget)
    except ValidationError as error:
        raise explain(error, where="align", model=ExtractionSettings) from None


def _row(model: str | Path) -> ModelRow:
    """A row of the models sheet for a folder, a file or a name on a hub."""
    path = Path(model).expanduser()
    if path.suffix == ".gguf":
        source, location = "gguf", str(path.resolve())
    elif path.is_dir():
        source, location = "folder", str(path.resolve())
    else:
        source, location = "hub", str(model)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", location.strip("/").split("/")[-1]).lstrip("-._")
    row: dict[str, Any] = {"model": name, "label": name, "source": source, "location": location}
    return ModelRow(**row)


def _snapshot(row: ModelRow, folder: Path) -> Path:
    """The model's snapshot, made if it is not there."""
    from neuronxa.models.snapshot import HANDLE, make_snapshot, read_card

    with writing(folder.with_name(f"{folder.name}{LOCK}")):
        if not (folder / HANDLE).is_file():
            make_snapshot(row, folder)
    if (there := read_card(folder).location) != row.location:
        raise ModelError(
            f"this is '{there}', not '{row.location}'",
            where=str(folder),
            remedy="give models of the same name folders of their own",
        )
    return folder
