"""`docs/errors.md`: what every case tells the user, written by the cases themselves.

    python -m tests.refusals.catalog [--check]

The tests compare each message with the page, so a message that changes shows in the page's diff.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..torture.runs import REPOSITORY
from . import models, scores, settings, sheets, texts
from .case import Case, Refusal, make_good_project, refuse

PAGE = REPOSITORY / "docs" / "errors.md"
SECTIONS = {
    "Configuration": settings.CASES,
    "Sheets": sheets.CASES,
    "Parallel text": texts.CASES,
    "Models": models.CASES,
    "Downstream data": scores.CASES,
}
HEAD = """\
# Errors and remedies

Every message says what is wrong, where, what is allowed and what to do. What can be known before
the first job is refused before it; the rest stops one job, whose log has the traceback. Nothing
that was computed is touched: mend the fault and start the same command again.

Each message below is what `make run` says of this fault. *(job)* marks those that a job finds.
Damage of results is told by `make verify` ([provenance.md](provenance.md)); full disks, memory and
kills are in [robustness.md](robustness.md).
"""


def cases() -> Iterator[tuple[str, Case]]:
    """Every case with its section."""
    for section, found in SECTIONS.items():
        yield from ((section, case) for case in found)


def documented() -> dict[tuple[str, str], str]:
    """The messages of the page, by section and title."""
    found = {}
    for section in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        for entry in re.split(r"^\*\*", section, flags=re.MULTILINE)[1:]:
            title, block = entry.split("**", 1)
            text = block.split("```text\n")[1].split("\n```")[0]
            found[section.splitlines()[0], title] = text
    return found


def _entry(case: Case, refusal: Refusal) -> str:
    mark = " *(job)*" if case.target else ""
    message = refusal.message or f"?? exit status {refusal.status}\n{refusal.screen[-1500:]}"
    return f"**{case.title}**{mark}\n\n```text\n{message}\n```\n"


def wrong_with(refusal: Refusal, message: str) -> list[str]:
    """What a refusal lacks: one message, as it is documented, and nothing else lost or shown."""
    checks = {
        f"exit status {refusal.status}": refusal.status == 1,
        f"another message: {refusal.message}": refusal.message == message,
        # when a job finds it: at once, and again at the end of the run
        "not shown, or too often": 1 <= refusal.screen.count(message.splitlines()[-1]) <= 2,
        f"a traceback: {refusal.screen}": "Traceback" not in refusal.screen,
        f"lost: {refusal.lost}": not refusal.lost,
    }
    return [told for told, right in checks.items() if not right]


def main() -> int:
    """Run every case, and write the page or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the page, do not write it")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_good_project(folder / "good")
        found = [
            (section, case, refuse(folder / "good", folder / str(number), case))
            for number, (section, case) in enumerate(cases())
        ]
    if check:
        expected = documented()
        wrong = {
            case.title: told
            for section, case, refusal in found
            if (told := wrong_with(refusal, expected[section, case.title]))
        }
        print(f"{len(found)} bad inputs, {len(wrong)} not refused as documented")
        print(*(f"{title}: {told}" for title, told in wrong.items()), sep="\n")
        return int(bool(wrong))
    page = HEAD
    for section in SECTIONS:
        mine = [_entry(case, refusal) for s, case, refusal in found if s == section]
        page += f"\n## {section}\n\n" + "\n".join(mine)
    PAGE.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
