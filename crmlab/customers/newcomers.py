"""What a newly won customer is worth against what winning one costs."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.futures import discounted_span, futures, spend_of
from crmlab.customers.intervals import interval, parameter_sd
from crmlab.models.special import Array, Counts
from crmlab.units import units_per_year

SIMULATED = 20_000


class Newcomer(NamedTuple):
    """A customer on the day of the first occasion: averages over those who were won.

    `first` is what the first occasion leaves (margin less its cost) and `first_error` the standard
    error of that mean; `margin` a rate (of customers weighted by what they spend an occasion),
    `cost` money an occasion, `upkeep` money a time unit.
    """

    first: float
    first_error: float
    margin: float
    cost: float
    upkeep: float


def newcomer(base: FittedBase, economics: Economics) -> Newcomer:
    """The average customer of the base on the day of the first occasion."""
    index = base.summary.index
    margin, cost = economics.of("margin", index), economics.of("cost_per_occasion", index)
    first = margin * base.summary["first_value"].to_numpy() - cost
    error = float(first.std(ddof=1) / np.sqrt(len(first))) if len(first) > 1 else 0.0
    upkeep = float(economics.of("cost_per_year", index).mean()) + economics.retention_per_year
    mean = float(np.average(margin, weights=base.expected_spend))
    return Newcomer(float(first.mean()), error, mean, float(cost.mean()), upkeep / base.year)


def value_by_month(base: FittedBase, economics: Economics) -> pd.DataFrame:
    """Expected discounted cumulative net margin of a new customer at the end of each month.

    Before the acquisition cost. Month 0 is the first occasion; the last row is the horizon.
    Columns: month, value, lower, upper (95 % confidence interval of the expectation: parameters
    and the mean of first occasions, not one customer's luck). Raises ValueError for a horizon
    without end.
    """
    months = _months(economics.horizon_years)
    times = months * units_per_year(base.unit) / 12
    rate, who = economics.rate(base.unit), newcomer(base, economics)

    def at(purchases: Any, spend: Any) -> Array:
        each = who.margin * spend.expected_spend_new() - who.cost
        out: Array = who.first + each * purchases.det_new(rate, times)
        return out - (_upkeep(purchases, who, rate, times) if who.upkeep else 0.0)

    value = at(base.purchases.model, base.spend.model)
    by_purchases = parameter_sd(base.purchases, lambda m: at(m, base.spend.model))
    by_spend = parameter_sd(base.spend, lambda m: at(base.purchases.model, m))
    error = np.sqrt(who.first_error**2 + by_purchases**2 + by_spend**2)
    limits = [_limits(float(v), float(e)) for v, e in zip(value, error, strict=True)]
    lower, upper = zip(*limits, strict=True)
    return pd.DataFrame({"month": months, "value": value, "lower": lower, "upper": upper})


def _months(years: float) -> Array:
    if not math.isfinite(years):
        raise ValueError("a table by month needs a horizon that ends")
    whole = np.arange(0, np.floor(years * 12 + 1e-9) + 1)
    return np.unique(np.append(whole, round(years * 12, 6)))


def _upkeep(model: Any, who: Newcomer, rate: float, times: Array) -> Array:
    """What being active costs a new customer's first `times`, discounted."""
    none = np.zeros(len(times))
    life: Array = model.discounted_life(rate, times, frequency=none, recency=none, T=none)
    return who.upkeep * life


def _limits(value: float, error: float) -> tuple[float, float]:
    """On the log scale where the value is clearly above 0, as for other totals."""
    if value > 4 * error:
        found = interval(value, error, 0.0)
        return found.lower, found.upper
    return value - 1.959963984540054 * error, value + 1.959963984540054 * error


class PayBack(NamedTuple):
    """The first month by which the acquisition cost is earned back; inf for never to the horizon.

    `earliest` and `latest` bound a 95 % confidence interval: where the limits of the curve cross.
    """

    month: float
    earliest: float
    latest: float


def pay_back(months: pd.DataFrame, acquisition_cost: float) -> PayBack:
    """Pay-back of a table as `value_by_month` gives it; 0 if the first occasion pays."""
    crossed = [_first_month(months, name, acquisition_cost) for name in ("value", "upper", "lower")]
    return PayBack(*crossed)


def _first_month(months: pd.DataFrame, column: str, cost: float) -> float:
    reached = months.loc[months[column] >= cost, "month"]
    return float(reached.iloc[0]) if len(reached) else math.inf


@dataclasses.dataclass(frozen=True)
class Acquisition:
    """A new customer against the cost of winning one.

    `value`, `lower`, `upper`: to the horizon, before the cost (95 % confidence interval);
    `net_value` after it; `ratio` value : cost (inf where it costs nothing); `never` the share of
    customers whose discounted margin never reaches the cost within the horizon (simulated).
    """

    cost: float
    value: float
    lower: float
    upper: float
    pay_back: PayBack
    never: float

    @property
    def net_value(self) -> float:
        """Value less acquisition cost."""
        return self.value - self.cost

    @property
    def ratio(self) -> float:
        """Value : acquisition cost, a ratio of expectations."""
        return self.value / self.cost if self.cost else math.inf


def acquisition(base: FittedBase, economics: Economics, cost: float, *, seed: int) -> Acquisition:
    """A new customer of this base against an acquisition cost."""
    months = value_by_month(base, economics)
    last = months.iloc[-1]
    never = share_never(base, economics, cost, seed=seed)
    return Acquisition(
        cost, float(last["value"]), float(last["lower"]), float(last["upper"]),
        pay_back(months, cost), never,
    )  # fmt: skip


def share_never(base: FittedBase, economics: Economics, cost: float, *, seed: int) -> float:
    """Share of new customers whose discounted net margin never reaches `cost` within the horizon.

    Simulated: first occasions are drawn from those observed, what follows from the models.
    """
    rng = np.random.default_rng([seed, 21])
    none, who = np.zeros(SIMULATED), newcomer(base, economics)
    drawn = futures(
        base.purchases.model, economics.horizon(base.unit),
        frequency=none, recency=none, T=none, seed=rng,
    )  # fmt: skip
    spent = spend_of(base.spend.model, drawn, rng, frequency=none, monetary_value=none)
    like = base.summary.iloc[rng.choice(len(base.summary), SIMULATED)]
    margin, cost_each = (economics.of(n, like.index) for n in ("margin", "cost_per_occasion"))
    first = margin * like["first_value"].to_numpy() - cost_each
    rate = economics.rate(base.unit)
    left = np.exp(-rate * drawn.time) * (who.margin * spent - who.cost)
    customer = np.concatenate([np.arange(SIMULATED), drawn.customer])
    time = np.concatenate([none, drawn.time])
    paid = who.upkeep * discounted_span(rate, time)
    best = highest(customer, time, np.concatenate([first, left]), paid)
    return float((best < cost).mean())


def highest(customer: Counts, time: Array, left: Array, paid: Array) -> Array:
    """The highest that each customer's running sum of `left`, less `paid` by then, ever is.

    Every customer has an event at time 0, and customers are numbered from 0.
    """
    order = np.lexsort((time, customer))
    who, level = customer[order], np.cumsum(left[order])
    starts = np.flatnonzero(np.diff(who, prepend=-1))
    before = np.concatenate(([0.0], level[starts[1:] - 1]))
    running = level - before[who] - paid[order]
    return np.maximum.reduceat(running, starts)
