"""The figures: ``plot_*`` draws on axes that it is given, ``figure_*`` composes a whole figure.

Neither reads or writes files; :func:`neuronxa.output.style.save_figure` does.
"""

import lazy_loader as lazy

# a job imports the module that it needs, and not all of them: see __init__.pyi for the names
__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
