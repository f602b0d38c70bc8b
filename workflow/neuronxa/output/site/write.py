"""Write the pages, with copies of every table and figure, so that the folder can be sent away."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from docutils.core import publish_parts
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from neuronxa.files import atomic_write_text
from neuronxa.output.site.plots import embedded, plot_curves, plot_models, plot_pairs
from neuronxa.output.site.results import Results
from neuronxa.statistics.summaries import RUN, of_run

ASSETS = Path(__file__).parent / "assets"
#: Languages at each end of the list of a model.
ENDS = 5


@dataclass(frozen=True)
class Shown:
    """A table or figure of the run.

    Attributes
    ----------
    path
        The file that a page shows: HTML of a table, SVG of a figure.
    below
        Folder of all tables or figures.
    caption
        What it shows, as reStructuredText.
    """

    path: Path
    below: Path
    caption: str = ""

    @property
    def name(self) -> str:
        """Its path without ending, below the folder."""
        return self.path.relative_to(self.below).with_suffix("").as_posix()

    @property
    def title(self) -> str:
        """Its name in words."""
        *run, name = self.name.split("/")
        return name.replace("_", " ").replace(".", ", ") + (f" ({', '.join(run)})" if run else "")

    def others(self) -> list[Path]:
        """The same in other formats."""
        return sorted(
            path
            for path in self.path.parent.iterdir()
            if path.stem == self.path.stem and path.suffix != self.path.suffix
        )


def write_site(
    results: Results,
    folder: Path,
    *,
    tables: Sequence[Shown] = (),
    figures: Sequence[Shown] = (),
    methods: str = "",
) -> Path:
    """Write all pages; the first one, which leads to the others, is written last.

    Parameters
    ----------
    results
        What is shown.
    folder
        Where the pages go; what an earlier run has left there is removed.
    tables, figures
        What is copied and shown.
    methods
        The page of methods, as reStructuredText.

    Returns
    -------
    Path
        The first page.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for asset in sorted(ASSETS.iterdir()):
        shutil.copy(asset, folder / asset.name)
    atomic_write_text(folder / "plotly.min.js", get_plotlyjs())
    site = _Site(results, folder)
    site.write_models()
    site.write_languages()
    site.write_shown("tables", tables)
    site.write_shown("figures", figures)
    site.page("methods.html", "methods.html", title="Methods and caveats", body=_html(methods))
    return site.write_index()


def caption_of(path: Path, below: Path, folder: Path, *, ending: str = "") -> str:
    """The caption that the report has for a table or figure.

    Parameters
    ----------
    path, below
        The table or figure, and the folder of all of them.
    folder
        Folder of the report's captions, which ask for the wildcards of the rule.
    ending
        What their names end with.
    """
    name, *of_task = path.stem.split(".")
    source = folder / f"{name}{ending}.rst"
    if not source.is_file():
        return ""
    *run, _ = path.relative_to(below).parts
    levels = ("corpus", "extraction") if run[:1] == [name] else RUN
    wildcards = dict(zip(levels, run[run[:1] == [name] :], strict=False))
    wildcards |= dict(zip(("task", "metric"), of_task, strict=False))
    return (
        Environment()
        .from_string(source.read_text("utf-8"))
        .render(snakemake={"wildcards": wildcards, "params": {}, "config": {}})
    )


