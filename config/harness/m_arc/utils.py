"""The harness's own way to make a question of an Okapi row, where a fifth option may be missing."""

from datasets import Dataset
from lm_eval.tasks.okapi.arc_multilingual.utils import process_docs as _process_docs


def process_docs(dataset: Dataset) -> Dataset:
    """Questions and options; English has no item with five options, so no such column."""
    if "option_e" not in dataset.column_names:
        dataset = dataset.add_column("option_e", [None] * len(dataset))
    return _process_docs(dataset)
