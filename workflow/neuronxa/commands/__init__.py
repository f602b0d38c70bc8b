"""The commands of ``python -m neuronxa``: one module each, with its options and what it does.

A command returns its exit status: 0 = all is well, 1 = it found something; wrong usage ends with 2.
"""

from __future__ import annotations

from types import ModuleType

from neuronxa.commands import bucket, compare, doctor, gc, info, plan, run, space, unlock, verify

#: A command's module has ``add_options(parser)`` and ``run(options) -> int``; its docstring's first
#: line is its help. Its name is the command's.
COMMANDS: tuple[ModuleType, ...] = (
    verify,
    info,
    compare,
    doctor,
    plan,
    space,
    gc,
    run,
    unlock,
    bucket,
)
