"""The rows of the sheets in ``config/``: models, corpora, extractions and tasks."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from neuronxa.languages import CodeScheme
from neuronxa.sheets import Row

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

SourceKind = Literal["hub", "folder", "gguf", "package"]
ReaderKind = Literal["folder", "tatoeba", "hub", "interface"]
Selection = Literal["first", "random"]
Site = Literal["gate", "product"]
Pooling = Literal["weighted", "mean", "last"]
SpecialTokens = Literal["include", "exclude"]
Precision = Literal["float32", "bfloat16", "float16"]
TaskKind = Literal["facts", "scores"]
Relation = Literal["continent", "language", "currency", "capital"]


class ModelRow(Row):
    """One model: where it comes from and how it is shown."""

    model: Slug = Field(description="name used in paths and tables; no slash")
    label: str = Field(min_length=1, description="name shown in figures and tables")
    source: SourceKind = Field(description="hub, folder, gguf or package")
    location: str = Field(
        min_length=1,
        description="hub id, folder, GGUF file, `package/file`, or `package:function` for one",
    )
    revision: str = Field("", description="hub only: commit hash, tag or branch; empty means main")
    part: str = Field(
        "", description="multimodal models: path of the language model, often `language_model`"
    )
    licence: str = Field("", description="licence of the weights")
    provenance: str = Field("", description="who published the weights and who wrapped them")


class CorpusRow(Row):
    """One parallel corpus."""

    corpus: Slug = Field(description="name used in paths and tables")
    label: str = Field(min_length=1, description="name shown in figures and tables")
    reader: ReaderKind = Field(description="folder, tatoeba, hub or interface")
    location: str = Field("", description="folder, hub id, or package that holds the text")
    revision: str = Field("", description="hub only: revision")
    pattern: str = Field(
        "{language}.txt",
        description="folder and hub: file or configuration name, with {language} for the code",
    )
    column: str = Field("text", description="hub only: column that holds the sentence")
    split: str = Field("devtest", description="hub only: split")
    codes: CodeScheme = Field("flores", description="which codes the file names use")
    sentences: int = Field(100, ge=1, description="how many sentences are used")
    selection: Selection = Field("first", description="first lines or a random draw")
    seed: int = Field(0, ge=0, description="seed of the random draw")
    licence: str = Field("", description="licence of the text")
    note: str = Field("", description="what a reader of the results must know of this text")

    @property
    def layout(self) -> Literal["parallel", "pairs"]:
        """``pairs`` where each language comes with its own pivot side, else ``parallel``."""
        return "pairs" if self.reader == "tatoeba" else "parallel"


class ExtractionRow(Row):
    """One way to extract: sites, pooling, special tokens and precision."""

    extraction: Slug = Field(description="name used in paths and tables")
    label: str = Field(min_length=1, description="name shown in figures and tables")
    site: Literal["gate", "product", "both"] = Field("gate", description="which FFN tensor")
    pooling: Pooling = Field("weighted", description="tokens to sentence")
    special_tokens: SpecialTokens = Field(
        "include", description="whether tokens that the tokenizer adds are pooled"
    )
    dtype: Precision = Field("float32", description="precision of the forward pass")
    stored: Literal["float32", "float16"] = Field(
        "float32", description="precision in which NAV and hidden states are stored"
    )
    max_tokens: int = Field(1024, ge=2, description="longer sentences are refused")

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites that are captured, in a fixed order."""
        return ("gate", "product") if self.site == "both" else (self.site,)


class TaskRow(Row):
    """One downstream task: a probe that is run, or scores that a user brings."""

    task: Slug = Field(description="name used in paths and tables")
    label: str = Field(min_length=1, description="name shown in figures and tables")
    kind: TaskKind = Field(description="facts (run here) or scores (a user's table)")
    relation: Relation | None = Field(None, description="facts only: which fact is asked")
    items: int = Field(60, ge=5, description="facts only: largest number of questions")
    shots: int = Field(6, ge=0, description="facts only: worked examples in the prompt")
    seed: int = Field(0, ge=0, description="facts only: seed of the draw of items")
    location: str = Field("", description="scores only: tidy CSV file")
    select: str = Field("", description="scores only: task in the file; empty = the row's own name")
    metric: str = Field("accuracy", description="scores only: metric in the file")
    licence: str = Field("", description="licence of the data")
    note: str = Field("", description="what a reader of the results must know of this task")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Each kind needs a column of its own."""
        if self.kind == "facts" and self.relation is None:
            raise ValueError("a task of kind 'facts' needs a 'relation'")
        if self.kind == "scores" and not self.location:
            raise ValueError("a task of kind 'scores' needs a 'location'")
        return self
