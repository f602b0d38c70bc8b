"""How long Snakemake plans, by models, languages and corpora: dry runs of made-up projects.

Run by ``make bench-dag``. Nothing is computed: the models are names on a hub, the texts one line.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
#: Models, languages and corpora of each dry run.
SIZES = ((2, 24, 1), (10, 204, 1), (10, 204, 3), (100, 204, 1), (10, 1000, 1), (100, 1000, 1))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes",
        nargs="+",
        default=["x".join(map(str, size)) for size in SIZES],
        help="models x languages x corpora, such as 10x204x3",
    )
    print("| models | languages | corpora | jobs | seconds | memory (MB) |")
    print("|---|---|---|---|---|---|")
    for size in parser.parse_args().sizes:
        models, languages, corpora = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            make_project(Path(folder), models, languages, corpora)
            jobs, seconds, memory = dry_run(Path(folder))
        print(
            f"| {models} | {languages} | {corpora} | {jobs:,} | {seconds:.1f} | {memory} |",
            flush=True,
        )


def codes(count: int) -> list[str]:
    """English, and made-up codes for other languages."""
    letters = "abcdefghijklmnopqrst"
    made = [f"{a}{b}{c}_Latn" for a in "xyz" for b in letters for c in letters]
    return ["eng_Latn", *made][:count]


def make_project(folder: Path, models: int, languages: int, corpora: int) -> None:
    """Sheets, texts and a config."""
    known = (REPOSITORY / "config/languages.tsv").read_text("utf-8").splitlines()
    rows = [line for line in known if not line.startswith("#")]
    head, english = rows[0], next(line for line in rows if line.startswith("eng_Latn\t"))
    chosen = codes(languages)
    others = [
        f"{code}\t{code[:3]}\tLatn\t{code[:3]}\tLanguage {code[:3]}\tNone\tlong-tail"
        for code in chosen[1:]
    ]
    (folder / "languages.tsv").write_text("\n".join([head, english, *others]) + "\n", "utf-8")
    lines = ["model\tlabel\tsource\tlocation\tshape"]
    lines += [f"m{n}\tModel {n}\thub\torg/m{n}\t32x14336x4096 7.0B" for n in range(models)]
    (folder / "models.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    lines = ["corpus\tlabel\treader\tlocation\tsentences"]
    for number in range(corpora):
        texts = folder / f"texts{number}"
        texts.mkdir()
        for code in chosen:
            (texts / f"{code}.txt").write_text("One line.\n", "utf-8")
        lines.append(f"c{number}\tCorpus {number}\tfolder\t{texts}\t1")
    (folder / "corpora.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    config: dict[str, Any] = {
        "models": [f"m{n}" for n in range(models)],
        "corpora": [f"c{n}" for n in range(corpora)],
        "languages": "all",
        "tasks": [],
        "sheets": {name: f"{name}.tsv" for name in ("models", "languages", "corpora")},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(config), "utf-8")
    for name in ("config", "workflow"):
        (folder / name).symlink_to(REPOSITORY / name)


def dry_run(folder: Path) -> tuple[int, float, int]:
    """Number of jobs, seconds, and peak memory in MB of the largest process so far."""
    command = [str(Path(sys.executable).with_name("snakemake")), "--dry-run", "--quiet", "rules"]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", "run.yaml"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    found = re.search(r"^total\s+(\d+)", done.stdout + done.stderr, re.MULTILINE)
    if done.returncode or found is None:
        raise RuntimeError(json.dumps({"out": done.stdout[-2000:], "err": done.stderr[-2000:]}))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return int(found[1]), seconds, memory


if __name__ == "__main__":
    main()
