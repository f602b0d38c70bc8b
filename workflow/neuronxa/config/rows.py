"""The rows of the sheets in ``config/``: models, corpora, extractions and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from neuronxa.languages import CodeScheme
from neuronxa.sheets import Row

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


def _inside(pattern: str) -> str:
    if pattern.startswith("/") or ".." in PurePosixPath(pattern).parts:
        raise ValueError("leaves its folder: write a path inside it, without '..'")
    return pattern


#: A file name with {language} in it; subfolders are allowed, leaving the folder is not.
Pattern = Annotated[str, AfterValidator(_inside)]

SourceKind = Literal["hub", "folder", "gguf", "package"]
ReaderKind = Literal["folder", "tatoeba", "hub", "interface"]
Selection = Literal["first", "random"]
Site = Literal["gate", "product"]
Pooling = Literal["weighted", "mean", "last"]
SpecialTokens = Literal["include", "exclude"]
Precision = Literal["float32", "bfloat16", "float16"]
TaskKind = Literal["facts", "bmlama", "nli", "harness", "scores"]
ScoreKind = Literal["benchmarks", "transfer"]
Relation = Literal["continent", "language", "currency", "capital"]


#: Columns of corpora and tasks that are shown and change no number.
SHOWN: set[str] = {"label", "benchmark", "licence", "note"}


@dataclass(frozen=True)
class Shape:
    """What the work and the disk of a model depend on.

    Attributes
    ----------
    layers, neurons, hidden_size
        Number of decoder layers, of FFN neurons per layer, and width of the hidden states.
    parameters
        Number of parameters of the layers: without the LM head and the embeddings.
    """

    layers: int
    neurons: int
    hidden_size: int
    parameters: int

    def __str__(self) -> str:
        billions = self.parameters >= 1e9
        number = self.parameters / (1e9 if billions else 1e6)
        size = f"{number:.1f}B" if billions else f"{number:.0f}M"
        return f"{self.layers}x{self.neurons}x{self.hidden_size} {size}"


class ModelRow(Row):
    """One model: where it comes from and how it is shown."""

    model: Slug = Field(description="name in paths and tables: letters, digits, `.`, `_` and `-`")
    label: str = Field(min_length=1, description="name in figures and tables")
    source: SourceKind = Field(description="what the location is")
    location: str = Field(
        min_length=1,
        description="hub id; folder in transformers' layout; GGUF file; `package/file` inside an "
        "installed package, or `package:function` that puts one together",
    )
    revision: str = Field(
        "",
        description="hub only: commit, tag or branch (empty: main); the commit that it stands for "
        "is recorded",
    )
    part: str = Field(
        "",
        description="multimodal models only: path of the language model inside, often "
        "`language_model`",
    )
    shape: str = Field(
        "",
        pattern=r"^(\d+x\d+x\d+ \d+(\.\d+)?[MB])?$",
        description="layers x neurons x hidden size, and parameters of the layers, such as "
        "`32x14336x4096 7.0B`: for plans of models that are not fetched yet; no number depends on "
        "it",
    )
    aliases: str = Field(
        "",
        description="other names in tables of scores, separated by commas; its location, with or "
        "without the organisation, is known anyway",
    )
    licence: str = Field("", description="licence of the weights, shown in the report")
    provenance: str = Field(
        "", description="who published the weights and who wrapped them, shown in the report"
    )

    @property
    def told(self) -> Shape | None:
        """The column ``shape``."""
        if not self.shape:
            return None
        sizes, _, size = self.shape.partition(" ")
        layers, neurons, hidden_size = map(int, sizes.split("x"))
        parameters = float(size[:-1]) * {"M": 1e6, "B": 1e9}[size[-1]]
        return Shape(layers, neurons, hidden_size, round(parameters))

    @property
    def other_names(self) -> tuple[str, ...]:
        """The names in ``aliases``."""
        return tuple(name.strip() for name in self.aliases.split(",") if name.strip())


class CorpusRow(Row):
    """One parallel corpus."""

    corpus: Slug = Field(description="name in paths and tables")
    label: str = Field(min_length=1, description="name in figures and tables")
    reader: ReaderKind = Field(
        description="`folder`: one file per language, parallel by line; `tatoeba`: pairs, each "
        "language with its own English side; `hub`: a data set; `interface`: Chromium's interface "
        "strings, from an installed package"
    )
    location: str = Field("", description="folder, hub id, or package that holds the text")
    revision: str = Field("", description="hub only: commit, tag or branch")
    pattern: Pattern = Field(
        "{language}.txt",
        description="folder: name of a file, hub: name of a configuration, with {language} for the "
        "code",
    )
    column: str = Field("text", description="hub only: column that holds the sentence")
    split: str = Field("devtest", description="hub only: split")
    codes: CodeScheme = Field(
        "flores",
        description="which codes the names use: `flores` (swh_Latn), `iso639_3` (swh) or `bcp47` "
        "(sw)",
    )
    sentences: int = Field(
        100,
        ge=1,
        description="how many are used; scores are comparable only at an equal number: they fall "
        "as it grows",
    )
    selection: Selection = Field(
        "first",
        description="first lines, or a random draw; never depends on which languages are "
        "configured",
    )
    seed: int = Field(0, ge=0, description="seed of the random draw")
    licence: str = Field("", description="licence of the text, shown in the report")
    note: str = Field("", description="what a reader of the results must know of this text")

    @property
    def layout(self) -> Literal["parallel", "pairs"]:
        """``pairs`` where each language comes with its own pivot side, else ``parallel``."""
        return "pairs" if self.reader == "tatoeba" else "parallel"


class ExtractionRow(Row):
    """One way to extract: sites, pooling, special tokens and precision."""

    extraction: Slug = Field(description="name in paths and tables")
    label: str = Field(min_length=1, description="name in figures and tables")
    site: Literal["gate", "product", "both"] = Field(
        "gate",
        description="which FFN tensor is the neuron: `gate` = act(W_gate x), `product` = "
        "act(W_gate x) * (W_up x)",
    )
    pooling: Pooling = Field(
        "weighted",
        description="from tokens to a sentence: later tokens weigh more, all the same, or the last",
    )
    special_tokens: SpecialTokens = Field(
        "include", description="whether tokens that the tokenizer adds are pooled"
    )
    dtype: Precision = Field("float32", description="precision of the forward pass")
    stored: Literal["float32", "float16"] = Field(
        "float32",
        description="precision in which NAV and hidden states are stored; NAS is always exact",
    )
    max_tokens: int = Field(
        2048, ge=2, description="a longer sentence is an error; nothing is ever cut"
    )

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites that are captured, in a fixed order."""
        return ("gate", "product") if self.site == "both" else (self.site,)


