"""Time units and rates: the only table of them (a month is not 30 days)."""

from __future__ import annotations

import math
from typing import Literal, cast, get_args

from crmlab.errors import WrongParameter

Unit = Literal["day", "week", "month", "year"]

DAYS_PER_YEAR = 365.25
DAYS_PER_UNIT: dict[Unit, float] = {
    "day": 1.0,
    "week": 7.0,
    "month": DAYS_PER_YEAR / 12,
    "year": DAYS_PER_YEAR,
}


def check_unit(unit: str) -> Unit:
    """Return `unit` if it is one of day, week, month, year; otherwise raise WrongParameter."""
    if unit not in get_args(Unit):
        raise WrongParameter("unit", unit, "one of " + ", ".join(get_args(Unit)))
    return cast(Unit, unit)


def days_per(unit: str) -> float:
    """Days in one `unit`."""
    return DAYS_PER_UNIT[check_unit(unit)]


def units_per_year(unit: str) -> float:
    """How many of `unit` make a year of 365.25 days."""
    return DAYS_PER_YEAR / days_per(unit)


def continuous_rate(annual_rate: float, unit: str) -> float:
    """Continuous rate per `unit` of an effective annual rate: ln(1 + annual_rate) / units a year.

    15 % a year is 0.0027 a week. Raises WrongParameter for a rate below 0.
    """
    if not annual_rate >= 0 or not math.isfinite(annual_rate):
        expected = "an effective annual rate of 0 or more, such as 0.15 for 15% a year"
        raise WrongParameter("discount_rate", annual_rate, expected)
    return math.log1p(annual_rate) / units_per_year(unit)
