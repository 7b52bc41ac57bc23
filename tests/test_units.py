"""The definitions' own examples."""

from __future__ import annotations

import math

import pytest

from crmlab.errors import WrongParameter
from crmlab.units import continuous_rate, days_per, units_per_year


def test_a_month_is_a_twelfth_of_a_year_and_not_30_days() -> None:
    """Units: week 7 days, year 365.25 days, month year / 12."""
    assert days_per("week") == 7
    assert days_per("year") == 365.25
    assert days_per("month") == 365.25 / 12
    assert units_per_year("month") == pytest.approx(12, rel=1e-15)


def test_15_per_cent_a_year_is_0_0027_a_week() -> None:
    """The papers' discount rate (Fader, Hardie & Lee 2005, RFM and CLV)."""
    assert round(continuous_rate(0.15, "week"), 4) == 0.0027
    assert continuous_rate(0.15, "year") == pytest.approx(math.log(1.15), rel=1e-15)


def test_a_year_discounts_alike_in_every_unit() -> None:
    """The rate per unit times the units of a year is one number."""
    for unit in ("day", "week", "month", "year"):
        assert continuous_rate(0.1, unit) * units_per_year(unit) == pytest.approx(math.log(1.1))


def test_an_unknown_unit_is_refused_with_the_known_ones() -> None:
    """The message lists what is allowed."""
    with pytest.raises(WrongParameter, match="day, week, month, year"):
        days_per("fortnight")


@pytest.mark.parametrize("rate", [-1.0, -0.01, math.nan, math.inf])
def test_an_impossible_rate_is_refused(rate: float) -> None:
    """Money later is not worth more than money now; nothing discounts without end."""
    with pytest.raises(WrongParameter, match="effective annual rate of 0 or more"):
        continuous_rate(rate, "week")
