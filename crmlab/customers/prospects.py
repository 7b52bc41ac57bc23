"""What a new customer is worth, month by month."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from crmlab.customers.cohorts import PERIODS
from crmlab.customers.equity import parts
from crmlab.customers.study import Study
from crmlab.units import days_per

EARLY_DAYS = 91
ENOUGH = 30  # customers of a cohort, for its mean to be compared


def by_cohort(study: Study, early_days: int = EARLY_DAYS, *, period: str = "month") -> pd.DataFrame:
    """How customers won in each month (quarter, year) began: are newer customers better or worse?

    Indexed by the period of the first occasion. Columns: customers, first_value (mean),
    early_repeats (occasions a customer in the first `early_days`, missing where not all were
    observed that long), early_error (its standard error), value_each, residual_clv, share.
    """
    customers = study.customers
    cohort = customers["first_date"].dt.to_period(PERIODS[period]).rename("cohort")
    occasions = study.log.occasions(study.assumptions.observation_end)
    first = customers["first_date"].reindex(occasions["customer_id"]).to_numpy()
    age = (occasions["date"].to_numpy() - first) / np.timedelta64(1, "D")
    early = occasions[(age > 0) & (age <= early_days)].groupby("customer_id").size()
    frame = customers.assign(early=early.reindex(customers.index).fillna(0.0))
    grouped = frame.groupby(cohort)
    observed = grouped["T"].min() * days_per(study.assumptions.unit) >= early_days
    table = pd.DataFrame(
        {
            "first_value": grouped["first_value"].mean(),
            "early_repeats": grouped["early"].mean().where(observed),
            "early_error": grouped["early"].sem().where(observed),
        }
    )
    return table.join(parts(customers["residual_clv"], cohort))


class Comparison(NamedTuple):
    """The first and the last cohort that can be compared: their names and early repeats.

    `verdict` is 'same' where the difference is within 1.96 standard errors, else 'better' or
    'worse' of the last one.
    """

    first_name: pd.Period
    last_name: pd.Period
    first: float
    last: float
    verdict: str


def compare_cohorts(study: Study, period: str = "month") -> Comparison | None:
    """Are newer customers better or worse? None without two cohorts of 30 customers, observed."""
    table = by_cohort(study, period=period)
    table = table[table["early_repeats"].notna() & (table["customers"] >= ENOUGH)]
    if len(table) < 2:
        return None
    first, last = table.iloc[0], table.iloc[-1]
    gap = float(last["early_repeats"] - first["early_repeats"])
    chance = 1.959963984540054 * float(np.hypot(first["early_error"], last["early_error"]))
    verdict = "same" if abs(gap) <= chance else "better" if gap > 0 else "worse"
    return Comparison(
        table.index[0],
        table.index[-1],
        float(first["early_repeats"]),
        float(last["early_repeats"]),
        verdict,
    )
