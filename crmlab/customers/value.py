"""What customers bring and cost: expected, discounted, to the horizon and beyond it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.rhythms import days_since_last
from crmlab.errors import WrongParameter
from crmlab.models.special import Array
from crmlab.units import days_per


class Ahead(NamedTuple):
    """Discounted expected occasions and discounted expected active time, one value a customer."""

    occasions: Array
    active: Array


def needs_recency(model: Any) -> bool:
    """Whether a customer's survival depends on the last purchase: that of regular buyers does."""
    try:
        model.survival_if_alive(1.0, frequency=0, T=0.0)
    except WrongParameter:
        return True
    return False


def ahead(
    base: FittedBase, rate: float, horizon: ArrayLike, *, active: bool = True, pace: float = 1.0
) -> Ahead:
    """Discounted occasions and active time of each customer up to `horizon` (time units).

    `pace` is how fast customers leave from now on, in multiples of what the model expects: each
    stays until u with the probability of staying until pace x u. Where purchases have no memory
    that is the same as dropout rates (Pareto/NBD) or coins (BG/NBD, MBG/NBD) multiplied by pace,
    and a change of the variable of integration gives the occasions as det(rate / pace, pace x
    horizon) / pace. For regular buyers (CNBD) it is an approximation: the first gap is stretched.
    Active time is 0 where not asked for.
    """
    model, history = base.purchases.model, base.history
    slower, longer = rate / pace, np.asarray(horizon, dtype=float) * pace
    occasions = model.det(slower, longer, **history) / pace
    if not active:
        return Ahead(occasions, np.zeros(len(occasions)))
    return Ahead(occasions, model.discounted_life(slower, longer, **history) / pace)


class Worth(NamedTuple):
    """What an occasion brings and costs, and what a unit of active time costs, a customer each."""

    margin: Array
    cost: Array
    upkeep: Array

    def net(self, found: Ahead) -> Array:
        """Margin less costs of these occasions and this active time."""
        out: Array = (self.margin - self.cost) * found.occasions - self.upkeep * found.active
        return out


def worth(base: FittedBase, economics: Economics) -> Worth:
    """Money an occasion and a unit of active time, of each customer."""
    index = base.summary.index
    upkeep = economics.of("cost_per_year", index) + economics.retention_per_year
    return Worth(
        economics.of("margin", index) * base.expected_spend,
        economics.of("cost_per_occasion", index),
        upkeep / base.year,
    )


def net_values(base: FittedBase, economics: Economics, *, pace: float = 1.0) -> Array:
    """residual_clv: discounted expected margin less cost to serve to the horizon, a customer each.

    `pace` as in `ahead`.
    """
    horizon = economics.horizon(base.unit)
    found = ahead(base, economics.rate(base.unit), horizon, active=economics.costs_time, pace=pace)
    return worth(base, economics).net(found)


def value_customers(base: FittedBase, economics: Economics) -> pd.DataFrame:
    """The value of each customer, taken apart; same index as the summary.

    Columns, in money unless said: expected_margin, cost_of_occasions, cost_of_time (the two parts
    of the cost to serve), retention_spending (all discounted, to the horizon), residual_clv (the
    first less the other three), residual_to_infinity and tail (beyond the horizon; both missing
    where nothing is discounted), det (occasions), active_years (discounted), expected_spend.
    """
    each, unit = worth(base, economics), base.unit
    rate, horizon = economics.rate(unit), economics.horizon(unit)
    found = ahead(base, rate, horizon, active=economics.costs_time)
    index = base.summary.index
    years = found.active / base.year
    table = pd.DataFrame(
        {
            "expected_margin": each.margin * found.occasions,
            "cost_of_occasions": each.cost * found.occasions,
            "cost_of_time": economics.of("cost_per_year", index) * years,
            "retention_spending": economics.retention_per_year * years,
            "residual_clv": each.net(found),
        },
        index=index,
    )
    forever = _to_infinity(base, economics, each)
    table["residual_to_infinity"] = forever
    table["tail"] = forever - table["residual_clv"]
    return table.assign(det=found.occasions, active_years=years, expected_spend=base.expected_spend)


def _to_infinity(base: FittedBase, economics: Economics, each: Worth) -> Array:
    rate = economics.rate(base.unit)
    if not rate > 0:
        return np.full(len(base.summary), np.nan)
    return each.net(ahead(base, rate, np.inf, active=economics.costs_time))


def reasons(base: FittedBase) -> pd.DataFrame:
    """Why a customer is worth what they are, as data: one row a customer.

    last_date, days_since_last, occasions (in all), mean_gap_days (missing for one-time buyers),
    spend_each (mean of all occasions), p_alive, expected_purchases_year.
    """
    summary, model = base.summary, base.purchases.model
    repeat = summary["frequency"].where(summary["frequency"] > 0)
    occasions = summary["frequency"] + 1
    return pd.DataFrame(
        {
            "last_date": summary["last_date"],
            "days_since_last": days_since_last(summary, base.unit),
            "occasions": occasions,
            "mean_gap_days": summary["recency"] * days_per(base.unit) / repeat,
            "spend_each": summary["total_value"] / occasions,
            "p_alive": model.p_alive(**base.history),
            "expected_purchases_year": model.expected_purchases(base.year, **base.history),
        },
        index=summary.index,
    )
