"""The figures: ``plot_*`` draws on axes that it is given, ``figure_*`` composes a whole figure.

Neither reads or writes files; :func:`neuronxa.output.style.save_figure` does.
"""

from .ablations import figure_ablations, plot_ablation
from .claim import figure_claim, plot_claim
from .consistency import figure_consistency
from .correlations import figure_correlations, plot_correlations
from .differences import figure_differences, plot_differences
from .heatmap import figure_heatmap, plot_heatmap
from .layers import figure_layers, layer_curves, plot_layers
from .lexical import figure_lexical, plot_lexical
from .neurons import figure_neurons
from .pool import figure_pool, plot_pool
from .predictions import figure_predictions, plot_predictions
from .retrieval import figure_retrieval, plot_retrieval
from .scatter import figure_scatter, plot_scatter
from .training import figure_training, plot_training

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
    "layer_curves",
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
