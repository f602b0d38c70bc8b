"""NeuronXA: cross-lingual alignment of large language models, measured on their FFN neurons."""

from __future__ import annotations

__version__ = "0.1.0"
