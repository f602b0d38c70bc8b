"""The limits of control groups, of both versions, one in another."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neuronxa.machine import control_groups
from neuronxa.machine.control_groups import limit, memory_kills, room

from ..torture.small_memory import cannot_limit, small_memory, within

UNLIMITED = str(2**63 - 4096)

TAKE = """
import sys
from neuronxa.machine.control_groups import limit, room
print(limit(), room(), flush=True)
kept = bytearray(300_000_000)
kept[::4096] = b"1" * len(kept[::4096])
"""


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Make groups that look like the real ones; gets what a process is told that it is in."""
    root = tmp_path / "cgroup"
    monkeypatch.setattr(control_groups, "ROOT", root)
    monkeypatch.setattr(control_groups, "MACHINE", tmp_path / "vmstat")
    monkeypatch.setattr(control_groups, "MEMBERSHIP", tmp_path / "membership")

    def make(membership, files):
        (tmp_path / "membership").write_text(membership)
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)

    return make


def group_2(name, most, used, files=0):
    return {
        f"{name}memory.max": most,
        f"{name}memory.current": str(used),
        f"{name}memory.stat": f"anon 7\ninactive_file {files}\n",
    }


def group_1(name, most, used, files=0):
    return {
        f"memory/{name}memory.limit_in_bytes": most,
        f"memory/{name}memory.usage_in_bytes": str(used),
        f"memory/{name}memory.stat": f"inactive_file 1\ntotal_inactive_file {files}\n",
    }


def test_the_least_room_of_nested_groups_counts(groups):
    # as a scheduler makes them: the job has a limit, its step has none of its own
    inner, outer = group_2("job/step/", "max", 600), group_2("job/", "1000", 900, files=150)
    groups("0::/job/step\n", inner | outer)
    assert (limit(), room()) == (1000, 250)


def test_the_first_version_is_read_too(groups):
    inner, outer = group_1("job/step/", "700", 600), group_1("job/", UNLIMITED, 900)
    groups("5:cpu:/\n4:memory:/job/step\n0::/\n", inner | outer)
    assert (limit(), room()) == (700, 100)


def test_a_container_sees_its_own_group_as_the_root(groups):
    groups("0::/docker/1f2e\n", group_2("", "1000", 1200))
    assert (limit(), room()) == (1000, 0)


def test_groups_of_others_do_not_count(groups):
    groups("0::/job\n", group_2("job/", "max", 1) | group_2("other/", "10", 9))
    assert (limit(), room()) == (None, None)


def test_without_control_groups_nothing_is_limited(groups):
    assert (limit(), room(), memory_kills()) == (None, None, 0)


@pytest.mark.skipif(bool(cannot_limit()), reason=cannot_limit())
def test_a_real_limit_is_seen_and_a_real_kill_is_counted(repository):
    before, size = memory_kills(), 200 * 2**20
    with small_memory(size) as group:
        done = subprocess.run(
            within(group, [sys.executable, "-c", TAKE]),
            env={"PYTHONPATH": str(repository / "workflow")},
            capture_output=True,
            text=True,
            check=False,
        )
        counted = memory_kills()
    most, free = map(int, done.stdout.split())
    assert most == size
    assert 0 < free < size
    assert done.returncode == -9
    assert counted > before
