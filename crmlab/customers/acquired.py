"""The customers won, by channel and cohort: what they are worth against what they cost."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.futures import discounted_span, futures, spend_of
from crmlab.customers.newcomers import highest, value_by_month
from crmlab.customers.value import Worth, ahead, worth
from crmlab.models.special import Array, Counts
from crmlab.units import days_per, units_per_year

PAY_BACK = ("pay_back_month", "pay_back_lower", "pay_back_upper")
NORMAL = 1.959963984540054  # standard errors, 95 %
ROUNDS = 20  # futures of each customer, for the share that never pays back


class Past(NamedTuple):
    """Occasions seen within the horizon: whose (row), at what age, and what they left, discounted.

    `alive` is the probability of being active after the last of them.
    """

    customer: Counts
    age: Array
    left: Array
    alive: Array


def by_group(
    base: FittedBase, occasions: pd.DataFrame, economics: Economics, groups: pd.DataFrame, *,
    seed: int, cost: pd.Series | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Value of the customers won by channel, cohort or both, against what winning them cost.

    `groups` has a row a customer and columns channel, cohort (or one of them); `occasions` is the
    log's. A customer's value, from the day of acquisition to the horizon, is what was observed so
    far plus what the models expect of the rest, discounted to that day: so a group is judged by
    what its own customers did, and by the base's models only where nothing is observed yet. Time
    after the last occasion counts as active with the probability of being active. Customers without
    a channel are those of 'unknown'; those without a cohort are left out. `cost` is what winning
    each customer cost, of a group the mean of those known; without it, that of the economics.
    Indexed by the groups' columns. Columns: customers, value (mean), error (its standard error
    between customers), observed_share (of value, already seen), acquisition_cost, net_value, ratio,
    pay_back_month (inf for never to the horizon), pay_back_lower, pay_back_upper (95 % confidence
    interval: the group's customers and the parameters; missing of one customer), never (share of
    customers). From acquisition_cost on, all are missing where the cost is not known.
    """
    keys = groups.reindex(base.summary.index)
    if "channel" in keys:
        keys["channel"] = keys["channel"].astype(object).fillna("unknown")
    numbered = keys.groupby(list(keys.columns), sort=True, observed=True).ngroup()
    number = numbered.fillna(-1).to_numpy(dtype=np.int64)  # customers without a group: -1
    known = keys.assign(group=number)[number >= 0].drop_duplicates("group").sort_values("group")
    past, each = observed(base, occasions, economics), worth(base, economics)
    seen, total = _to_age(base, economics, past, each, economics.horizon(base.unit))
    known = known.drop(columns="group")
    each_cost = economics.acquisition_cost_of(keys) if cost is None else cost.reindex(keys.index)
    cost_of = each_cost[number >= 0].groupby(number[number >= 0]).mean().to_numpy()
    table = _means(number, np.bincount(number[number >= 0]), seen, total)
    table["acquisition_cost"] = cost_of
    table["net_value"] = table["value"] - cost_of
    table["ratio"] = table["value"] / np.where(cost_of > 0, cost_of, np.nan)
    for name, months in _pay_back(base, economics, past, each, number, cost_of).items():
        table[name] = months
    table["never"] = _never(base, economics, past, number, each_cost.to_numpy(), seed)
    return table.set_axis(_index(known))


def _index(known: pd.DataFrame) -> pd.Index:
    one = known.shape[1] == 1
    return pd.Index(known.iloc[:, 0]) if one else pd.MultiIndex.from_frame(known)


def observed(base: FittedBase, occasions: pd.DataFrame, economics: Economics) -> Past:
    """What customers have left since the day they were won, at most to the horizon."""
    index, rate = base.summary.index, economics.rate(base.unit)
    row = index.get_indexer(occasions["customer_id"])
    row, some = row[row >= 0], occasions[row >= 0]
    first = base.summary["first_date"].to_numpy()[row]
    days = (some["date"].to_numpy() - first) / np.timedelta64(1, "D")
    age = days / days_per(base.unit)
    margin, cost = (economics.of(name, index)[row] for name in ("margin", "cost_per_occasion"))
    left = np.exp(-rate * age) * (margin * some["amount"].to_numpy(dtype=float) - cost)
    near = age <= economics.horizon(base.unit)
    alive = base.purchases.model.p_alive(**base.history)
    return Past(row[near], age[near], left[near], alive)


def _to_age(
    base: FittedBase, economics: Economics, past: Past, each: Worth, age: float
) -> tuple[Array, Array]:
    """Net margin of each customer from acquisition to an age: so far, and with what is ahead."""
    T, rate, n = base.history["T"], economics.rate(base.unit), len(base.summary)
    some = past.age <= age
    seen = np.bincount(past.customer[some], weights=past.left[some], minlength=n).astype(float)
    seen -= each.upkeep * _active_so_far(base, rate, past.alive, np.minimum(T, age))
    more = ahead(base, rate, np.maximum(age - T, 0.0), active=economics.costs_time)
    return seen, seen + np.exp(-rate * T) * each.net(more)


def _active_so_far(base: FittedBase, rate: float, alive: Array, age: Array) -> Array:
    """Discounted active time to an age: to the last occasion, then with the chance of activity."""
    sure = discounted_span(rate, np.minimum(base.history["recency"], age))
    return sure + alive * (discounted_span(rate, age) - sure)


