"""Who holds the value: deciles, the concentration curve, and recency-frequency groups."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.equity import parts, sums
from crmlab.customers.rhythms import days_since_last

ONE_TIME = "one-time"


def totals(customers: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Customers, their past spend, and their value, for each group of `by`; the parts of the total.

    Columns: customers, total_value, expected_purchases, residual_clv, value_each, share,
    value_at_risk. Value and value at risk are to the cent and add up to their totals.
    """
    grouped = customers.groupby(by, observed=True, sort=True)
    table = parts(customers["residual_clv"], by)
    past = grouped[["total_value", "expected_purchases"]].sum()
    for place, name in enumerate(past, start=1):
        table.insert(place, name, past[name])
    table["value_at_risk"] = sums(customers["value_at_risk"], by)
    return table


def decile(customers: pd.DataFrame) -> pd.Series:
    """Tenth of the customers by value: 1 holds the most valuable ones (ties by customer id)."""
    order = customers.sort_values("residual_clv", ascending=False, kind="stable").index
    rank = pd.Series(np.arange(len(order)), index=order, name="decile")
    return (rank * 10 // len(order) + 1).reindex(customers.index)


def concentration(customers: pd.DataFrame, points: int = 101) -> pd.DataFrame:
    """Share of value held by the most valuable share of customers, at evenly spaced shares."""
    value = np.sort(customers["residual_clv"].to_numpy())[::-1]
    held = np.concatenate(([0.0], np.cumsum(value)))
    share = np.linspace(0, 1, points)
    at = np.interp(share * len(value), np.arange(len(value) + 1), held)
    return pd.DataFrame({"customer_share": share, "value_share": at / held[-1]})


def rf_groups(customers: pd.DataFrame, unit: str) -> tuple[pd.Series, pd.DataFrame]:
    """One-time buyers, and repeat buyers by thirds of recency and of frequency.

    Returns (the group of each customer, the groups' limits). Group 'R3F3' bought most recently and
    most often. Limits: recency_low/high in days since the last purchase, frequency_low/high in
    repeat occasions, both ends included, inf where open. Equal values stay together, so thirds are
    only about equal; a third may be empty.
    """
    repeat = customers[customers["frequency"] > 0]
    days = days_since_last(customers, unit)[repeat.index]
    recency, days_cuts = _third(days)
    frequency, frequency_cuts = _third(repeat["frequency"])
    group = pd.Series(ONE_TIME, index=customers.index, name="group")
    group[repeat.index] = "R" + (4 - recency).astype(str) + "F" + frequency.astype(str)
    rows = {}
    for r in (1, 2, 3):
        for f in (1, 2, 3):
            rows[f"R{4 - r}F{f}"] = (*_range(days_cuts, r, 0), *_range(frequency_cuts, f, 1))
    names = ["recency_low", "recency_high", "frequency_low", "frequency_high"]
    limits = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    limits.loc[ONE_TIME] = (np.nan, np.nan, 0, 0)
    return group, limits.loc[sorted(set(group))]


def _third(values: pd.Series) -> tuple[pd.Series, tuple[int, int]]:
    """1, 2 or 3 by the thirds of whole values, and the highest value of the first two."""
    if values.empty:
        return values.astype(int), (0, 0)
    cuts = np.floor(values.quantile([1 / 3, 2 / 3]).to_numpy()).astype(int)
    third = pd.Series(1 + np.searchsorted(cuts, values, side="left"), index=values.index)
    return third, (int(cuts[0]), int(cuts[1]))


def _range(cuts: tuple[int, int], third: int, least: int) -> tuple[float, float]:
    low = (least, cuts[0] + 1, cuts[1] + 1)[third - 1]
    return float(low), float((*cuts, np.inf)[third - 1])


def spend_rank_correlation(customers: pd.DataFrame) -> tuple[float, float, float, int]:
    """Spearman's correlation of frequency and spend of repeat buyers, its 95 % interval, and n.

    Interval by Fisher's z with the variance of Bonett & Wright (2000), (1 + rho^2 / 2) / (n - 3).
    """
    repeat = customers[customers["spend_frequency"] > 0]
    ranks = repeat[["frequency", "monetary_value"]].rank()
    rho = float(ranks["frequency"].corr(ranks["monetary_value"]))
    n = len(repeat)
    if n < 4 or not abs(rho) < 1:
        return rho, -1.0, 1.0, n
    half = 1.959963984540054 * np.sqrt((1 + rho**2 / 2) / (n - 3))
    z = np.arctanh(rho)
    return rho, float(np.tanh(z - half)), float(np.tanh(z + half)), n
