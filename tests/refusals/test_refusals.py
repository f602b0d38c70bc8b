"""Bad input is one message that says what, where and what to do; what was made is not touched."""

from __future__ import annotations

import pytest

from .case import make_good_project, refuse
from .catalog import cases, documented, wrong_with

CASES = list(cases())
#: Faults that a plan finds, and every sixth of those that a job finds: each starts programs for
#: seconds. `python -m tests.refusals.catalog --check` tries them all.
SHORT = [one for one in CASES if not one[1].target]
SHORT += [one for one in CASES if one[1].target][::6]
NAMES = [f"{section}: {case.title}" for section, case in SHORT]

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good") / "project"
    make_good_project(folder)
    return folder


@pytest.mark.parametrize(("section", "case"), SHORT, ids=NAMES)
def test_a_fault_is_one_message(good, tmp_path, section, case):
    refusal = refuse(good, tmp_path / "project", case)
    assert not wrong_with(refusal, documented()[section, case.title])


@pytest.mark.parametrize("title", ["A key twice", "A day that does not exist", "A slash in a name"])
def test_snakemake_shows_what_the_plan_says(good, tmp_path, title):
    ((section, case),) = [one for one in CASES if one[1].title == title]
    refusal = refuse(good, tmp_path / "project", case, really=True)
    assert not wrong_with(refusal, documented()[section, title])


def test_the_page_holds_these_cases_and_no_others():
    assert list(documented()) == [(section, case.title) for section, case in CASES]
    assert len(CASES) >= 100