def _means(number: Counts, size: Counts, seen: Array, total: Array) -> pd.DataFrame:
    """By group: customers, mean value, its standard error, and the share of it that was seen."""
    some = number >= 0
    frame = pd.DataFrame({"seen": seen[some], "value": total[some]}).groupby(number[some])
    sums = frame.sum()
    return pd.DataFrame(
        {
            "customers": size,
            "value": sums["value"] / size,
            "error": frame["value"].std() / np.sqrt(size),
            "observed_share": sums["seen"] / sums["value"],
        }
    )


def _pay_back(
    base: FittedBase, economics: Economics, past: Past, each: Worth, number: Counts, cost: Array
) -> dict[str, Array]:
    """First month by which a group's mean, and the limits of its interval, reach its cost.

    Inf for never, missing where the cost is unknown; limits are missing of one customer.
    """
    months = value_by_month(base, economics)  # refuses a horizon without end
    month = units_per_year(base.unit) / 12
    found = {name: np.where(np.isnan(cost), np.nan, np.inf) for name in PAY_BACK}
    for age in range(math.floor(economics.horizon_years * 12 + 1e-9) + 1):
        waiting = np.isin(number, np.flatnonzero(np.isinf(found["pay_back_upper"])))
        if not waiting.any():
            break
        rows = np.flatnonzero(waiting)
        some, then = _only(base, past, rows)
        theirs = Worth(*(v[rows] for v in each))
        seen, total = _to_age(some, economics, then, theirs, age * month)
        mean, error = _mean_and_error(number[rows], len(cost), seen, total, months.iloc[age])
        limits = (mean, mean + NORMAL * error, mean - NORMAL * error)
        for name, curve in zip(PAY_BACK, limits, strict=True):
            found[name][np.isinf(found[name]) & (curve >= cost)] = age
    alone = np.bincount(number[number >= 0], minlength=len(cost)) < 2
    for name in PAY_BACK[1:]:
        found[name][alone] = np.nan
    return found


def _mean_and_error(
    number: Counts, groups: int, seen: Array, total: Array, new: pd.Series
) -> tuple[Array, Array]:
    """Mean of each group at an age, missing where it has nobody, and its standard error.

    The error is that between the group's customers, and what the parameters leave open: that of a
    new customer's value at this age, in proportion to the part that is the model's.
    """
    size = np.bincount(number, minlength=groups).astype(float)
    size[size == 0] = np.nan
    mean = np.bincount(number, weights=total, minlength=groups) / size
    apart = (total - mean[number]) ** 2
    between = np.bincount(number, weights=apart, minlength=groups) / np.maximum(size - 1, 1) / size
    ahead = np.bincount(number, weights=total - seen, minlength=groups) / size
    half = float(new["upper"] - new["lower"]) / 2 / NORMAL
    open_part = half * ahead / new["value"] if new["value"] > 0 else np.zeros(groups)
    return mean, np.sqrt(between + open_part**2)


def _only(base: FittedBase, past: Past, rows: Counts) -> tuple[FittedBase, Past]:
    """Some of the customers, and what was seen of them."""
    place = np.full(len(base.summary), -1)
    place[rows] = np.arange(len(rows))
    mine = place[past.customer] >= 0
    customer = place[past.customer[mine]]
    kept = Past(customer, past.age[mine], past.left[mine], past.alive[rows])
    return base.only(base.summary.index[rows]), kept


def _never(
    base: FittedBase, economics: Economics, past: Past, number: Counts, cost: Array, seed: int
) -> Array:
    """Share of each group's customers, of known cost, whose running sum never reaches it."""
    known = (number >= 0) & np.isfinite(cost)
    groups = int(number.max()) + 1
    size = np.bincount(number[known], minlength=groups)
    if not known.any():
        return np.full(groups, np.nan)
    rng = np.random.default_rng([seed, 22])
    missed = np.zeros(len(number))
    for _ in range(ROUNDS):
        missed += _best(base, economics, past, rng) < cost
    share = np.bincount(number[known], weights=missed[known], minlength=groups) / ROUNDS
    out: Array = np.divide(share, size, out=np.full(groups, np.nan), where=size > 0)
    return out


def _best(base: FittedBase, economics: Economics, past: Past, rng: np.random.Generator) -> Array:
    """The highest running sum of each customer: seen so far, and one future."""
    index, rate, T = base.summary.index, economics.rate(base.unit), base.history["T"]
    left_over = np.maximum(economics.horizon(base.unit) - T, 0.0)
    drawn = futures(base.purchases.model, left_over, **base.history, seed=rng)
    spent = spend_of(base.spend.model, drawn, rng, **base.spending)
    who, age = drawn.customer, T[drawn.customer] + drawn.time
    margin, cost = (economics.of(name, index) for name in ("margin", "cost_per_occasion"))
    left = np.exp(-rate * age) * (margin[who] * spent - cost[who])
    customer = np.concatenate([past.customer, who])
    when = np.concatenate([past.age, age])
    upkeep = (economics.of("cost_per_year", index) + economics.retention_per_year) / base.year
    # Who buys has been active all the time until then.
    paid = upkeep[customer] * discounted_span(rate, when)
    return highest(customer, when, np.concatenate([past.left, left]), paid)
