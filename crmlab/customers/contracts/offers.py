"""What keeping contracts at their next renewal may cost, and the test that would prove it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers import offers
from crmlab.customers.contracts.projection import fit_contracts
from crmlab.customers.contracts.survival import told_apart
from crmlab.customers.contracts.worth import ContractTerms, expected_payments, kept_payments
from crmlab.errors import NotEstimable
from crmlab.intake.contracts import Contracts
from crmlab.models.base import Fit
from crmlab.models.special import Array

BANDS = 5
"""Groups of tenure, of about as many running contracts each, where no segment was named."""

FITTED_FROM = 30
"""Of fewer who left no curve of a segment's own is fitted."""

REST = "(other)"
"""The name of the segments together that are too small to stand alone."""


@dataclasses.dataclass(frozen=True)
class ContractOffers:
    """Retention offers by segment, for one renewal.

    `table`, money a contract unless said, by segment ('' is not known, '(other)' all too small to
    stand alone; without a covariate bands of renewals passed, such as '3-11'): customers (running
    contracts), residual_value (of all), value_each, leave (expected to leave at the next renewal),
    value_at_risk (of all: value x probability of leaving at it), most_cost (an offer that kept all
    who would leave may cost that much: what they bring once kept, leaving later by their own
    chances), renews (share expected to renew), own_fit (whether the segment has a curve of its own)
    and, where a cost is given, what crmlab.customers.offers.proof adds, with renews_needed for the
    share needed.
    `by`: the covariate, None for bands of tenure. `difference`: what one fit for all contracts
    gives more (or less) than the curves of the segments; with it the parts add up to the total.
    """

    table: pd.DataFrame
    by: str | None
    difference: float


def contract_offers(
    contracts: Contracts, fit: Fit[Any], given: ContractTerms, customers: pd.DataFrame, *,
    by: str | None = None, cost: float | None = None,
) -> ContractOffers:  # fmt: skip
    """Offers to the running contracts, by the covariate `by` (None: by tenure).

    `customers` are those of ContractEquity, by the index of the contracts' table; `fit` is the one
    for all. A segment of which enough left has its own fit of that model.
    """
    segment = _bands(customers["tenure"]) if by is None else _segments(contracts, by)
    segment = segment.loc[customers.index]
    parts, own = [], {}
    for name, rows in customers.groupby(segment, sort=by is not None, observed=True):
        found = None if by is None else _own_fit(contracts, by, str(name), type(fit.model))
        own[name] = found is not None
        parts.append(_valued(rows, (found or fit).model, given, contracts.period))
    valued = pd.concat(parts)
    table = _summed(valued, segment.loc[valued.index], own)
    difference = float(customers["residual_value"].sum() - table["residual_value"].sum())
    if cost is not None:
        proved = offers.proof(table, cost, leaves=1 - table["renews"], shown=table["renews"])
        table = table.join(proved.rename(columns={"needed": "renews_needed"}))
    return ContractOffers(table, by, difference if any(own.values()) else 0.0)


def _bands(tenure: pd.Series) -> pd.Series:
    """The band of renewals passed in which each contract lies, as an ordered text."""
    cuts = np.unique(np.quantile(tenure, np.arange(1, BANDS) / BANDS, method="lower"))
    ends = np.unique(np.append(cuts, tenure.max())).astype(int)
    begins = np.append(tenure.min(), ends[:-1] + 1).astype(int)
    pairs = zip(begins, ends, strict=True)
    names = [f"{a}-{b}" if a < b else f"{a}" for a, b in pairs]
    place = np.searchsorted(ends, tenure.to_numpy())
    return pd.Series(pd.Categorical.from_codes(place, names, ordered=True), index=tenure.index)


def _segments(contracts: Contracts, by: str) -> pd.Series:
    """The segment of each contract; those of few customers together."""
    level = contracts.table[by].astype("str").fillna("")
    return level.where(level.isin(told_apart(contracts, by)), REST)


def _own_fit(contracts: Contracts, by: str, name: str, model: type[Any]) -> Fit[Any] | None:
    group = contracts.groups(by).get(name)
    if group is None or int(group.table["ended"].sum()) < FITTED_FROM:
        return None
    try:
        return fit_contracts(group, model)
    except NotEstimable:
        return None


def _valued(rows: pd.DataFrame, model: Any, given: ContractTerms, period: str) -> pd.DataFrame:
    """What each contract is worth, its chance of leaving next, and what keeping it would bring."""
    rate, payments = given.rate(period), given.payments(period)
    tenures, which = np.unique(rows["tenure"].to_numpy(), return_inverse=True)
    margin = rows["margin"].to_numpy(dtype=float)

    def each(by_tenure: Array) -> Array:
        return np.asarray(by_tenure[which])

    leaves = each(1 - model.retention_rate(tenures + 1))
    value = margin * each(expected_payments(model, rate, tenures + 1, payments))
    gained = margin * each(kept_payments(model, rate, tenures + 1, payments))
    columns = {
        "value": value,
        "leaves": leaves,
        "at_risk": np.maximum(value, 0.0) * leaves,
        "gained": np.maximum(gained, 0.0),
    }
    return pd.DataFrame(columns, index=rows.index)


def _summed(valued: pd.DataFrame, segment: pd.Series, own: dict[Any, bool]) -> pd.DataFrame:
    groups = valued.groupby(segment, observed=True)
    sums, size = groups.sum(), groups.size()
    return pd.DataFrame(
        {
            "customers": size,
            "residual_value": sums["value"],
            "value_each": sums["value"] / size,
            "leave": sums["leaves"],
            "value_at_risk": sums["at_risk"],
            "most_cost": sums["gained"] / size,
            "renews": 1 - sums["leaves"] / size,
            "own_fit": pd.Series(own).reindex(size.index).astype(bool),
        }
    ).rename_axis("segment")
