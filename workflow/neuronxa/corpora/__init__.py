"""Parallel text: readers, the choice of sentences, and checks of what was read."""

from __future__ import annotations

from neuronxa.corpora.readers import Reader, open_reader

__all__ = ["Reader", "open_reader"]
