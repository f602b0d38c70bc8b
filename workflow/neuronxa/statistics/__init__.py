"""Correlations, intervals and summaries: every number with its n and its interval."""

from __future__ import annotations

from neuronxa.statistics.ablation import ablate
from neuronxa.statistics.correlation import Correlation, correlate, correlate_methods
from neuronxa.statistics.fit import Line, least_squares, leave_one_out
from neuronxa.statistics.intervals import Interval, mean_interval, wilson_interval
from neuronxa.statistics.prediction import predict_scores
from neuronxa.statistics.summaries import layer_peaks, retrieval_summary

__all__ = [
    "Correlation",
    "Interval",
    "Line",
    "ablate",
    "correlate",
    "correlate_methods",
    "layer_peaks",
    "least_squares",
    "leave_one_out",
    "mean_interval",
    "predict_scores",
    "retrieval_summary",
    "wilson_interval",
]
