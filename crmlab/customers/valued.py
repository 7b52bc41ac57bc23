"""Every customer's value taken apart: margin, costs, what lies beyond, what may come of it."""

from __future__ import annotations

import pandas as pd

from crmlab.customers.single_outcomes import outcomes
from crmlab.customers.study import Study
from crmlab.customers.value import reasons, value_customers


def valued_customers(study: Study, *, seed: int) -> pd.DataFrame:
    """The customers of a study with the columns of schema.VALUES beside them, but for the reason.

    The interval is that of the realised value, 95 %, and holds parameters and chance; it is of one
    customer, and its ends do not add up to those of the base.
    """
    base, economics, index = study.base, study.economics, study.customers.index
    value = value_customers(base, economics)
    drawn = outcomes(base, economics, seed=seed)
    why = reasons(base)
    return study.customers.assign(
        margin=economics.of("margin", index),
        expected_margin=value["expected_margin"],
        cost_to_serve=value["cost_of_occasions"] + value["cost_of_time"],
        retention_spending=value["retention_spending"],
        residual_to_infinity=value["residual_to_infinity"],
        tail=value["tail"],
        lower=drawn["lower"],
        upper=drawn["upper"],
        p_negative=drawn["p_negative"],
        days_since_last=why["days_since_last"],
        mean_gap_days=why["mean_gap_days"],
    )
