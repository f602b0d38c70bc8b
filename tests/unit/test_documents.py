"""Documents and rendered files are in step with what they describe."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import yaml

from neuronxa.config.published import PublishedRow
from neuronxa.config.rows import CorpusRow, ExtractionRow, ModelRow, TaskRow
from neuronxa.config.settings import ConfigFile
from neuronxa.languages import LanguageRow
from neuronxa.models.architectures import ARCHITECTURES
from neuronxa.stores.registry import ALIGNMENT_ARRAYS, ARRAYS


def run(repository, *arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


def test_tables_of_keys_columns_and_arrays_are_in_step_with_the_code(repository):
    done = run(repository, "docs/render.py", "--check")
    assert done.returncode == 0, done.stdout
    # each of them is on a page, with everything that it is about
    config = (repository / "config/README.md").read_text("utf-8")
    for row in (ModelRow, LanguageRow, CorpusRow, ExtractionRow, TaskRow, PublishedRow):
        for column in row.model_fields:
            assert f"\n| `{column}` | " in config, column
    for key in ConfigFile.model_fields:
        assert re.search(rf"^\| `{key}[.`]", config, re.M), key
    results = (repository / "results/README.md").read_text("utf-8")
    for name in (*ARRAYS, *ALIGNMENT_ARRAYS):
        assert f"\n| `{name}` | " in results, name


def test_the_pages_are_built_without_a_warning_and_ask_nobody(repository, tmp_path):
    options = ["--fail-on-warning", "--keep-going", "--quiet", "--doctree-dir", tmp_path / "trees"]
    folder = tmp_path / "pages"
    done = run(repository, "-m", "sphinx", "--conf-dir", "docs", *options, ".", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "index.html").exists()
    front = (folder / "README.html").read_text("utf-8")
    for page in (repository / "docs").glob("*.md"):
        assert f'href="docs/{page.stem}.html"' in front, page.name
    for page in folder.rglob("*.html"):
        # links to elsewhere are followed by readers alone
        text = page.read_text("utf-8")
        assert not re.findall(r"<(?:script|img|link|iframe)[^>]*=\"(?:https?:)?//", text), page


def test_every_key_of_the_config_has_a_comment_and_the_shipped_value_is_the_default(repository):
    path = repository / "config/config.yaml"
    shipped = yaml.safe_load(path.read_text("utf-8"))
    assert set(shipped) == set(ConfigFile.model_fields)
    lines = path.read_text("utf-8").splitlines()
    for key in shipped:
        (number,) = [i for i, line in enumerate(lines) if line.startswith(f"{key}:")]
        assert lines[number - 1].startswith("#") or lines[number + 1].lstrip().startswith("#"), key
    parsed = ConfigFile.model_validate(shipped)
    for key in ("extraction", "alignment", "statistics", "sheets"):
        assert getattr(parsed, key) == type(getattr(parsed, key))()


def test_environments_are_in_step_with_the_pins(repository):
    done = run(repository, "envs/render.py", "--check")
    assert done.returncode == 0, done.stdout


def test_the_lock_holds_every_pin_with_hashes(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]
    lock = (repository / "envs/lock.txt").read_text("utf-8")
    # a package and its version, then a hash of each of its files
    packages = re.findall(
        r"^([\w.-]+==[^\s\\]+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", lock, re.M
    )
    assert len(packages) == len(re.findall(r"^[\w.-]+==", lock, re.M)) > 100
    locked = {pin.lower().replace("_", "-") for pin, _ in packages}
    torch = (repository / "envs/torch.txt").read_text("utf-8").splitlines()
    extras = project["optional-dependencies"].values()
    for pin in [*project["dependencies"], *(pin for group in extras for pin in group)]:
        assert "==" in pin
        assert pin.lower() in locked or pin in torch, pin
    assert not any(pin.startswith("torch==") for pin in locked)


def test_every_family_is_named_in_the_documents(repository):
    text = (repository / "docs/extraction.md").read_text("utf-8")
    for kind, architecture in ARCHITECTURES.items():
        found = [line for line in text.splitlines() if line.startswith("|") and f"`{kind}`" in line]
        assert len(found) == 1, f"'{kind}' has {len(found)} rows in the table of docs/extraction.md"
        assert found[0].endswith(f"| {architecture.batching} |"), kind
    assert "_TABLE" not in text


def test_the_readme_is_finished_and_its_links_exist(repository):
    text = (repository / "README.md").read_text("utf-8")
    assert not re.findall(r"@[A-Z_]+@", text)
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (repository / link).exists(), link


def anchors(text):
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    plain = [re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def test_every_link_of_the_documents_leads_to_a_file_and_its_heading(repository):
    pages = [repository / "README.md", *repository.glob("*/README.md")]
    pages += (repository / "docs").glob("*.md")
    checked, wrong = 0, []
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if link.startswith(("http://", "https://")):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            checked += 1
            if not target.exists():
                wrong.append(f"{page.name}: {link}")
            elif anchor and anchor not in anchors(target.read_text("utf-8")):
                wrong.append(f"{page.name}: {link}: no such heading")
    assert checked > 50
    assert not wrong


def test_every_page_of_the_documents_can_be_found_from_the_readme(repository):
    reached, queue = set(), [repository / "README.md"]
    while queue:
        page = queue.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text("utf-8"))
        queue += [(page.parent / link).resolve() for link in links if "://" not in link]
    pages = {path.resolve() for path in (repository / "docs").glob("*.md")}
    assert pages <= {path.resolve() for path in reached}


def test_the_map_of_the_paper_names_what_the_workflow_makes(repository):
    text = (repository / "docs/map.md").read_text("utf-8")
    rules = "".join(p.read_text("utf-8") for p in (repository / "workflow/rules").glob("*.smk"))
    for rule in re.findall(r"`((?:plot|tabulate|compare|control|leave|test)_[a-z_]+)`", text):
        assert f"rule {rule}:" in rules, rule


def test_the_container_has_the_environment_of_make_and_the_python_of_the_others(repository):
    text = (repository / "envs/Containerfile").read_text("utf-8")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    python = yaml.safe_load((repository / "envs/models.yaml").read_text("utf-8"))["dependencies"][0]
    assert steps[0] == ["FROM", f"docker.io/library/{python.replace('=', ':')}-slim"]
    assert ["RUN", "make install"] in steps
    assert ["COPY", ". ."] in steps
    # what the environment is made from is in the image
    ignored = (repository / ".containerignore").read_text("utf-8").split()
    for name in ("envs", "pyproject.toml", "Makefile", "workflow", "config"):
        assert name not in ignored
        assert (repository / name).exists()
