"""What keeping customers may cost, and how large a test would prove that it pays."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from crmlab.customers.fitted_base import FittedBase
from crmlab.models.special import Array
from crmlab.units import units_per_year

MONTHS = 3.0
ALPHA, POWER = 0.05, 0.8


def offers(
    base: FittedBase, values: pd.Series, segment: pd.Series, *, cost: float | None = None,
    months: float = MONTHS, alpha: float = ALPHA, power: float = POWER,
) -> pd.DataFrame:  # fmt: skip
    """Retention offers by segment: what there is to keep, what it may cost, how to prove it.

    `values` are residual_clv, `cost` what an offer to one customer costs, `months` how long it
    works. Indexed by segment. Columns, money a customer unless said: customers, residual_clv (of
    all), value_each, value_at_risk (of all: value x probability of leaving within the months, if
    active now), most_cost (an offer that kept everybody may cost that much), value_if_active
    (of a customer who is known to be active), buys (share expected to buy in as many months after
    those: in these models who leaves within them has bought in them) and,
    where cost is given, break_even_share (of those who would leave, how many it has to keep to pay;
    missing where not even all would), break_even_uplift (the same in points of the probability of
    staying, of all who get it), buys_needed (share that has to buy for that), per_arm
    (customers with and as many without the offer, by whom a test finds this uplift with the given
    two-sided alpha and power; missing where it is too small or large for any) and testable (the
    segment has so many).
    """
    span = months * units_per_year(base.unit) / 12
    frame = _customers(base, values, span).groupby(segment.reindex(values.index), observed=True)
    sums, size = frame.sum(), frame.size()
    table = pd.DataFrame(
        {
            "customers": size,
            "residual_clv": sums["value"],
            "value_each": sums["value"] / size,
            "value_at_risk": sums["at_risk"],
            "most_cost": sums["at_risk"] / size,
            "value_if_active": sums["value"] / sums["alive"],
            "buys": sums["buys"] / size,
        }
    )
    if cost is None:
        return table
    found = proof(
        table, cost, leaves=sums["leaves"] / size, shown=table["buys"],
        shown_if_kept=sums["buys_now"] / sums["alive"], alpha=alpha, power=power,
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


def _customers(base: FittedBase, values: pd.Series, span: float) -> pd.DataFrame:
    model, history = base.purchases.model, base.history
    alive = model.p_alive(**history)
    leaves: Array = 1 - model.survival_if_alive(span, **history)
    bought: Array = 1 - model.pmf(0, span, **history)
    return pd.DataFrame(
        {
            "value": values,
            "alive": alive,
            "leaves": alive * leaves,
            "at_risk": np.maximum(values, 0.0) * leaves,
            "buys_now": bought,
            "buys": bought * (1 - leaves),
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
