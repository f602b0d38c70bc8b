"""Ask an advisory service for known faults of the pinned packages.

Usage::

    python envs/audit.py               # asks https://api.osv.dev
    python envs/audit.py --service URL # another service that speaks the same

Names and versions of envs/*.txt are sent, nothing else. Exit status: 0 = no advisory, 1 = there are
some, 2 = the service cannot be reached, so nothing was checked.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
SERVICE = "https://api.osv.dev"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)


def pins(folder: Path = HERE) -> list[tuple[str, str]]:
    """Name and version of every package that is installed."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]
    return sorted({pin for text in texts for pin in PIN.findall(text)})


def advisories(
    packages: list[tuple[str, str]], service: str = SERVICE
) -> dict[tuple[str, str], list[str]]:
    """Package -> names of its advisories, in one request.

    Raises
    ------
    OSError
        The service cannot be reached, or does not answer as expected.
    """
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in packages
    ]
    request = urllib.request.Request(
        f"{service}/v1/querybatch",
        data=json.dumps({"queries": queries}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        try:
            results = json.load(answer)["results"]
        except (ValueError, KeyError, TypeError):
            raise OSError("the answer is not that of an advisory service") from None
    if len(results) != len(packages):
        raise OSError(f"{len(packages)} packages were asked for, {len(results)} answered")
    return {
        package: [one["id"] for one in result.get("vulns", [])]
        for package, result in zip(packages, results, strict=True)
        if result.get("vulns")
    }


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each package with advisories."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--service", default=SERVICE)
    service = parser.parse_args(arguments).service
    packages = pins()
    try:
        found = advisories(packages, service)
    except OSError as error:
        print(f"{service} cannot be asked ({error}): nothing was checked.", file=sys.stderr)
        return 2
    for (name, version), names in found.items():
        print(f"{name} {version}: {', '.join(f'https://osv.dev/{one}' for one in names)}")
    print(f"{len(packages)} packages, {len(found)} with advisories")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
