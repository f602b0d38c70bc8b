"""The profiles: what they name exists, and a run can be planned through them."""

from __future__ import annotations

import re

import pytest
import yaml

pytestmark = pytest.mark.workflow

PROFILES = ("local", "gpu", "slurm", "kubernetes")


@pytest.fixture(params=PROFILES)
def profile(request, repository):
    return repository / "workflow/profiles" / request.param / "config.yaml"


def rules_of(repository):
    files = [path.read_text("utf-8") for path in (repository / "workflow/rules").glob("*.smk")]
    return set(re.findall(r"^(?:rule|use rule \w+ as) (\w+)", "\n".join(files), re.MULTILINE))


def test_every_rule_that_a_profile_names_exists(profile, repository):
    """Snakemake says nothing of a misspelt one. What is commented out counts too."""
    told = re.findall(r"- (\w+)[:=][^=\n]", profile.read_text("utf-8"))
    named = {one for one in told if "_" in one and not one.endswith(("_mb", "_languages"))}
    named -= {"slurm_account", "slurm_partition"}
    assert named <= rules_of(repository)
    assert named or profile.parent.name == "local"


def test_every_entry_is_explained(profile):
    """A comment stands above each block of entries."""
    blocks = profile.read_text("utf-8").split("\n\n")
    assert [block for block in blocks if "#" not in block] == []
    assert isinstance(yaml.safe_load(profile.read_text("utf-8")), dict)


@pytest.mark.parametrize("name", ["local", "gpu", "slurm"])
def test_a_run_is_planned_through_it(name, repository, tmp_path, snakemake, default_sheets):
    from .project import make_project

    make_project(tmp_path, default_sheets)
    profile = repository / "workflow/profiles" / name
    target = "results/alignment/tiny-llama/toy/default/manifest.json"
    done = snakemake(tmp_path, "-n", "--workflow-profile", str(profile), target)
    assert "extract_activations" in done.stdout
