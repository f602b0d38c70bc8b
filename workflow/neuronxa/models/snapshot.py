"""One local snapshot per model: safetensors, tokenizer and ``model.json``, whatever the source.

``model.json`` is written last and names the digest of every file, so it stands for the whole.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from neuronxa.config import ModelRow
from neuronxa.errors import ModelError
from neuronxa.files import atomic_write_text, digest
from neuronxa.models.architectures import neurons_per_layer
from neuronxa.models.gguf import write_gguf
from neuronxa.models.inspection import architecture_of
from neuronxa.models.loading import load_tokenizer, read_config
from neuronxa.models.sources import Fetched, fetch, is_wanted
from neuronxa.provenance import remake

HANDLE = "model.json"

#: Raised when snapshots or their cards change form: older ones are then made anew.
SNAPSHOT_VERSION = 2


@dataclass(frozen=True)
class ModelCard:
    """What ``model.json`` says of a snapshot.

    Attributes
    ----------
    layers, neurons, hidden_size
        Number of decoder layers, of FFN neurons per layer, and width of the hidden states.
    parameters
        Number of parameters of the layers: without the LM head and the embeddings.
    max_positions
        Largest number of tokens of a sentence; None where positions have no end.
    part
        Path of the language model inside a multimodal one; empty = the model itself.
    sites
        Which modules hold the FFN sites, in words.
    stored_as
        How the source stored the weights, for example ``GGUF (Q4_K, Q5_0, ...), dequantised``.
    files
        SHA-256 of every file of the snapshot, by name.
    """

    model: str
    source: str
    location: str
    revision: str
    licence: str
    provenance: str
    model_type: str
    layers: int
    neurons: int
    hidden_size: int
    parameters: int
    max_positions: int | None
    part: str
    sites: str
    stored_as: str
    source_digest: str
    files: dict[str, str]

    @property
    def digest(self) -> str:
        """One digest of all files: what a change of weights or tokenizer changes."""
        import hashlib

        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()


def read_card(folder: Path) -> ModelCard:
    """Read ``model.json`` of a snapshot.

    Raises
    ------
    ModelError
        The snapshot is not there or its card cannot be read.
    """
    path = folder / HANDLE
    try:
        return ModelCard(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ModelError("there is no snapshot", where=str(folder)) from None
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"the card is damaged ({error})",
            where=str(path),
            remedy=f"run: {remake(path)}",
        ) from None


def check_snapshot(folder: Path) -> None:
    """Compare every file of a snapshot with the digest in its card.

    Raises
    ------
    ModelError
        A file is missing or another one.
    """
    for name, expected in read_card(folder).files.items():
        path = folder / name
        if path.is_file() and digest(path) == expected:
            continue
        repair = f"run: {remake(folder / HANDLE)}"
        if path.is_symlink():
            repair = f"the file is your own, {path.readlink()}: bring it back, or {repair}"
        raise ModelError(
            "a file of the snapshot is missing or damaged", where=str(path), remedy=repair
        )


def make_snapshot(row: ModelRow, folder: Path) -> ModelCard:
    """Turn any source into a local snapshot.

    Parameters
    ----------
    row
        Row of the models sheet.
    folder
        Where the snapshot is made; a half-made one is replaced.

    Returns
    -------
    ModelCard
        What was written to ``model.json``.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    _refuse_own_folder(row, folder)
    staging = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        fetched = fetch(row, staging / "source")
        source_digest = digest(fetched.path) if fetched.is_gguf else ""
        stored_as = (
            write_gguf(fetched.path, staging) if fetched.is_gguf else _link(fetched, staging)
        )
        shutil.rmtree(staging / "source", ignore_errors=True)
        card = _describe(row, fetched, staging, stored_as, source_digest)
    except ModelError as error:
        raise _named(row, staging, error) from None
    atomic_write_text(staging / HANDLE, json.dumps(asdict(card), indent=2, ensure_ascii=False))
    shutil.rmtree(folder, ignore_errors=True)
    staging.replace(folder)
    return card


