"""Likelihood-ratio tests: the paper's figures, and fits that cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crmlab.errors import WrongParameter
from crmlab.models.bdw import BdW
from crmlab.models.comparison import likelihood_ratio_test
from crmlab.models.sbg import SBG

DATA = Path(__file__).parents[1] / "data"
TABLES = json.loads((DATA / "contracts.json").read_text(encoding="utf-8"))


def cohort(name: str, years: int) -> dict[str, Any]:
    """The first years of a cohort of Fader & Hardie 2007, Table 1."""
    return {"tenure": np.arange(years + 1), "customers": TABLES[name][: years + 1]}


def test_duration_dependence_of_the_paper() -> None:
    """Fader et al. 2018: likelihood ratios .35 (not significant) and 4.77 (p = .03)."""
    regular, high_end = (
        likelihood_ratio_test(SBG.fit(cohort(name, 4)), BdW.fit(cohort(name, 4)))
        for name in ("regular", "high_end")
    )

    assert (round(regular.statistic, 2), regular.degrees) == (0.35, 1)
    assert (round(high_end.statistic, 2), high_end.degrees) == (4.77, 1)
    assert regular.p_value == pytest.approx(0.5526, abs=5e-5)
    assert high_end.p_value == pytest.approx(0.0289, abs=5e-5)


def test_fits_that_cannot_be_compared_are_refused() -> None:
    """Other data, the models the wrong way round, or one that fits worse."""
    simple, full = SBG.fit(cohort("regular", 4)), BdW.fit(cohort("regular", 4))
    other = BdW.fit({"tenure": [0, 1, 2, 3], "customers": [500, 400, 350, 320]})
    worse = BdW.fit(cohort("regular", 7))

    assert likelihood_ratio_test(simple, full).statistic > 0
    with pytest.raises(WrongParameter, match="500 customers"):
        likelihood_ratio_test(simple, other)
    with pytest.raises(WrongParameter, match="more parameters than BdW"):
        likelihood_ratio_test(full, simple)
    with pytest.raises(WrongParameter, match="fits worse by 278"):
        likelihood_ratio_test(simple, worse)
