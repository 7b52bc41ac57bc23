"""Five views of a customer base, from its purchases alone (Fader, Hardie & Ross 2022).

How customers differ in one period, how one period's customers turn into the next's, how one cohort
develops, how cohorts compare, and what all this makes of the firm's sales. Nothing here is a model.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.cohorts import PERIODS
from crmlab.units import days_per

TENTHS = 10
MUCH = 0.10  # share by which a customer's spend must move to count as more or less
CHANGES = ("left", "less", "same", "more", "came_back", "new")
AGE_UNIT = "month"


def period_before(opening: str, closing: str) -> str:
    """The day after which a period as long as opening to closing ends with the opening."""
    first, last = pd.Timestamp(opening), pd.Timestamp(closing)
    return str((first - (last - first)).date())


def differences(occasions: pd.DataFrame, after: str, until: str) -> pd.DataFrame:
    """How the customers of one period differ: by tenths of them, those who spent most first.

    Indexed by tenth (1 to 10). Columns: customers, amount, share (of amount), occasions_each.
    `occasions` is the log's; the period is the days after `after` up to `until`.
    """
    bought = _of(occasions, after, until).groupby("customer_id")["amount"].agg(["sum", "size"])
    bought = bought.sort_values("sum", ascending=False, kind="stable")
    tenth = pd.Series(np.arange(len(bought)) * TENTHS // max(len(bought), 1) + 1, bought.index)
    grouped = bought.groupby(tenth)
    table = pd.DataFrame({"customers": grouped.size(), "amount": grouped["sum"].sum()})
    table["share"] = table["amount"] / table["amount"].sum()
    table["occasions_each"] = grouped["size"].sum() / table["customers"]
    return table.rename_axis("tenth")


def changes(occasions: pd.DataFrame, after: str, opening: str, closing: str) -> pd.DataFrame:
    """One period's customers (after `after` to `opening`) against the next's (to `closing`).

    Indexed by change: left (bought before, not now), less, same (within 10 %), more, came_back
    (neither new nor bought in the first period), new (first occasion in the second). Columns:
    customers, before, now (money), change (now less before).
    """
    first = occasions.groupby("customer_id")["date"].min()
    before = _of(occasions, after, opening).groupby("customer_id")["amount"].sum()
    now = _of(occasions, opening, closing).groupby("customer_id")["amount"].sum()
    both = pd.DataFrame({"before": before, "now": now})
    kind = _kinds(both, first.reindex(both.index) > pd.Timestamp(opening))
    grouped = both.fillna(0.0).groupby(pd.Categorical(kind, CHANGES), observed=False)
    table = grouped[["before", "now"]].sum()
    table.insert(0, "customers", grouped.size())
    table["change"] = table["now"] - table["before"]
    return table.rename_axis("change_of")


def _kinds(both: pd.DataFrame, is_new: pd.Series) -> object:
    before, now = both["before"], both["now"]
    conditions = [
        now.isna(), is_new, before.isna(), now < (1 - MUCH) * before, now > (1 + MUCH) * before,
    ]  # fmt: skip
    return np.select(conditions, ["left", "new", "came_back", "less", "more"], "same")


def development(occasions: pd.DataFrame, closing: str, period: str = "month") -> pd.DataFrame:
    """How cohorts develop by age in months, as far as a whole cohort was observed.

    `period` is that of the first occasion. Columns: cohort, age, customers (its size), active
    (share with an occasion in that month of their life), amount_each (spend a customer of the
    cohort in that month), cumulative_each (from the first occasion on).
    """
    first = occasions.groupby("customer_id")["date"].min()
    cohort = first.dt.to_period(PERIODS[period])
    sizes = cohort.value_counts().sort_index()
    who = occasions["customer_id"]
    days = (occasions["date"].to_numpy() - first.reindex(who).to_numpy()) / np.timedelta64(1, "D")
    age = np.floor(days / days_per(AGE_UNIT)).astype(int)
    cells = occasions.assign(cohort=cohort.reindex(who).to_numpy(), age=age)
    grouped = cells.groupby(["cohort", "age"])
    table = pd.DataFrame(
        {"active": grouped["customer_id"].nunique(), "amount": grouped["amount"].sum()}
    )
    table = table.reindex(_observed(first, cohort, closing), fill_value=0).reset_index()
    table["customers"] = sizes.reindex(table["cohort"]).to_numpy()
    table["active"] = table["active"] / table["customers"]
    table["amount_each"] = table.pop("amount") / table["customers"]
    table["cumulative_each"] = table.groupby("cohort")["amount_each"].cumsum()
    names = ["cohort", "age", "customers", "active", "amount_each", "cumulative_each"]
    return table[names]


def _observed(first: pd.Series, cohort: pd.Series, closing: str) -> pd.MultiIndex:
    """Cohort and age of every month of life that the whole of a closed cohort was watched for."""
    end = pd.Timestamp(closing)
    youngest = (end - first).dt.days.groupby(cohort).min()
    youngest = youngest[[period.end_time.normalize() <= end for period in youngest.index]]
    # Month k of a life ends the day before (k + 1) months.
    ages = np.floor((youngest + 1) / days_per(AGE_UNIT)).astype(int)
    pairs = [(name, age) for name, n in ages.items() for age in range(n)]
    return pd.MultiIndex.from_tuples(pairs, names=["cohort", "age"])


def sales(occasions: pd.DataFrame, period: str = "month") -> pd.DataFrame:
    """The firm's sales by calendar period: those to customers new in it, and to all others.

    Indexed by period. Columns: customers, new_customers, amount_new, amount_known, amount.
    """
    first = occasions.groupby("customer_id")["date"].min().dt.to_period(PERIODS[period])
    when = occasions["date"].dt.to_period(PERIODS[period])
    is_new = first.reindex(occasions["customer_id"]).to_numpy() == when.to_numpy()
    frame = occasions.assign(period=when, amount_new=occasions["amount"].where(is_new, 0.0))
    grouped = frame.groupby("period")
    table = grouped[["amount", "amount_new"]].sum()
    every = pd.period_range(table.index.min(), table.index.max(), freq=table.index.freq)
    table["customers"] = grouped["customer_id"].nunique()
    table["new_customers"] = first.value_counts()
    table = table.reindex(every).fillna(0.0).rename_axis("period")
    table["amount_known"] = table["amount"] - table["amount_new"]
    return table[["customers", "new_customers", "amount_new", "amount_known", "amount"]]


def _of(occasions: pd.DataFrame, after: str, until: str) -> pd.DataFrame:
    date = occasions["date"]
    return occasions[(date > pd.Timestamp(after)) & (date <= pd.Timestamp(until))]