class TaskRow(Row):
    """One downstream task: what is run here, or scores that a user brings."""

    task: Slug = Field(description="name in paths and tables")
    label: str = Field(min_length=1, description="name in figures and tables")
    kind: TaskKind = Field(
        description="`facts`: countries, asked in CLDR's words; `bmlama`: knowledge; `nli`: "
        "fine-tuned on English, evaluated everywhere; `harness`: any task family of "
        "lm-evaluation-harness; `scores`: measured elsewhere, your own or published"
    )
    benchmark: str = Field(
        "",
        description="what is measured; rows with the same word are sources of one benchmark and "
        "are compared; empty = the row's own name",
    )
    relation: Relation | None = Field(None, description="facts: what is asked of a country")
    location: str = Field(
        "",
        description="bmlama, nli: folder, or for nli `hub:<id>@<revision>`; harness: folder of "
        "task files of your own, whose data are then local; scores: CSV file, or folder of results "
        "of lm-evaluation-harness",
    )
    training: str = Field(
        "", description="nli: file of English training pairs, or `hub:<id>@<revision>`"
    )
    pattern: Pattern = Field(
        "{language}.tsv",
        description="bmlama, nli: file name (hub: configuration); harness, and scores that the "
        "harness wrote: name of its tasks; with {language} for the code",
    )
    codes: CodeScheme = Field("bcp47", description="which codes the names use, as in corpora.tsv")
    languages: str = Field(
        "", description="nli from a hub: codes of the languages it has, separated by commas"
    )
    items: int | None = Field(
        None,
        ge=5,
        description="number of questions (harness: per language), drawn by seed; empty = all",
    )
    shots: int = Field(5, ge=0, description="facts, harness: worked examples in the prompt")
    seed: int = Field(0, ge=0, description="seed of the draw and of the fine-tuning")
    select: str = Field(
        "",
        description="scores: task in the file (empty = the row's own name), then conditions such "
        "as `n_shot=5`, `path=results/*`, `path=!*13B*`; harness: languages whose task has another "
        "name, such as `en=arc_challenge`; separated by commas",
    )
    metric: str = Field(
        "accuracy",
        description="harness, scores: which metric; the harness says `acc`, `acc_norm`, or "
        "`metric,filter` where a task has several filters",
    )
    licence: str = Field("", description="licence of the data, shown in the report")
    note: str = Field("", description="what a reader of the results must know of this task")

    @property
    def measured(self) -> str:
        """Name of the benchmark, which several rows may be sources of."""
        return self.benchmark or self.task

    @property
    def own_shots(self) -> int | None:
        """Number of worked examples in the prompts of a task that is run here; None without any."""
        return self.shots if self.kind in ("facts", "harness") else None

    @property
    def scored(self) -> dict[ScoreKind, tuple[str, ...]]:
        """What the task yields per language: ``benchmarks`` or ``transfer`` -> metrics."""
        kinds: dict[TaskKind, dict[ScoreKind, tuple[str, ...]]] = {
            "facts": {"benchmarks": ("accuracy",), "transfer": ("rankc",)},
            "bmlama": {"benchmarks": ("accuracy",), "transfer": ("rankc", "overlap")},
            "nli": {"transfer": ("accuracy", "ratio")},
            "harness": {"benchmarks": (self.metric,)},
            "scores": {"benchmarks": (self.metric,)},
        }
        return kinds[self.kind]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Each kind needs columns of its own."""
        for column in REQUIRED_COLUMNS[self.kind]:
            if not getattr(self, column):
                raise ValueError(f"a task of kind '{self.kind}' needs a '{column}'")
        if self.kind == "harness" and "{language}" not in self.pattern:
            raise ValueError("a task of kind 'harness' needs a 'pattern' with {language}")
        return self


#: Columns that a kind of task cannot do without.
REQUIRED_COLUMNS: dict[TaskKind, tuple[str, ...]] = {
    "facts": ("relation",),
    "bmlama": ("location",),
    "nli": ("location", "training"),
    "harness": ("pattern",),
    "scores": ("location",),
}
