"""The configuration of a run: ``config/config.yaml`` and the sheets that it names.

Config is for science. Cores, memory and clusters belong to Snakemake profiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from neuronxa.config.published import read_published
from neuronxa.config.rows import CorpusRow, ExtractionRow, ModelRow, TaskRow
from neuronxa.errors import ConfigError
from neuronxa.languages import Languages
from neuronxa.sheets import AnyRow, explain, read_sheet


class Section(BaseModel):
    """A part of the configuration: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SheetPaths(Section):
    """Where the sheets lie, relative to the working directory."""

    models: Path = Field(Path("config/models.tsv"), description="models that may be named")
    languages: Path = Field(Path("config/languages.tsv"), description="languages and their classes")
    corpora: Path = Field(Path("config/corpora.tsv"), description="corpora that may be named")
    extractions: Path = Field(Path("config/extractions.tsv"), description="ways to extract")
    tasks: Path = Field(Path("config/tasks.tsv"), description="downstream tasks")
    published: Path | None = Field(
        Path("config/published.tsv"),
        description="published numbers that ours are set beside; null for none",
    )


MeasureName = Literal[
    "mu",
    "top1",
    "mrr",
    "strong",
    "csls",
    "csls_top1",
    "cosine",
    "margin",
    "dprime",
    "mu_centred",
    "top1_centred",
    "margin_centred",
    "dprime_centred",
    "cka",
    "anc",
    "jaccard",
    "hamming",
]


class AlignmentSettings(Section):
    """How languages are compared, and what is kept of it."""

    measures: list[MeasureName] | Literal["all"] = Field(
        "all", description="measures besides mu and top1, which are always there; or `all`"
    )
    layers: dict[str, list[float]] = Field(
        {"middle": [0.5]},
        description="named groups of layers whose mean is taken, besides mean and max over all: "
        "layer numbers from 0, or relative depths between 0 and 1",
    )
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:<index>"
    )
    keep_similarities: bool = Field(
        True, description="keep the n x n similarity matrices of pairs with the pivot"
    )
    memory_gb: float = Field(
        4.0, gt=0, description="largest memory of one reduction; more is refused beforehand"
    )
    scheduler: str = Field(
        "threads",
        pattern=r"^(threads|processes|(tcp|tls)://\S+)$",
        description="who computes: threads, processes, or the address of a Dask scheduler",
    )

    @field_validator("layers")
    @classmethod
    def _named_layers(cls, groups: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, layers in groups.items():
            if name in ("mean", "max", "layer") or not layers:
                raise ValueError(
                    f"group '{name}': give it at least one layer, and another name than mean, max "
                    "or layer"
                )
            if any(one < 0 or (one > 1 and not one.is_integer()) for one in layers):
                raise ValueError(
                    f"group '{name}': layer numbers from 0, or relative depths between 0 and 1"
                )
        return groups


class ExtractionSettings(Section):
    """How states are extracted, the same for every row of the extractions sheet."""

    token_budget: int = Field(
        1024, ge=64, description="largest number of tokens of one forward pass"
    )
    block_sentences: int = Field(
        100, ge=1, le=1000, description="sentences of one chunk, written and committed together"
    )
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:<index>"
    )


class FineTuningSettings(Section):
    """How a model is fine-tuned on English before its transfer is measured."""

    method: Literal["lora", "full"] = Field(
        "lora", description="low-rank adapters on all linear layers, or every weight"
    )
    examples: int | None = Field(
        None, ge=1, description="English training pairs, drawn by the task's seed; null = all"
    )
    epochs: int = Field(1, ge=1, description="passes over the training pairs")
    batch_size: int = Field(16, ge=1, description="pairs of one step")
    learning_rate: float = Field(
        2e-4, gt=0, description="peak, with linear decay; some 1e-5 for `full`"
    )
    warmup: float = Field(0.06, ge=0, lt=1, description="share of the steps that warm up")
    max_tokens: int = Field(256, ge=8, description="longer pairs are left out and counted")
    rank: int = Field(16, ge=1, description="lora: rank of the adapters")
    alpha: int = Field(32, ge=1, description="lora: scale of the adapters, divided by the rank")
    checkpoint_steps: int = Field(
        100, ge=1, description="steps between checkpoints: what a kill can cost"
    )


class StatisticsSettings(Section):
    """Intervals of the final rules."""

    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="level of every interval")
    resamples: int = Field(
        2000, ge=100, description="draws of every bootstrap, permutation test and split"
    )
    seed: int = Field(0, ge=0, description="seed of these draws")


