"""What keeping customers may cost, and how large a test would prove that it pays."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from crmlab.customers.economics import Economics
from crmlab.customers.equity import sums as to_the_cent
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.futures import discounted_span
from crmlab.customers.value import Ahead, ahead, needs_recency, worth
from crmlab.models.special import Array
from crmlab.units import units_per_year

MONTHS = 3.0
MOMENT = 1e-4
"""Of a time unit: so long that the rate of purchases of an active customer is told by it."""
ALPHA, POWER = 0.05, 0.8


def offers(
    base: FittedBase, economics: Economics, values: pd.Series, segment: pd.Series, *,
    cost: float | None = None, months: float = MONTHS, alpha: float = ALPHA,
    power: float = POWER,
) -> pd.DataFrame:  # fmt: skip
    """Retention offers by segment: what there is to keep, what it may cost, how to prove it.

    `values` are residual_clv, `cost` what an offer to one customer costs, `months` how long it
    works. Indexed by segment. Columns, money a customer unless said: customers, residual_clv (of
    all), value_each, value_at_risk (of all: value x probability of leaving within the months, if
    active now), most_cost (what the customers would bring more if none left within the months: an
    offer may cost that much; see `gained_if_kept`), value_if_active (of a customer who is known to
    be active), buys (share expected to buy in as many months after those: in these models who
    leaves within them has bought in them) and, where cost is given, break_even_share (of those who
    would leave, how many it has to keep to pay; missing where not even all would),
    break_even_uplift (the same in points of the probability of
    staying, of all who get it), buys_needed (share that has to buy for that), per_arm
    (customers with and as many without the offer, by whom a test finds this uplift with the given
    two-sided alpha and power; missing where it is too small or large for any) and testable (the
    segment has so many).
    """
    span = months * units_per_year(base.unit) / 12
    each, group = _customers(base, economics, values, span), segment.reindex(values.index)
    frame = each.groupby(group, observed=True)
    sums, size = frame.sum(), frame.size()
    table = pd.DataFrame(
        {
            "customers": size,
            "residual_clv": to_the_cent(each["value"], group),
            "value_each": sums["value"] / size,
            "value_at_risk": to_the_cent(each["at_risk"], group),
            "most_cost": sums["gain"] / size,
            "value_if_active": sums["value"] / sums["alive"],
            "buys": sums["buys"] / size,
        }
    )
    if cost is None:
        return table
    found = proof(
        table, cost, leaves=sums["leaves"] / size, shown=table["buys"],
        shown_if_kept=(sums["buys_if_kept"] - sums["buys"]) / sums["leaves"], alpha=alpha,
        power=power,
    )  # fmt: skip
    return table.join(found.rename(columns={"needed": "buys_needed"}))


def proof(
    table: pd.DataFrame, cost: float, *, leaves: pd.Series, shown: pd.Series,
    shown_if_kept: pd.Series | float = 1.0, alpha: float = ALPHA, power: float = POWER,
) -> pd.DataFrame:  # fmt: skip
    """What an offer of this cost has to do to pay, and the size of a test that would show it.

    `table` has customers and most_cost (see `offers`), one row a segment; `leaves` is the share of
    them who would leave while the offer works, `shown` the share who show what a test counts
    (they buy, or renew) without it, `shown_if_kept` that of those who are kept. Columns
    break_even_share, break_even_uplift, needed (share that has to show it), per_arm and testable,
    as `offers` has them.
    """
    kept = cost / table["most_cost"].where(table["most_cost"] > 0)
    share = kept.where(kept <= 1)
    uplift = share * leaves
    needed = shown + uplift * shown_if_kept
    arms = [per_arm(p, q, alpha=alpha, power=power) for p, q in zip(shown, needed, strict=True)]
    found = {"break_even_share": share, "break_even_uplift": uplift, "needed": needed}
    out = pd.DataFrame(found, index=table.index).assign(per_arm=arms)
    return out.assign(testable=2 * out["per_arm"] <= table["customers"])


def gained_if_kept(base: FittedBase, economics: Economics, span: float) -> Array:
    """What each customer would bring more to the horizon if they did not leave within `span`.

    Those who would leave are not like the others: they buy faster, leave easily once the offer has
    ended, and much of what they bring before they leave counts already. So this is no share of the
    value: an active customer buys at the rate that the history tells, and at the end of the span is
    as likely to leave as today. Of regular buyers, whose next purchase depends on the last, those
    within the span are taken as they are expected, which is a little low.
    """
    model, history, rate = base.purchases.model, base.history, economics.rate(base.unit)
    horizon = economics.horizon(base.unit)
    span = min(span, horizon)
    now = ahead(base, rate, horizon, active=economics.costs_time)
    later = ahead(base, rate, horizon - span, active=economics.costs_time)
    moment = span if needs_recency(model) else MOMENT
    pace = model.expected_purchases(moment, **history) / moment
    passed, worth_then = discounted_span(rate, span), np.exp(-rate * span)
    kept = Ahead(
        pace * passed + worth_then * later.occasions,
        model.p_alive(**history) * passed + worth_then * later.active,
    )
    more = Ahead(kept.occasions - now.occasions, kept.active - now.active)
    return worth(base, economics).net(more)


def _customers(
    base: FittedBase, economics: Economics, values: pd.Series, span: float
) -> pd.DataFrame:
    model, history = base.purchases.model, base.history
    alive = model.p_alive(**history)
    leaves: Array = 1 - model.survival_if_alive(span, **history)
    return pd.DataFrame(
        {
            "value": values,
            "alive": alive,
            "leaves": alive * leaves,
            "at_risk": np.maximum(values, 0.0) * leaves,
            "gain": gained_if_kept(base, economics, span),
            "buys_if_kept": 1 - model.pmf(0, span, **history),
            "buys": model.buys_later(span, span, **history),
        },
        index=base.summary.index,
    )


def per_arm(rate: float, better: float, *, alpha: float = ALPHA, power: float = POWER) -> float:
    """Customers in each of two groups by whom a two-sided test tells `better` from `rate`.

    By Cohen's h and the normal approximation (statsmodels). Missing where either rate is missing
    or no share, or both are the same.
    """
    if not (0 <= rate <= 1 and 0 <= better <= 1) or math.isclose(rate, better, abs_tol=1e-9):
        return float("nan")
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import proportion_effectsize

    effect = float(proportion_effectsize(better, rate))
    found = NormalIndPower().solve_power(effect_size=abs(effect), alpha=alpha, power=power, ratio=1)
    return float(np.ceil(found))
