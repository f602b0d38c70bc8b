"""Benchmarks through lm-evaluation-harness: which tasks, one resumable run, tidy scores."""
