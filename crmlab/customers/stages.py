"""The stage of every customer's life by stated rules, and who moved from which to which.

The rules look at purchases only: how many, and the time since the last one as a multiple of the
customer's own gap (crmlab.customers.rhythms). They name what was seen, not who has left for good.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.rhythms import overdue
from crmlab.intake.log import TransactionLog
from crmlab.units import DAYS_PER_YEAR

STAGES = ("new", "developing", "loyal", "slowing", "at_risk", "lost", "reactivated")
NOT_YET = "not_yet"
LOYAL_FROM = 3  # repeat purchases
SLOWING, AT_RISK, LOST = 2.0, 3.0, 5.0
"""Own gaps of silence: a random buyer waits longer for 14 %, 5 % and 0.7 % of purchases."""


def basic_stage(summary: pd.DataFrame) -> pd.Series:
    """The stage as one date's histories show it; all but 'reactivated'.

    Silent for more than 5 own gaps: lost; more than 3: at_risk; more than 2: slowing. Otherwise by
    repeat purchases: none new, one or two developing, three or more loyal.
    """
    silence, repeats = overdue(summary).fillna(0.0), summary["frequency"]
    conditions = [
        silence > LOST, silence > AT_RISK, silence > SLOWING, repeats >= LOYAL_FROM, repeats > 0,
    ]  # fmt: skip
    names = ["lost", "at_risk", "slowing", "loyal", "developing"]
    return _stage(np.select(conditions, names, "new"), summary.index)


def stage(summary: pd.DataFrame, before: pd.DataFrame) -> pd.Series:
    """The stage of each customer, given the histories one period before.

    As `basic_stage`, but reactivated where a customer who was lost then has bought since, and is
    not silent for more than 2 own gaps again.
    """
    now = basic_stage(summary).astype(object)
    here = now.isin(["new", "developing", "loyal"])
    then = basic_stage(before).reindex(summary.index)
    bought = summary["frequency"] > before["frequency"].reindex(summary.index)
    now[(then == "lost") & bought & here] = "reactivated"
    return _stage(now.to_numpy(), summary.index)


def _stage(names: object, index: pd.Index) -> pd.Series:
    kinds = pd.Categorical(names, STAGES)
    return pd.Series(kinds, index=index, name="stage")


def period_before(date: str, months: float = 3.0) -> str:
    """The day so many months before a date (a month is a twelfth of 365.25 days)."""
    back = pd.Timedelta(days=round(DAYS_PER_YEAR * months / 12))
    return str((pd.Timestamp(date) - back).date())


def stages(
    log: TransactionLog, observation_end: str, *, months: float = 3.0, unit: str = "week"
) -> pd.DataFrame:
    """Stage of each customer one period ago and now, by customer id: columns then, now.

    A customer who had not yet bought is 'not_yet' then. Raises NoUsableRows where nothing had been
    bought one period ago; where nothing had two periods ago, nobody is reactivated then.
    """
    earlier = period_before(observation_end, months)
    now, then = (log.summarize(day, unit) for day in (observation_end, earlier))
    first = log.first_date.isoformat()
    start = period_before(earlier, months)
    known = stage(then, log.summarize(start, unit)) if start >= first else basic_stage(then)
    was = known.astype(object).reindex(now.index).fillna(NOT_YET)
    kinds = pd.Categorical(was, (NOT_YET, *STAGES))
    return pd.DataFrame({"then": kinds, "now": stage(now, then)}, index=now.index)


def flows(found: pd.DataFrame, values: pd.Series | None = None) -> pd.DataFrame:
    """Customers by stage then (rows) and now (columns); with `values`, their sum instead."""
    given = pd.Series(1, index=found.index) if values is None else values
    table = given.groupby([found["then"], found["now"]], observed=False).sum().unstack()
    return table.rename_axis(columns="now")