def _named(row: ModelRow, staging: Path, error: ModelError) -> ModelError:
    """Give the same fault with the model's name, and without the folder that is being made."""
    within = error.where
    if within.startswith(str(staging)):
        within = within.removeprefix(str(staging)).removeprefix("/")
    name = f"model '{row.model}'"
    told = within if within.startswith(name) else ", ".join(filter(None, (name, within)))
    source = f"{row.location}/" if row.source == "folder" else ""
    return error.retold(
        what=error.what.replace(f"{staging}/", source).replace(str(staging), row.location),
        where=told,
    )


def _check_whole(folder: Path) -> None:
    """Every file of weights is as long as its header says."""
    from safetensors import SafetensorError, safe_open

    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"the weights are damaged or cut off ({error})",
                where=str(path),
                remedy="copy or fetch the file again",
            ) from None


def _refuse_own_folder(row: ModelRow, folder: Path) -> None:
    """A source inside the snapshot's folder would be deleted with the old snapshot."""
    source, target = Path(row.location).expanduser().resolve(), folder.resolve()
    if row.source in ("folder", "gguf") and (source == target or target in source.parents):
        raise ModelError(
            f"the source {row.location} lies where the snapshot is made",
            where=f"model '{row.model}'",
            remedy="keep your model in a folder outside of resources/models",
        )


def _link(fetched: Fetched, folder: Path) -> str:
    """Bring a folder's files in: moved where they were downloaded for this, linked otherwise."""
    downloaded = fetched.path.parent.parent == folder
    for path in sorted(fetched.path.iterdir()):
        if not path.is_file() or not is_wanted(path.name) or path.name == HANDLE:
            continue
        target = folder / path.name
        if downloaded:
            path.replace(target)
        elif path.suffix == ".safetensors":
            target.symlink_to(path.resolve())
        else:
            shutil.copyfile(path, target)
    return "safetensors"


def _describe(
    row: ModelRow, fetched: Fetched, folder: Path, stored_as: str, source_digest: str
) -> ModelCard:
    config = read_config(folder, row.part)
    # refuses what cannot be measured before anything else is spent on it
    architecture = architecture_of(config)
    _check_index(folder)
    _check_whole(folder)
    load_tokenizer(folder)
    files = {p.name: digest(p) for p in sorted(folder.iterdir()) if p.is_file()}
    for name, published in fetched.digests.items():
        if files.get(name, published) != published:
            raise ModelError(
                f"{name} is not the file that the hub names: its SHA-256 differs",
                where=f"model '{row.model}' ({row.location} at {fetched.revision})",
                remedy="run the workflow again; it is fetched anew",
            )
    return ModelCard(
        model=row.model,
        source=row.source,
        location=row.location,
        revision=fetched.revision,
        licence=row.licence,
        provenance=row.provenance,
        model_type=config.model_type,
        layers=config.num_hidden_layers,
        neurons=neurons_per_layer(config, architecture),
        hidden_size=config.hidden_size,
        parameters=count_parameters(
            folder, [f".{path}." for path in (row.part, architecture.layers) if path]
        ),
        max_positions=getattr(config, "max_position_embeddings", None),
        part=row.part,
        sites=architecture.sites,
        stored_as=stored_as,
        source_digest=source_digest,
        files=files,
    )


def count_parameters(folder: Path, inside: Sequence[str] = ()) -> int:
    """Parameters of a snapshot, read from the headers of its safetensors.

    Parameters
    ----------
    folder
        The snapshot.
    inside
        Parts of a module's path, such as ``.layers.``; only weights whose names have all count.
        An LM head never counts: no state is taken from it.
    """
    from safetensors import safe_open

    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as weights:
            for name in weights.keys():  # noqa: SIM118 - not a mapping
                if ".lm_head." in f".{name}":
                    continue
                if all(piece in f".{name}" for piece in inside):
                    total += math.prod(weights.get_slice(name).get_shape())
    return total


def _check_index(folder: Path) -> None:
    """The list of weight files may name files beside it, and no others."""
    for path in folder.glob("*.safetensors.index.json"):
        try:
            names = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError, TypeError):
            raise ModelError("the list of weight files is damaged", where=str(path)) from None
        for name in sorted(map(str, names)):
            if Path(name).name != name or not (folder / name).is_file():
                raise ModelError(
                    f"it names '{name}', which is not a file beside it",
                    where=str(path),
                    remedy="fetch the model again, with all of its safetensors",
                )
