"""Languages compared with one another: similarities, ranks, scores and the named methods."""
