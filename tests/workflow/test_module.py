"""NeuronXA as a module of another workflow, which asks for its files and uses its rules."""

import subprocess
import sys

from .project import make_project

SNAKEFILE = """
configfile: "config.yaml"


module neuronxa:
    snakefile:
        "{snakefile}"
    config:
        config


use rule * from neuronxa as neuronxa_*


rule count:
    input:
        "resources/corpora/toy/deu_Latn.txt",
    output:
        "count.txt",
    shell:
        "wc -l < {{input}} > {{output}}"


rule best:
    input:
        "results/tables/scores.csv",
    output:
        "best.txt",
    shell:
        "sort {{input}} | tail -1 > {{output}}"
"""


def test_another_workflow_uses_the_rules_as_its_own(tmp_path, repository, default_sheets):
    make_project(tmp_path, default_sheets)
    own = tmp_path / "Snakefile"
    own.write_text(SNAKEFILE.format(snakefile=repository / "Snakefile"), "utf-8")

    def snakemake(*arguments):
        command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    snakemake("count")
    assert (tmp_path / "count.txt").read_text("utf-8").strip() == "10"
    planned = snakemake("best", "--dry-run", "--quiet", "rules")
    for rule in ("snapshot_model", "extract_activations", "align_languages", "tabulate_scores"):
        assert f"neuronxa_{rule}" in planned
