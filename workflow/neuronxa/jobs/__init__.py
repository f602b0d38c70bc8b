"""What jobs are: languages in shards, one job from its first to its last word, and killed ones."""
