"""Languages compared with one another: similarities, ranks, scores and the named methods."""

#: Raised whenever the same activations would give other numbers: old stores are then made anew.
ALIGNMENT_VERSION = 3
