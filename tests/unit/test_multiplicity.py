"""Corrections for many tests, by hand and against SciPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronxa.statistics.multiplicity import adjust, holm


def test_holm_by_hand() -> None:
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, 1 x 0.04 and never less than the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_the_step_down_procedure_rejects(values) -> None:
    adjusted = holm(values)
    for level in (0.01, 0.05, 0.2):
        order = np.argsort(values, kind="stable")
        rejected = set()
        for step, place in enumerate(order):
            if (len(values) - step) * values[place] > level:
                break
            rejected.add(int(place))
        assert {i for i, p in enumerate(adjusted) if p <= level} == rejected


def test_each_family_is_corrected_by_itself_and_named() -> None:
    frame = pd.DataFrame(
        {
            "coefficient": ["pearson"] * 3 + ["kendall"] * 2,
            "pivot_included": [False] * 3 + [True] * 2,
            "p": [0.01, np.nan, 0.04, 0.5, 0.02],
        },
        index=[9, 8, 7, 6, 5],
    )
    found = adjust(frame, within=["coefficient", "pivot_included"], of="correlations")
    assert found["p_holm"].tolist() == pytest.approx([0.02, np.nan, 0.04, 0.5, 0.04], nan_ok=True)
    # Benjamini and Hochberg: p m / k, from the largest down
    assert found["q"].tolist() == pytest.approx([0.02, np.nan, 0.04, 0.5, 0.04], nan_ok=True)
    assert found["tests"].tolist()[:2] == ["2 correlations: pearson, pivot left out"] * 2
    assert found["tests"].tolist()[3] == "2 correlations: kendall, pivot included"


def test_a_family_without_p_values_stays_as_it_is() -> None:
    frame = pd.DataFrame({"coefficient": ["kendall"], "p": [np.nan]})
    found = adjust(frame, within=["coefficient"], of="differences")
    assert found["p_holm"].isna().all()
    assert found["tests"].tolist() == ["0 differences: kendall"]
