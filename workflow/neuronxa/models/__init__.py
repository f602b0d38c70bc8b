"""Models: where they come from, their local snapshots and their architectures."""
