"""Numbers that papers published: the rows of ``config/published.tsv``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from neuronxa.sheets import Row, read_sheet

Quantity = Literal["correlation", "best correlation", "retrieval", "alignment", "pair", "accuracy"]
Certainty = Literal["read", "secondary", "derived", "guess"]

#: In the column ``model``: the mean over the models of the paper.
MEAN = "mean"


class PublishedRow(Row):
    """One published number and where it stands."""

    paper: str = Field(min_length=1, description="short name of the paper")
    table: str = Field(min_length=1, description="where in the paper it stands")
    quantity: Quantity = Field(
        description="what kind of number it is; `pair`: alignment of one pair of languages"
    )
    model: str = Field(MEAN, description="row of the models sheet, or `mean` over the paper's")
    corpus: str = Field(
        "", description="`flores-200`, `tatoeba` or `bible`; empty where none, or not told"
    )
    languages: str = Field(
        "all", description="all but the pivot, head, long-tail, pivot, or a pair"
    )
    method: str = Field("", description="NASCA, NAVCA, MEXA, NAS or embedding")
    pooling: str = Field("", description="tokens to sentence; empty where it is not told")
    reduction: str = Field("", description="over layers; empty where it is not told")
    task: str = Field("", description="benchmark, or `benchmarks` or `transfer` for their means")
    metric: str = Field(min_length=1, description="what the value is")
    value: float = Field(
        allow_inf_nan=False,
        description="as a share or coefficient: 0.8378 where the paper writes 83.78%",
    )
    certainty: Certainty = Field(
        description="`read` in the paper; `secondary`: in a text about it; `derived` from other "
        "numbers; `guess`"
    )
    source: str = Field(min_length=1, description="citation")
    note: str = Field("", description="what a reader must know of this number")

    @property
    def cell(self) -> str:
        """What the number belongs to; a paper has one for it."""
        parts = (
            self.paper,
            self.table,
            self.quantity,
            self.model,
            self.corpus,
            self.languages,
            self.method,
            self.pooling,
            self.reduction,
            self.task,
            self.metric,
        )
        return ", ".join(part for part in parts if part)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Coefficients lie between -1 and 1, everything else is a share."""
        least = -1.0 if "correlation" in self.quantity else 0.0
        if not least <= self.value <= 1.0:
            raise ValueError(
                f"'value' = {self.value:g} of a {self.quantity} is not between {least:g} and 1; "
                "divide percentages by 100"
            )
        return self


def read_published(path: Path) -> list[PublishedRow]:
    """Read the sheet of published numbers, in its order.

    Raises
    ------
    ConfigError
        Missing file, unknown or missing column, a value that cannot be, or two for one cell.
    """
    return list(read_sheet(path, PublishedRow, key="cell").values())
