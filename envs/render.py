"""Render the environments from the pins in pyproject.toml.

Usage::

    python envs/render.py          # write envs/*.yaml, envs/data.txt and envs/torch.txt
    python envs/render.py --check  # fail if they are out of step
    python envs/render.py --lock   # take torch out of the lock that pip-compile has written
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
#: Its builds differ by platform and come from several indexes, so no list of hashes holds them all.
UNHASHED = "torch"
HEADER = (
    "# Rendered from pyproject.toml by envs/render.py: edit the pins there, then run `make lock`.\n"
)


def rendered() -> dict[str, str]:
    """File name -> content of everything that is rendered."""
    pyproject = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    project = pyproject["project"]
    core: list[str] = project["dependencies"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    data: list[str] = pyproject["tool"]["neuronxa"]["data-packages"]
    return {
        "analysis.yaml": conda([*core, *[p for p in data if "webengine" in p]]),
        "models.yaml": conda([*core, *extras["models"]]),
        "torch.txt": HEADER
        + "# No hashes: its builds differ by platform and come from several indexes.\n"
        + "".join(f"{pin}\n" for pin in extras["models"] if pin.startswith(f"{UNHASHED}==")),
        "data.txt": HEADER + "\n".join(data) + "\n",
    }


def conda(pins: list[str]) -> str:
    """A conda environment whose packages come through pip, at the pinned versions."""
    lines = [
        "channels:",
        "  - conda-forge",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
    ]
    return HEADER + "\n".join([*lines, *(f"      - {pin}" for pin in sorted(pins))]) + "\n"


def without_unhashed(lock: str) -> str:
    """A lock file without the package whose hashes hold on one machine alone."""
    kept, dropping = [], False
    for line in lock.splitlines(keepends=True):
        if not line.startswith((" ", "\t")):
            dropping = line.startswith(f"{UNHASHED}==")
        if not dropping:
            kept.append(line)
    return "".join(kept)


def main() -> int:
    """Write the files, or say which are out of step."""
    if "--lock" in sys.argv:
        path = HERE / "lock.txt"
        path.write_text(without_unhashed(path.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    stale = [n for n, text in rendered().items() if _read(HERE / n) != text]
    if "--check" in sys.argv:
        for name in stale:
            print(f"envs/{name} is out of step with pyproject.toml: run `make lock`")
        return bool(stale)
    for name in stale:
        (HERE / name).write_text(rendered()[name], encoding="utf-8")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