class _Site:
    """The pages of one site."""

    def __init__(self, results: Results, folder: Path) -> None:
        self.results, self.folder = results, folder
        self.board = results.leaderboard()
        self.board["shown"] = [self._shown(row) for row in self.board[RUN].to_numpy()]
        self._environment = Environment(
            loader=PackageLoader("neuronxa.output.site"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["embedded"] = lambda value: Markup(embedded(value))

    def page(self, path: str, template: str, *, title: str, **values: Any) -> Path:
        """Write one page."""
        text = self._environment.get_template(template).render(
            title=title, root="../" * path.count("/"), **values
        )
        atomic_write_text(self.folder / path, text)
        return self.folder / path

    def write_index(self) -> Path:
        """The leaderboard."""
        return self.page(
            "index.html",
            "index.html",
            title="How well is each language served?",
            board=self.table(self.board, link=""),
            models=self._models(),
            languages=sorted({(row.name, row.language) for row in self.board.itertuples()}),
            pivot=self.results.languages[self.results.pivot].name,
        )

    def write_models(self) -> None:
        """A page per model."""
        for slug, label in self._models():
            runs = []
            for run in self.results.runs:
                if run.key[0] != slug:
                    continue
                board = of_run(self.board, run.key)
                others = board.loc[board["language"] != self.results.pivot]
                order = [str(code) for code in others["language"]]
                options: Any = {"site": run.site, "languages": self.results.languages}
                curves = [
                    plot_curves(
                        run.scores,
                        method=method,
                        pivot=self.results.pivot,
                        order=order,
                        **options,
                    )
                    for method in self.results.methods
                ]
                heat = [
                    plot_pairs(run.pairs, method=method, **options)
                    for method in self.results.methods[:1]
                ]
                leading = self.results.methods[0]
                size = min(ENDS, len(others) // 2)
                ends = [
                    _ends(part, leading) for part in (others.head(size), others[::-1].head(size))
                ]
                runs.append(
                    {
                        "title": f"{self.results.labels.corpus(run.key[1])}, {run.key[2]}",
                        "plots": [plot for plot in (*curves, *heat) if plot],
                        "best": ends[0],
                        "worst": ends[1],
                        "leading": leading,
                        "table": self.table(board, link="../"),
                    }
                )
            self.page(f"models/{slug}.html", "model.html", title=label, runs=runs)

    def write_languages(self) -> None:
        """A page per language."""
        for code, part in self.board.groupby("language"):
            language = self.results.languages[str(code)]
            self.page(
                f"languages/{code}.html",
                "language.html",
                title=language.name,
                language=language,
                plot=plot_models(part, methods=self.results.methods),
                table=self.table(part, link="../"),
            )

    def write_shown(self, kind: str, shown: Sequence[Shown]) -> None:
        """All tables, or all figures, with copies to take away."""
        items = []
        for one in shown:
            target = self.folder / kind / one.name
            target.parent.mkdir(parents=True, exist_ok=True)
            files = [one.path, *one.others()] if kind == "figures" else one.others()
            for path in files:
                shutil.copy(path, target.parent / path.name)
            items.append(
                {
                    "id": one.name.replace("/", "-"),
                    "title": one.title,
                    "caption": _html(one.caption),
                    "files": [
                        (path.suffix[1:], f"{kind}/{Path(one.name).parent / path.name}")
                        for path in files
                    ],
                    "image": f"{kind}/{one.name}.svg",
                    "table": _table_of(one.path) if kind == "tables" else "",
                }
            )
        self.page(f"{kind}.html", f"{kind}.html", title=kind.capitalize(), items=items)

    def table(self, board: pd.DataFrame, *, link: str) -> dict[str, Any]:
        """A table that sorts and searches itself: its columns and its rows."""
        labels = self.results.labels
        columns: list[dict[str, Any]] = [
            {"name": "model", "title": "model", "link": f"{link}models/"},
            {"name": "name", "title": "language", "link": f"{link}languages/"},
            {"name": "language", "title": "code"},
            {"name": "class", "title": "class"},
            {"name": "family", "title": "family"},
        ]
        for name, title in (("corpus", "text"), ("extraction", "extraction")):
            if self.board[name].nunique() > 1:
                columns.append({"name": name, "title": title})
        columns += [{"name": name, "title": name, "score": True} for name in self.results.methods]
        for task, metric in self.results.tasks():
            name = f"{task}:{metric}"
            title = f"{labels.task(task)}, {metric}"
            columns += [
                {"name": name, "title": f"{title}: measured", "score": True},
                {"name": f"{name}:predicted", "title": f"{title}: predicted", "score": True},
            ]
        columns = [
            column
            for column in columns
            if not column.get("score") or board[column["name"]].notna().any()
        ]
        columns.append({"name": "sentences", "title": "n", "score": True, "decimals": 0})
        rows = []
        for row in board.to_dict("records"):
            cells: list[Any] = []
            for column in columns:
                name = column["name"]
                if column.get("score"):
                    cells.append(_cell(row, name, column.get("decimals", 3)))
                elif name == "model":
                    cells.append([labels.model(row["model"]), row["model"]])
                elif name == "name":
                    cells.append([row["name"], row["language"]])
                elif name == "corpus":
                    cells.append(labels.corpus(row["corpus"]))
                else:
                    cells.append(row[name])
            rows.append(cells)
        return {"columns": columns, "rows": rows}

    def _models(self) -> list[tuple[str, str]]:
        slugs = dict.fromkeys(run.key[0] for run in self.results.runs)
        return [(slug, self.results.labels.model(slug)) for slug in slugs]

    def _shown(self, key: Iterable[str]) -> str:
        """A run in words, as short as can be."""
        model, corpus, extraction = key
        runs = [run.key for run in self.results.runs]
        words = [self.results.labels.model(model)]
        if len({run[1] for run in runs}) > 1:
            words.append(self.results.labels.corpus(corpus))
        if len({run[2] for run in runs}) > 1:
            words.append(extraction)
        return ", ".join(words)


def _cell(row: dict[Any, Any], name: str, decimals: int) -> list[float] | None:
    """A score, with its interval where it has one."""
    values = [row[name], row.get(f"{name}:low"), row.get(f"{name}:high")]
    kept = [round(float(value), decimals) for value in values if value is not None]
    if pd.isna(values[0]):
        return None
    return kept if len(kept) == len(values) and not any(map(pd.isna, kept)) else kept[:1]


def _ends(part: pd.DataFrame, method: str) -> list[dict[str, Any]]:
    return [
        {"code": row["language"], "name": row["name"], "value": f"{row[method]:.3f}"}
        for row in part.to_dict("records")
    ]


def _table_of(path: Path) -> Markup:
    """The table inside the page that the workflow has written."""
    found = re.search(r"<table.*</table>", path.read_text("utf-8"), flags=re.DOTALL)
    return Markup(found.group()) if found else Markup("")


def _html(text: str) -> Markup:
    """HTML of a text in reStructuredText, which may include and run nothing."""
    settings = {"file_insertion_enabled": False, "raw_enabled": False, "math_output": "MathML"}
    parts = publish_parts(
        text, writer="html5", settings_overrides={**settings, "initial_header_level": 2}
    )
    return Markup(parts["body"])
