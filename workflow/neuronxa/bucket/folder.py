"""The files of a run's folder that go into its bucket."""

from __future__ import annotations

from pathlib import Path

#: Folders that are in the bucket. Without Snakemake's own notes a changed setting would not show.
FOLDERS = ("results", "resources", ".snakemake/metadata", ".snakemake/incomplete")


def paths_in(root: Path) -> list[str]:
    """Paths of all files of a run's folder that go into the bucket."""
    return sorted(
        path.relative_to(root).as_posix()
        for folder in FOLDERS
        for path in (root / folder).rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(root / folder).parts)
        and path.is_file()
    )


def naming_in(root: Path) -> dict[str, bytes]:
    """The files that name others, with their content: to be read before those."""
    found = {}
    for path in paths_in(root):
        if names_others(path):
            try:
                found[path] = (root / path).read_bytes()
            except FileNotFoundError:
                continue
    return found


def names_others(path: str) -> bool:
    """Whether a file says what other files are: records, manifests, Snakemake's notes."""
    if path.startswith(".snakemake/"):
        return True
    return path.endswith(".json") and ".zarr/" not in path
