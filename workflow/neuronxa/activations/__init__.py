"""Sentences through a model: tokens, packs, hooks, pooling, and the stores that result."""
