"""Who is still here, against their own rhythm, and who slipped away since the last period."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.equity import sums
from crmlab.customers.rhythms import days_since_last
from crmlab.customers.stages import period_before
from crmlab.customers.study import Study
from crmlab.units import days_per

RHYTHMS = (1.0, 2.0, 4.0)
ONE_TIME = "one-time"


def alive_distribution(customers: pd.DataFrame, bands: int = 10) -> pd.DataFrame:
    """Customers, and their value, by probability of being active, in bands of equal width."""
    edges = np.linspace(0, 1, bands + 1)
    band = np.minimum((customers["p_alive"] * bands).astype(int), bands - 1)
    grouped = customers.groupby(band)
    table = pd.DataFrame(
        {
            "customers": grouped.size(),
            "expected_active": grouped["p_alive"].sum(),
            "residual_clv": sums(customers["residual_clv"], band),
        }
    ).reindex(range(bands), fill_value=0)
    table.insert(0, "lower", edges[:-1])
    table.insert(1, "upper", edges[1:])
    return table


def rhythm(customers: pd.DataFrame, unit: str) -> pd.Series:
    """Days since the last purchase as a multiple of a customer's own mean gap, in bands.

    Bands 'to-1', '1-2', '2-4', 'over-4'; customers with a single purchase have no rhythm:
    'one-time'.
    """
    repeat = customers["frequency"] > 0
    gap = (customers["recency"] * days_per(unit) / customers["frequency"].where(repeat)).astype(
        float
    )
    ratio = days_since_last(customers, unit) / gap
    names = ["to-1", "1-2", "2-4", "over-4"]
    band = pd.Series(ONE_TIME, index=customers.index, name="rhythm")
    band[repeat] = np.array(names)[np.searchsorted(RHYTHMS, ratio[repeat], side="left")]
    return pd.Series(pd.Categorical(band, [*names, ONE_TIME]), index=band.index, name="rhythm")


def active_by(customers: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Customers, expected active ones, their value and their value at risk, by group.

    Money is to the cent and adds up to its total.
    """
    grouped = customers.groupby(by, observed=True, sort=True)
    each = grouped[["p_alive", "expected_life"]].sum()
    table = pd.DataFrame(
        {
            "customers": grouped.size(),
            "expected_active": each["p_alive"],
            "active_share": each["p_alive"] / grouped.size(),
            "life_each": each["expected_life"] / grouped.size(),
            "residual_clv": sums(customers["residual_clv"], by),
            "value_at_risk": sums(customers["value_at_risk"], by),
        }
    )
    table["risk_share"] = table["value_at_risk"] / table["residual_clv"].where(
        table["residual_clv"] > 0
    )
    return table


def previous_end(observation_end: str) -> str:
    """The day a quarter of a year before the end of observation."""
    return period_before(observation_end)


def since_last_quarter(study: Study) -> pd.DataFrame:
    """Each customer known a quarter ago: probability of being active then and now (same model).

    Columns: frequency (then), p_alive_then, p_alive_now, bought (in the quarter), slipped
    (the fall of the probability; negative where a purchase raised it), residual_clv (now).
    """
    given = study.assumptions
    then = study.log.summarize(previous_end(given.observation_end), given.unit)
    x, t_x, T = (then[c].to_numpy() for c in ("frequency", "recency", "T"))
    p_then = study.purchases.model.p_alive(frequency=x, recency=t_x, T=T)
    now = study.customers.loc[then.index]
    return pd.DataFrame(
        {
            "frequency": then["frequency"],
            "p_alive_then": p_then,
            "p_alive_now": now["p_alive"],
            "bought": now["frequency"] > then["frequency"],
            "slipped": p_then - now["p_alive"],
            "residual_clv": now["residual_clv"],
        }
    )


def flows(since: pd.DataFrame) -> pd.DataFrame:
    """Expected active customers a quarter ago and now, by repeats then: 0, 1, 2-3, 4-6, 7+."""
    names = ["0", "1", "2-3", "4-6", "7+"]
    band = np.array(names)[np.searchsorted([0.5, 1.5, 3.5, 6.5], since["frequency"])]
    grouped = since.groupby(pd.Categorical(band, names), observed=True)
    table = pd.DataFrame(
        {
            "customers": grouped.size(),
            "active_then": grouped["p_alive_then"].sum(),
            "bought": grouped["bought"].sum(),
            "active_now": grouped["p_alive_now"].sum(),
            "slipped": grouped["slipped"].sum(),
        }
    )
    return table.rename_axis("frequency_then")
