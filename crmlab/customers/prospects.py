"""What a new customer is worth, month by month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.intervals import interval, parameter_sd
from crmlab.customers.study import Study
from crmlab.units import days_per, units_per_year


def value_by_month(study: Study) -> pd.DataFrame:
    """Expected discounted cumulative margin of a new customer at the end of each month.

    Month 0 is the first occasion (mean first spend observed, times margin); later months add the
    discounted repeats at Gamma-Gamma's mean spend. Columns: month, value, lower, upper (95 %
    confidence interval of the expectation: parameters only, not one customer's luck).
    """
    given = study.assumptions
    months = np.arange(0, round(given.horizon_years * 12) + 1)
    times = months * units_per_year(given.unit) / 12
    times[-1] = given.horizon
    spend = study.spend.model.expected_spend_new()
    first = given.margin * float(study.customers["first_value"].mean())
    repeats = study.purchases.model.det_new(given.rate, times)
    value = first + given.margin * spend * repeats
    by_spend = parameter_sd(study.spend, lambda m: m.expected_spend_new()) * repeats
    by_purchases = parameter_sd(study.purchases, lambda m: m.det_new(given.rate, times)) * spend
    sd = given.margin * np.hypot(by_spend, by_purchases)
    limits = [interval(float(v), float(e), 0.0) for v, e in zip(value, sd, strict=True)]
    return pd.DataFrame(
        {
            "month": months,
            "value": value,
            "lower": [limit.lower for limit in limits],
            "upper": [limit.upper for limit in limits],
        }
    )


def by_cohort(study: Study, early_days: int = 91) -> pd.DataFrame:
    """How customers won in each month began: are newer customers better or worse?

    Indexed by the month of the first occasion. Columns: customers, first_value (mean),
    early_repeats (occasions a customer in the first `early_days`, missing where not all were
    observed that long), value_each, residual_clv, share.
    """
    customers = study.customers
    cohort = customers["first_date"].dt.to_period("M").rename("cohort")
    occasions = study.log.occasions(study.assumptions.observation_end)
    first = customers["first_date"].reindex(occasions["customer_id"]).to_numpy()
    age = (occasions["date"].to_numpy() - first) / np.timedelta64(1, "D")
    early = occasions[(age > 0) & (age <= early_days)].groupby("customer_id").size()
    frame = customers.assign(early=early.reindex(customers.index).fillna(0.0))
    grouped = frame.groupby(cohort)
    observed = grouped["T"].min() * days_per(study.assumptions.unit) >= early_days
    table = pd.DataFrame(
        {
            "customers": grouped.size(),
            "first_value": grouped["first_value"].mean(),
            "early_repeats": grouped["early"].mean().where(observed),
            "residual_clv": grouped["residual_clv"].sum(),
        }
    )
    table["value_each"] = table["residual_clv"] / table["customers"]
    table["share"] = table["residual_clv"] / table["residual_clv"].sum()
    return table
