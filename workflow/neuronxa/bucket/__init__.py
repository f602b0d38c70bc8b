"""Results in a bucket of an object store: its objects, its index, and what keeps it in step."""
