"""The library has one direction: modules import only from those below them."""

from __future__ import annotations

import ast

# from bottom to top; what stands on one line may not import from its neighbours
ORDER = [
    ["errors", "progress"],
    ["files", "machine"],
    ["sheets", "provenance"],
    ["jobs", "frames", "languages"],
    ["config"],
    ["models", "corpora"],
    ["stores"],
    ["activations"],
    ["alignment", "neurons"],
    ["controls"],
    ["statistics"],
    ["downstream"],
    ["output"],
    ["planning"],
    ["upkeep", "bucket"],
    ["doctor", "library"],
    ["commands"],
    ["__main__"],
]
HEIGHT = {name: height for height, names in enumerate(ORDER) for name in names}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("neuronxa."):
            yield node.module.split(".")[1]
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("neuronxa."):
                    yield alias.name.split(".")[1]


def test_imports_point_downwards(repository):
    library = repository / "workflow" / "neuronxa"
    wrong = []
    for path in library.rglob("*.py"):
        own = path.relative_to(library).with_suffix("").parts[0]
        if own == "__init__":
            continue
        assert own in HEIGHT, f"{own} has no place in the order"
        for other in imports(path):
            if other != own and HEIGHT[other] >= HEIGHT[own]:
                wrong.append(f"{path.relative_to(library)} imports {other}")
    assert not wrong


def test_no_module_needs_scrolling_for_minutes(repository):
    library = repository / "workflow" / "neuronxa"
    long = {
        str(path.relative_to(library)): lines
        for path in library.rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 350
    }
    assert not long


def test_a_dry_run_does_not_need_torch(repository):
    import subprocess
    import sys

    code = (
        "import sys; sys.path.insert(0, 'workflow'); "
        "import neuronxa.planning.plan, neuronxa.jobs.job; "
        "print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
