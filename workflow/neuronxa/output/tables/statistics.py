"""Tables of the statistics over languages: what stands behind a correlation, and beside it.

They show the mean over layers, the score that papers report; the frames have the other reductions.
"""

from __future__ import annotations

import pandas as pd

from neuronxa.output.labels import Labels
from neuronxa.output.tables.write import Table, p_text
from neuronxa.statistics.claim import UNDEFINED
from neuronxa.statistics.families import NONE
from neuronxa.statistics.points import KEYS

_P = ("p", "p_holm", "q", "hittner_p", "williams_p")
_HEADERS = {
    "estimate": "estimate [interval]",
    "difference": "difference [interval]",
    "partial": "partial [interval]",
    "p_holm": "p (Holm)",
    "n_models": "models",
    "n_tasks": "tasks",
    "n_families": "families",
    "n_languages": "languages",
    "n_pairs": "pairs",
}


def averages_table(averages: pd.DataFrame, *, labels: Labels | None = None) -> Table:
    """Lay out the averages of correlations, those without the pivot first.

    Parameters
    ----------
    averages
        What :func:`neuronxa.statistics.averages.average_correlations` returns.
    labels
        Names to show.
    """
    frame = _named(averages, labels).rename(
        columns={"low": "estimate_low", "high": "estimate_high"}
    )
    return _table(frame)


def differences_table(differences: pd.DataFrame, *, labels: Labels | None = None) -> Table:
    """Lay out the comparisons of one method with the others.

    Parameters
    ----------
    differences
        What :func:`neuronxa.statistics.differences.compare_methods` returns.
    labels
        Names to show.
    """
    frame = _named(differences, labels).rename(
        columns={"low": "difference_low", "high": "difference_high"}
    )
    return _table(
        frame,
        estimate="r",
        other_estimate="r of other",
        between="r between",
        steiger_z="Steiger's Z",
        hittner_z="Z, Hittner",
        hittner_p="its p",
        williams_t="Williams's t",
        williams_p="its p ",
    )


def partial_table(partial: pd.DataFrame, *, labels: Labels | None = None) -> Table:
    """Lay out the partial correlations, a row per set of controls.

    Parameters
    ----------
    partial
        What :func:`neuronxa.statistics.partial.control_methods` returns.
    labels
        Names to show.
    """
    frame = _named(partial, labels).rename(columns={"low": "partial_low", "high": "partial_high"})
    return _table(frame, estimate="without controls", held="controls")


def families_table(families: pd.DataFrame, *, labels: Labels | None = None) -> Table:
    """Lay out each correlation with its interval over families, and what moves it most.

    Parameters
    ----------
    families
        What :func:`neuronxa.statistics.families.leave_out_families` returns.
    labels
        Names to show.

    Returns
    -------
    Table
        A row per correlation, the range of the correlations without each family, and the family
        without which it changes most.
    """
    keys = [*KEYS, "coefficient"]
    whole = families.loc[families["left_out"] == NONE].set_index(keys)
    parts = families.loc[families["left_out"] != NONE]
    most = parts.loc[parts["moves_most"]].drop_duplicates(keys).set_index(keys)
    groups = parts.groupby(keys)["estimate"]
    frame = whole.drop(columns=["left_out", "change", "moves_most"]).assign(
        least=groups.min(),
        highest=groups.max(),
        moved_by=most["left_out"],
        without_it=most["estimate"],
    )
    frame = _named(frame.reset_index(), labels).rename(
        columns={"low": "estimate_low", "high": "estimate_high"}
    )
    return _table(
        frame,
        least="least without one",
        highest="highest without one",
        moved_by="moved most by",
        without_it="without it",
    )


def mantel_table(pairs: pd.DataFrame, *, labels: Labels | None = None) -> Table:
    """Lay out the tests over all pairs of languages.

    Parameters
    ----------
    pairs
        What :func:`neuronxa.statistics.mantel.compare_pairs` returns.
    labels
        Names to show.
    """
    return _table(_named(pairs, labels), estimate="r over pairs")


def claim_table(claim: pd.DataFrame, *, labels: Labels | None = None) -> Table:
    """Lay out what each correlation could have shown: Pearson's of the mean over layers.

    Parameters
    ----------
    claim
        What :func:`neuronxa.statistics.claim.claim_frame` returns.
    labels
        Names to show.

    Returns
    -------
    Table
        A row per model, method and task, without the pivot first, with its verdict in words.
    """
    kept = claim.loc[claim["coefficient"] == "pearson"]
    frame = _named(kept, labels).rename(columns={"low": "estimate_low", "high": "estimate_high"})
    frame = frame.drop(columns=["coefficient", "kind", "source", "capped"])
    # Of a correlation that is not defined no reliability is of use.
    frame.loc[frame["verdict"] == UNDEFINED, ["ceiling", "disattenuated"]] = float("nan")
    return _table(
        frame,
        alignment_reliability="reliability of the score",
        task_reliability="of the task",
        basis="from",
        ceiling="noise ceiling",
        at_chance="languages at chance",
    )


def _named(frame: pd.DataFrame, labels: Labels | None) -> pd.DataFrame:
    """Show labels, and the rows without the pivot first; a message only where there is one."""
    labels = labels or Labels()
    named = frame.loc[frame["reduction"] == "mean"].drop(columns="reduction")
    named = named.assign(
        corpus=named["corpus"].map(labels.corpus),
        model=named["model"].map(labels.model),
        task=named["task"].map(labels.task),
    )
    if "pivot_included" in named:
        named = named.sort_values("pivot_included", kind="stable")
        named["pivot_included"] = named["pivot_included"].map({False: "without", True: "with"})
        named = named.rename(columns={"pivot_included": "pivot"})
    if "message" in named and not named["message"].astype(bool).any():
        named = named.drop(columns="message")
    return named.drop(columns="tests", errors="ignore").reset_index(drop=True)


def _table(frame: pd.DataFrame, **headers: str) -> Table:
    return Table(
        frame,
        headers={**_HEADERS, **headers},
        printers={name: p_text for name in _P if name in frame},
    )
