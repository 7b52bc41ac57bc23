"""Where each customer belongs: tenth, group, cohort and channel, by which equity is taken apart."""

from __future__ import annotations

import pandas as pd

from crmlab.customers import segments
from crmlab.customers.cohorts import PERIODS
from crmlab.customers.study import Study


def places(study: Study, period: str) -> pd.DataFrame:
    """The columns of schema.PLACES, one row a customer; no channel where nothing tells channels.

    `period` of the cohorts is week, month, quarter or year.
    """
    customers = study.customers
    group, _ = segments.rf_groups(customers, study.assumptions.unit)
    table = pd.DataFrame({
        "decile": segments.decile(customers),
        "group": group,
        "cohort": customers["first_date"].dt.to_period(PERIODS[period]),
    })  # fmt: skip
    known = study.won.table
    return table.assign(channel=known["channel"]) if "channel" in known else table
