"""What is left of a correlation once script, tokens and spelling are held constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from neuronxa.errors import StatisticsError
from neuronxa.statistics.coefficients import Coefficient, Vector
from neuronxa.statistics.correlation import check_points, fisher_error, fisher_interval
from neuronxa.statistics.multiplicity import adjust
from neuronxa.statistics.points import KEYS, LEAST_POINTS, paired_points, told

if TYPE_CHECKING:
    from neuronxa.languages import Language

#: Name -> what is held constant. ``script`` is whether a language is written like the pivot,
#: ``scripts`` each script by itself.
CONTROLS: Final[Mapping[str, tuple[str, ...]]] = {
    "script": ("script",),
    "scripts": ("scripts",),
    "fertility": ("fertility",),
    "lexical": ("lexical",),
    "all": ("script", "fertility", "lexical"),
    "all, each script": ("scripts", "fertility", "lexical"),
}
PARTIALLY: Final[tuple[Coefficient, ...]] = ("pearson", "spearman")
_NUMBERS: Final = ("estimate", "partial", "low", "high", "p")
COLUMNS: Final = (
    *KEYS,
    "control",
    "coefficient",
    *_NUMBERS,
    "p_holm",
    "q",
    "tests",
    "n",
    "held",
    "message",
)
#: A residual below this share of the spread is rounding.
_EXPLAINED: Final = 1e-10


def partial_correlation(
    x: ArrayLike,
    y: ArrayLike,
    controls: NDArray[np.float64],
    *,
    coefficient: Coefficient = "pearson",
    confidence: float = 0.95,
) -> dict[str, float]:
    r"""Correlate what is left of two variables after least squares on the controls.

    With k controls the test is Student's t with n - 2 - k degrees of freedom,
    :math:`t = r \sqrt{(n - 2 - k) / (1 - r^2)}`, and the interval Fisher's with n - k in the place
    of n (Fisher 1924, *Metron* 3, 329-332). Spearman's is the same on ranks, of the controls as
    well; controls of two values keep them but for their scale.

    Parameters
    ----------
    x, y
        Values of the same languages, shape (n,).
    controls
        What is held constant, shape (n, columns).
    coefficient
        ``pearson`` or ``spearman``.
    confidence
        Coverage of the interval.

    Returns
    -------
    dict
        ``estimate`` without controls, ``partial``, ``low``, ``high``, ``p`` and ``held``, the
        number k of controls that do not follow from each other.

    Raises
    ------
    StatisticsError
        A control is constant, all of x or y follows from the controls, fewer than 5 languages are
        left beyond the number of controls, or x and y have no correlation at all.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    check_points(a, b)
    held = np.asarray(controls, dtype=np.float64).reshape(a.size, -1)
    if coefficient == "spearman":
        a, b, held = stats.rankdata(a), stats.rankdata(b), stats.rankdata(held, axis=0)
    if (np.ptp(held, axis=0) == 0).any():
        raise StatisticsError(
            f"a control has the same value in all {a.size} languages, so nothing is held constant",
            remedy="leave this control out",
        )
    held = (held - held.mean(axis=0)) / held.std(axis=0)
    k = int(np.linalg.matrix_rank(held))
    n = a.size
    if n - k < LEAST_POINTS:
        raise StatisticsError(
            f"n = {n} languages are too few for {k} controls; "
            f"at least {k + LEAST_POINTS} are needed",
            remedy="add languages to the run",
        )
    left = [_residual(values, held) for values in (a, b)]
    for name, values, rest in (("x", a, left[0]), ("y", b, left[1])):
        if np.linalg.norm(rest) <= _EXPLAINED * np.linalg.norm(values - values.mean()):
            raise StatisticsError(
                f"{name} follows from the controls, so nothing is left to correlate",
                remedy="take fewer controls",
            )
    r = float(
        np.clip(left[0] @ left[1] / np.sqrt((left[0] ** 2).sum() * (left[1] ** 2).sum()), -1, 1)
    )
    with np.errstate(divide="ignore"):
        t = r * np.sqrt((n - 2 - k) / (1 - r**2))
    low, high = fisher_interval(r, fisher_error(r, n - k, coefficient), confidence)
    return {
        "estimate": float(np.corrcoef(a, b)[0, 1]),
        "partial": r,
        "low": low,
        "high": high,
        "p": float(2 * stats.t.sf(abs(t), n - 2 - k)),
        "held": k,
    }


