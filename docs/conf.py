"""How Sphinx builds the documents as pages: ``make docs``.

The pages are the files that one reads in the repository, so the root of the repository is the
source folder, and ``docs/README.md`` is the table of contents.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from neuronxa import __version__

ROOT = Path(__file__).parent.parent

project = "NeuronXA"
author = "the NeuronXA workflow's authors"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["README.md", "CHANGELOG.md", "*/README.md", "docs/*.md", "docs/*.rst"]
exclude_patterns = ["docs/_build", ".*"]

html_theme = "furo"
html_title = f"NeuronXA {version}"
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["dollarmath"]
#: Headings have the anchors that they have on GitHub.
myst_heading_anchors = 4

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = False
napoleon_use_ivar = True


def contents(page: str) -> str:
    """Toctrees for the sidebar, from the lists of a page of contents."""
    trees = ["```{toctree}\n:hidden:\nAll documents </docs/README>"]
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        links = re.findall(r"^- \[([^]]+)\]\(([^)]+)\)", section, flags=re.MULTILINE)
        entries = [f"{title} <{_document(link)}>" for title, link in links]
        caption = section.splitlines()[0]
        trees.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", *entries]))
    return "".join(f"\n{tree}\n```\n" for tree in trees)


def _document(link: str) -> str:
    """Sphinx's name of a page that ``docs/README.md`` links to."""
    path = (ROOT / "docs" / link).resolve().relative_to(ROOT)
    return f"/{path.with_suffix('')}"


def add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """The front page gets the sidebar."""
    if name == root_doc:
        source[0] += contents((ROOT / "docs/README.md").read_text("utf-8"))


def write_index(app: Sphinx, error: Exception | None) -> None:
    """A folder of pages is opened by its ``index.html``."""
    if error is None and app.builder.format == "html":
        target = f'<meta http-equiv="refresh" content="0; url={root_doc}.html">'
        page = f'<!doctype html><meta charset="utf-8"><title>{project}</title>{target}\n'
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def inline_math(self: HTML5Translator, node: nodes.math) -> None:
    """A formula as MathML, which browsers draw without any script."""
    self.body.append(latex2mathml.tex2mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def block_math(self: HTML5Translator, node: nodes.math_block) -> None:
    """The same on a line of its own, with room for what is above and below the line."""
    formula = latex2mathml.tex2mathml(node.astext(), as_block=True)
    self.body.append(f'<div style="padding: 0.5em 0">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the above."""
    app.connect("source-read", add_contents)
    app.connect("build-finished", write_index)
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
