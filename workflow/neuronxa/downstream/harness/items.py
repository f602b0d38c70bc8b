"""Items of harness tasks: what they are called, and which are drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

#: Columns that name an item across languages, the first that a dataset has.
KEYS = (
    ("id",),
    ("sample_id",),
    ("link", "question_number"),  # Belebele
    ("idx",),
    ("ind",),
    ("question_id",),
)


def item_ids(tasks: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[str]]:
    """Names of all items of a language, by task.

    Parameters
    ----------
    tasks
        Documents by task; several tasks where the harness has a group.

    Returns
    -------
    dict
        The dataset's own identifier where every item has one of its own, else the position,
        behind the task's number in its group where there are several.
    """
    for columns in KEYS:
        named = {task: _column(documents, columns) for task, documents in tasks.items()}
        found = [name for names in named.values() for name in names]
        if len(set(found)) == len(found) == sum(map(len, tasks.values())):
            return named
    several = len(tasks) > 1
    return {
        task: [f"{number}/{place}" if several else str(place) for place in range(len(documents))]
        for number, (task, documents) in enumerate(tasks.items())
    }


def draw_items(
    ids: Mapping[str, Sequence[str]], items: int | None, seed: int
) -> dict[str, list[int]]:
    """Positions of the drawn items, by task; tasks without any are left out.

    The items with the lowest hash of seed and identifier are drawn, so languages whose files hold
    the same items, in any order and with a few missing, are asked nearly the same ones.

    Parameters
    ----------
    ids
        From `item_ids`.
    items
        How many; None or more than there are: all.
    seed
        Seed of the draw.
    """
    places = [
        (task, place, name) for task, names in ids.items() for place, name in enumerate(names)
    ]
    places.sort(key=lambda entry: hashlib.sha256(f"{seed}:{entry[2]}".encode()).digest())
    drawn: dict[str, list[int]] = {}
    for task, place, _ in places[:items]:
        drawn.setdefault(task, []).append(place)
    # in rising order, as the harness takes them for granted
    return {task: sorted(drawn[task]) for task in ids if task in drawn}


def _column(documents: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    if not len(documents) or any(column not in documents[0] for column in columns):
        return []
    return ["/".join(str(document[column]) for column in columns) for document in documents]