def _residual(values: Vector, held: NDArray[np.float64]) -> Vector:
    design = np.column_stack([np.ones(len(held)), held])
    solution = np.linalg.lstsq(design, values, rcond=None)[0]
    residual: Vector = values - design @ solution
    return residual


def control_methods(
    method_scores: pd.DataFrame,
    downstream: pd.DataFrame,
    fertility: pd.DataFrame,
    lexical: pd.DataFrame,
    *,
    pivot: str,
    languages: Mapping[str, Language],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Correlate every method with every task, each set of `CONTROLS` held constant.

    The pivot is left out: it has no lexical floor, and its own script and tokens are what the
    others are compared with.

    Parameters
    ----------
    method_scores, downstream
        As :func:`neuronxa.statistics.correlation.correlate_methods` takes them.
    fertility
        Tokens of each run, of which the ratio to the pivot's (``premium``) is taken: unlike tokens
        per word it is defined in every script.
    lexical
        Lexical floor of each corpus, of which ``mu`` is taken.
    pivot
        Language code.
    languages
        Code to language; gives the script.
    confidence
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`: ``estimate`` over the n languages that have all the controls, and
        ``partial`` with its interval and p; ``held`` is the number of controls. A row that cannot
        be computed says why in ``message``.
    """
    tokens = fertility.loc[fertility["measure"] == "premium"]
    floors = lexical.loc[lexical["measure"] == "mu"]
    premium = tokens.set_index(["model", "corpus", "extraction", "language"])["value"].to_dict()
    floor = floors.set_index(["corpus", "language"])["value"].to_dict()
    rows = []
    for key, every in paired_points(method_scores, downstream):
        about = dict(zip(KEYS, key, strict=True))
        run = key[:3]
        points = every.loc[every["language"] != pivot]
        script = points["language"].map(lambda code: languages[code].script)
        points = points.assign(
            scripts=script,
            script=(script == languages[pivot].script).astype(float),
            fertility=[premium.get((*run, code), np.nan) for code in points["language"]],
            lexical=[floor.get((run[1], code), np.nan) for code in points["language"]],
        )
        for control, names in CONTROLS.items():
            kept = points.dropna(subset=list(names))
            held = _columns(kept, names)
            for coefficient in PARTIALLY:
                row: dict[str, Any] = dict.fromkeys(_NUMBERS, np.nan)
                row |= about | {"control": control, "coefficient": coefficient}
                row |= {"n": len(kept), "held": 0, "message": ""}
                try:
                    row |= partial_correlation(
                        kept["x"],
                        kept["y"],
                        held,
                        coefficient=coefficient,
                        confidence=confidence,
                    )
                except StatisticsError as fault:
                    row["message"] = told(fault)
                rows.append(row)
    table = pd.DataFrame(rows, columns=[n for n in COLUMNS if n not in ("p_holm", "q", "tests")])
    table = adjust(table, within=["coefficient", "control"], of="partial correlations")
    return table[list(COLUMNS)].astype({"n": "int64", "held": "int64"})


def _columns(points: pd.DataFrame, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Numbers as they are; each script but the first as whether a language is written in it."""
    parts = []
    for name in names:
        if name == "scripts":
            number, scripts = pd.factorize(points["scripts"])
            # Of a single script there is a column as well, a constant one, that will be refused.
            parts.append(np.eye(len(scripts))[number][:, int(len(scripts) > 1) :])
        else:
            parts.append(points[name].to_numpy(dtype=np.float64)[:, None])
    return np.hstack(parts)