class ConfigFile(Section):
    """The keys of ``config/config.yaml``."""

    models: list[str] = Field(min_length=1, description="rows of the models sheet")
    languages: list[str] | Literal["all"] = Field(
        description="language codes, or `all` for every language that the corpora have"
    )
    pivot: str = Field("eng_Latn", description="the language others are compared with")
    corpora: list[str] = Field(min_length=1, description="rows of the corpora sheet")
    extractions: list[str] = Field(
        ["default"], min_length=1, description="rows of the extractions sheet"
    )
    tasks: list[str] = Field([], description="rows of the tasks sheet")
    shard_languages: int = Field(
        500,
        ge=1,
        le=500,
        description="most languages that one job takes through one load of a model; no number "
        "depends on it",
    )
    extraction: ExtractionSettings = ExtractionSettings()
    alignment: AlignmentSettings = AlignmentSettings()
    fine_tuning: FineTuningSettings = FineTuningSettings()
    statistics: StatisticsSettings = StatisticsSettings()
    sheets: SheetPaths = SheetPaths()


@dataclass(frozen=True)
class Settings:
    """A validated configuration with the rows that it names."""

    file: ConfigFile
    models: Mapping[str, ModelRow]
    corpora: Mapping[str, CorpusRow]
    extractions: Mapping[str, ExtractionRow]
    tasks: Mapping[str, TaskRow]
    languages: Languages

    @property
    def pivot(self) -> str:
        """Code of the pivot language."""
        return self.file.pivot


def load_settings(raw: Mapping[str, Any], *, where: str = "config") -> Settings:
    """Validate a configuration and everything that it names.

    Parameters
    ----------
    raw
        The mapping that Snakemake or YAML read from the config file.
    where
        Name of the file for messages.

    Returns
    -------
    Settings
        The rows that the run uses.

    Raises
    ------
    ConfigError
        Unknown key, wrong value, unknown name, duplicate, missing file, or a pivot that is not
        among the languages.
    """
    try:
        file = ConfigFile.model_validate(dict(raw))
    except ValidationError as error:
        raise explain(error, where=where, model=ConfigFile) from None
    sheets = file.sheets
    languages = Languages.read(sheets.languages)
    _check_languages(file, languages, where)
    if sheets.published:
        read_published(sheets.published)  # refuses a bad sheet before anything runs
    return Settings(
        file=file,
        models=_pick(file.models, sheets.models, ModelRow, "models", "model", where),
        corpora=_pick(file.corpora, sheets.corpora, CorpusRow, "corpora", "corpus", where),
        extractions=_pick(
            file.extractions, sheets.extractions, ExtractionRow, "extractions", "extraction", where
        ),
        tasks=_pick(file.tasks, sheets.tasks, TaskRow, "tasks", "task", where),
        languages=languages,
    )


def _pick(
    names: list[str],
    path: Path,
    row_type: type[AnyRow],
    config_key: str,
    sheet_key: str,
    where: str,
) -> dict[str, AnyRow]:
    """The rows of a sheet that the config names, in the order of the config."""
    rows = read_sheet(path, row_type, key=sheet_key)
    _refuse_duplicates(names, config_key, where)
    for name in names:
        if name not in rows:
            raise ConfigError(
                f"'{config_key}' names '{name}', which is not in {path}",
                where=where,
                allowed=rows,
                remedy=f"correct the name or add a row '{name}' to {path}",
            )
    return {name: rows[name] for name in names}


def _refuse_duplicates(names: list[str], key: str, where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"'{key}' names '{name}' {names.count(name)} times",
                where=where,
                remedy="name it once",
            )


def _check_languages(file: ConfigFile, languages: Languages, where: str) -> None:
    """Every language is known and named once, and the pivot is one of them."""
    wanted = [] if file.languages == "all" else file.languages
    _refuse_duplicates(wanted, "languages", where)
    for code in [*wanted, file.pivot]:
        if code not in languages:
            row = languages.resolve(code)  # raises, with near matches
            raise ConfigError(
                f"'{code}' is another name of '{row.code}'",
                where=f"{where}, 'languages'",
                remedy=f"write '{row.code}'",
            )
    if wanted and file.pivot not in wanted:
        raise ConfigError(
            f"the pivot '{file.pivot}' is not among 'languages'",
            where=where,
            remedy=f"add '{file.pivot}' to 'languages' or choose another 'pivot'",
        )
