"""Correlations, intervals and summaries: every number with its n and its interval."""

from __future__ import annotations

from neuronxa.statistics.correlation import Correlation, correlate, correlate_methods
from neuronxa.statistics.intervals import Interval, mean_interval, wilson_interval
from neuronxa.statistics.summaries import layer_peaks, retrieval_summary

__all__ = [
    "Correlation",
    "Interval",
    "correlate",
    "correlate_methods",
    "layer_peaks",
    "mean_interval",
    "retrieval_summary",
    "wilson_interval",
]
