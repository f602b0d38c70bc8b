"""Correlations, intervals and summaries: every number with its n and its interval."""

from .ablation import ablate
from .correlation import Correlation, correlate, correlate_methods
from .fit import Line, least_squares, leave_one_out
from .intervals import Interval, mean_interval, wilson_interval
from .prediction import predict_scores
from .summaries import layer_peaks, retrieval_summary

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
