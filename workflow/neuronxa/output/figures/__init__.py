"""The figures: ``plot_*`` draws on axes that it is given, ``figure_*`` composes a whole figure.

Neither reads or writes files; :func:`neuronxa.output.style.save_figure` does.
"""

from __future__ import annotations

from neuronxa.output.figures.ablations import figure_ablations, plot_ablation
from neuronxa.output.figures.claim import figure_claim, plot_claim
from neuronxa.output.figures.consistency import figure_consistency
from neuronxa.output.figures.correlations import figure_correlations, plot_correlations
from neuronxa.output.figures.differences import figure_differences, plot_differences
from neuronxa.output.figures.heatmap import figure_heatmap, plot_heatmap
from neuronxa.output.figures.layers import figure_layers, plot_layers
from neuronxa.output.figures.lexical import figure_lexical, plot_lexical
from neuronxa.output.figures.neurons import figure_neurons
from neuronxa.output.figures.pool import figure_pool, plot_pool
from neuronxa.output.figures.predictions import figure_predictions, plot_predictions
from neuronxa.output.figures.retrieval import figure_retrieval, plot_retrieval
from neuronxa.output.figures.scatter import figure_scatter, plot_scatter
from neuronxa.output.figures.training import figure_training, plot_training

__all__ = [
    "figure_ablations",
    "figure_claim",
    "figure_consistency",
    "figure_correlations",
    "figure_differences",
    "figure_heatmap",
    "figure_layers",
    "figure_lexical",
    "figure_neurons",
    "figure_pool",
    "figure_predictions",
    "figure_retrieval",
    "figure_scatter",
    "figure_training",
    "plot_ablation",
    "plot_claim",
    "plot_correlations",
    "plot_differences",
    "plot_heatmap",
    "plot_layers",
    "plot_lexical",
    "plot_pool",
    "plot_predictions",
    "plot_retrieval",
    "plot_scatter",
    "plot_training",
]
