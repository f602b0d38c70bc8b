"""Names of points: which to write, and where they do not cover each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from neuronxa.output.style import SMALL_TEXT

ALL_NAMED: Final = 30
"""Up to so many points each one is named; of more, those that say most."""
SOME_NAMED: Final = 18

_NOWHERE: Final = np.empty(0)


def write_names(
    data: pd.DataFrame,
    *,
    ax: Axes,
    codes: Mapping[str, str],
    avoid_x: NDArray[np.float64] = _NOWHERE,
    avoid_y: NDArray[np.float64] = _NOWHERE,
    objects: Sequence[Any] = (),
) -> None:
    """Write the names of points beside them, moved apart; the axes must have their final size.

    Parameters
    ----------
    data
        Columns ``language, x, y``.
    ax
        Axes that hold the points.
    codes
        Language code to the name written.
    avoid_x, avoid_y
        Further places that names keep off.
    objects
        Texts that names keep off.
    """
    named = data.loc[named_points(data)]
    texts = [
        ax.text(
            x,
            y,
            codes[code],
            fontsize=SMALL_TEXT - 0.5,
            color="0.25",
            zorder=2.5,
            path_effects=[withStroke(linewidth=1.2, foreground="white")],
        )
        for code, x, y in zip(named["language"], named["x"], named["y"], strict=True)
    ]
    if not texts:
        return
    adjust_text(
        texts,
        x=np.concatenate([data["x"].to_numpy(), avoid_x]),
        y=np.concatenate([data["y"].to_numpy(), avoid_y]),
        objects=list(objects),
        ax=ax,
        # A limit on time would make the result depend on the machine.
        iter_lim=400,
        # Pushed more than pulled back: on dense clouds this left the fewest overlaps.
        force_text=(0.4, 0.6),
        force_static=(0.3, 0.5),
        force_pull=(0.001, 0.001),
        max_move=(20, 20),
        expand=(1.15, 1.3),
        min_arrow_len=3,
        arrowprops={"arrowstyle": "-", "color": "0.6", "lw": 0.35},
    )


def named_points(data: pd.DataFrame) -> list[int]:
    """Choose the points to name: all, or the ends of the cloud and what lies furthest off it."""
    if len(data) <= ALL_NAMED:
        return list(data.index)
    values = data[["x", "y"]]
    scaled = (values - values.mean()) / values.std(ddof=0)
    along, across = scaled["x"] + scaled["y"], (scaled["y"] - scaled["x"]).abs()
    third = SOME_NAMED // 3
    chosen = {
        *along.nlargest(third).index,
        *along.nsmallest(third).index,
        *across.nlargest(third).index,
    }
    return sorted(chosen)
