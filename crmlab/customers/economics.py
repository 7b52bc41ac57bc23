"""What a valuation rests on beside the data: margin, costs, rate, horizon."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from crmlab.errors import WrongParameter
from crmlab.models.special import Array
from crmlab.units import continuous_rate, units_per_year

PerCustomer: TypeAlias = float | pd.Series
"""One number for all, or one for each customer, indexed by customer id."""

BY_CUSTOMER = ("margin", "cost_per_occasion", "cost_per_year")
KEYS = ("channel", "cohort")


@dataclasses.dataclass(frozen=True, eq=False)
class Economics:
    """Economic assumptions; a value that nothing changes (`dataclasses.replace` makes another).

    `margin`: share of net spend, a number above 0 and at most 1, or one for each customer (see
    crmlab.intake.margins); single customers may buy at a loss, and a what-if may carry single
    margins beyond 1, so those of a table may be from -2 to 2.
    `cost_per_occasion`, `cost_per_year`: cost to serve, in money, of an occasion and of a year in
    which a customer is active, a number or one for each customer. `retention_per_year`: spending
    to keep an active customer for a year. `acquisition_cost`: money a customer won; a number, or a
    table with columns channel, cohort (or one of them) and cost; None where it is not known.
    `discount_rate`: effective a year, 0 or more. `horizon_years`: above 0, any fraction, inf for
    ever. Raises WrongParameter naming the parameter, what was found and what was expected.
    """

    margin: PerCustomer
    discount_rate: float
    horizon_years: float = 5.0
    cost_per_occasion: PerCustomer = 0.0
    cost_per_year: PerCustomer = 0.0
    retention_per_year: float = 0.0
    acquisition_cost: float | pd.DataFrame | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.margin, pd.Series):
            _check_each("margin", self.margin, "shares of net spend from -2 to 2", least=-2, most=2)
        else:
            expected = "shares of net spend above 0, at most 1"
            _check_each("margin", self.margin, expected, least=math.ulp(0.0), most=1)
        for name in BY_CUSTOMER[1:]:
            _check_each(name, getattr(self, name), "money, 0 or more")
        _check_each("retention_per_year", self.retention_per_year, "money, 0 or more")
        if not self.horizon_years > 0:
            raise WrongParameter("horizon_years", self.horizon_years, "years above 0")
        continuous_rate(self.discount_rate, "year")  # raises for a rate that is none
        if math.isinf(self.horizon_years) and not self.discount_rate > 0:
            raise WrongParameter(
                "horizon_years", "without end", "years, where nothing is discounted"
            )
        if not (self.currency is None or re.fullmatch("[A-Z]{3}", self.currency)):
            raise WrongParameter("currency", self.currency, "three capital letters, such as EUR")
        _check_acquisition(self.acquisition_cost)

    def rate(self, unit: str) -> float:
        """Continuous discount rate per time unit: ln(1 + discount_rate) / units a year."""
        return continuous_rate(self.discount_rate, unit)

    def horizon(self, unit: str) -> float:
        """Horizon in time units."""
        return self.horizon_years * units_per_year(unit)

    def of(self, name: str, customers: pd.Index) -> Array:
        """Margin or a cost of each of these customers.

        Raises WrongParameter where a table of them lacks some of the customers.
        """
        given = getattr(self, name)
        if not isinstance(given, pd.Series):
            return np.full(len(customers), float(given))
        each = given.reindex(customers)
        missing = each.isna().to_numpy()
        if missing.any():
            found = f"a table without {missing.sum()} of {len(customers)} customers"
            first = f"first: {customers[missing][0]!r}"
            raise WrongParameter(name, f"{found} ({first})", "a number for each customer id")
        out: Array = each.to_numpy(dtype=float)
        return out

    @property
    def costs_time(self) -> bool:
        """Whether a customer costs something merely by being active."""
        return bool(np.any(self.cost_per_year) or self.retention_per_year)

    @property
    def costs_anything(self) -> bool:
        """Whether there is any cost to serve or to retain."""
        return self.costs_time or bool(np.any(self.cost_per_occasion))

    @property
    def may_lose(self) -> bool:
        """Whether a value may be negative: by costs, or by a margin below 0."""
        return self.costs_anything or bool(np.any(np.asarray(self.margin) < 0))

    @property
    def margin_differs(self) -> bool:
        """Whether customers have margins of their own."""
        return isinstance(self.margin, pd.Series)

    def acquisition_cost_of(self, groups: pd.DataFrame) -> pd.Series:
        """Acquisition cost of each row of `groups` (columns channel, cohort); missing if unknown.

        Cohorts of the table may be written as text, such as 2024-03, or be periods.
        """
        given = self.acquisition_cost
        if given is None or not isinstance(given, pd.DataFrame):
            value = np.nan if given is None else float(given)
            return pd.Series(value, index=groups.index, name="acquisition_cost")
        keys = [key for key in KEYS if key in given]
        for key in keys:
            if key not in groups:
                found = f"a table by {key}, though the customers' {key} is not given"
                expected = f"a table by another column, or a source with a {key} for each customer"
                raise WrongParameter("acquisition_cost", found, expected)
        known = pd.Series(given["cost"].to_numpy(dtype=float), index=_joined(given, keys))
        found = known.reindex(_joined(groups, keys))
        return pd.Series(found.to_numpy(dtype=float), index=groups.index, name="acquisition_cost")


def _check_each(
    name: str, given: Any, expected: str, *, least: float = 0.0, most: float = math.inf,
    of: str = "customer",
) -> None:  # fmt: skip
    """Refuse a number, or the first of a table of numbers, that is out of range or missing."""
    if isinstance(given, pd.Series) and not given.index.is_unique:
        twice = given.index[given.index.duplicated()][0]
        raise WrongParameter(name, f"customer {twice!r} twice", "one number for each customer id")
    try:
        values = np.atleast_1d(np.asarray(given, dtype=float))
    except (TypeError, ValueError):
        raise WrongParameter(name, given, expected) from None
    wrong = ~(np.isfinite(values) & (values >= least) & (values <= most))
    if not wrong.any():
        return
    i = int(np.flatnonzero(wrong)[0])
    if isinstance(given, pd.Series):
        found = f"{values[i]:g} for {of} {given.index[i]!r}, and {wrong.sum()} such in all"
        raise WrongParameter(name, found, expected)
    raise WrongParameter(name, given, expected)


def _joined(table: pd.DataFrame, keys: list[str]) -> pd.Index:
    """What each row is about, without case and outer blanks."""
    texts = [table[key].astype(str).str.strip().str.casefold() for key in keys]
    return pd.MultiIndex.from_arrays(texts) if len(keys) > 1 else pd.Index(texts[0])


def _check_acquisition(given: Any) -> None:
    if given is None or not isinstance(given, pd.DataFrame):
        return _check_each("acquisition_cost", 0.0 if given is None else given, "money, 0 or more")
    keys = [key for key in KEYS if key in given]
    if not keys or "cost" not in given:
        found = f"a table with columns {', '.join(map(str, given.columns))}"
        raise WrongParameter("acquisition_cost", found, "columns channel or cohort, and cost")
    twice = _joined(given, keys).duplicated()
    if twice.any():
        found = " ".join(map(str, given.loc[twice, keys].iloc[0]))
        raise WrongParameter("acquisition_cost", f"{found} twice", "one cost for each " + keys[0])
    rows = [" ".join(map(str, row)) for row in given[keys].itertuples(index=False)]
    each = pd.Series(given["cost"].to_numpy(), index=rows)
    return _check_each("acquisition_cost", each, "money, 0 or more", of=" and ".join(keys))
