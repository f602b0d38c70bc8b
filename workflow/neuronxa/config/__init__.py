"""Settings of a run and the rows of its sheets."""

from __future__ import annotations

from neuronxa.config.rows import SHOWN, CorpusRow, ExtractionRow, ModelRow, Shape, TaskRow
from neuronxa.config.settings import Settings, load_settings

__all__ = [
    "SHOWN",
    "CorpusRow",
    "ExtractionRow",
    "ModelRow",
    "Settings",
    "Shape",
    "TaskRow",
    "load_settings",
]
