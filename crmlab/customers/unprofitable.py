"""Customers who are expected to cost more than they bring, and what would change that."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.equity import equity


def unprofitable(valued: pd.DataFrame, more: pd.DataFrame | None = None) -> pd.DataFrame:
    """Customers whose expected net value is below 0, the costliest first, and how to mend it.

    `valued` as crmlab.customers.value.value_customers gives it; `more` (reasons, p_negative, ...)
    is joined. Each lever alone, all else as it is, brings the net value to 0 (shares; missing
    where it cannot): price_change (volume unchanged, all of it margin), cost_change (of all costs
    to serve and retain, negative; missing where they are less than the loss), frequency_change
    (occasions, active time unchanged; missing where an occasion itself loses money).
    """
    some = valued[valued["residual_clv"] < 0].sort_values("residual_clv", kind="stable")
    loss = -some["residual_clv"]
    upkeep = some["cost_of_time"] + some["retention_spending"]
    revenue = some["det"] * some["expected_spend"]
    gain = some["expected_margin"] - some["cost_of_occasions"]
    costs = some["cost_of_occasions"] + upkeep
    table = pd.DataFrame(
        {
            "residual_clv": some["residual_clv"],
            "expected_margin": some["expected_margin"],
            "costs": costs,
            "price_change": loss / revenue.where(revenue > 0),
            "cost_change": -loss / costs.where(costs >= loss),
            "frequency_change": (upkeep / gain.where(gain > 0)) - 1,
        }
    )
    return table if more is None else table.join(more)


def summary_of(listed: pd.DataFrame, valued: pd.DataFrame) -> dict[str, float]:
    """How many are unprofitable, what they cost, and the one change that would mend the typical.

    customers, share (of all), loss (money, below 0), equity_if_mended (if each of them
    came out even), price_change, cost_change and frequency_change (medians over all of them;
    missing where half of them cannot be mended so).
    """
    out = {
        "customers": float(len(listed)),
        "share": len(listed) / len(valued),
        "loss": equity(listed["residual_clv"]),
        "equity_if_mended": equity(valued["residual_clv"].clip(lower=0)),
    }
    for name, never in (
        ("price_change", np.inf), ("cost_change", -np.inf), ("frequency_change", np.inf)
    ):  # fmt: skip
        typical = listed[name].fillna(never).median()
        out[name] = float(typical) if np.isfinite(typical) else float("nan")
    return out
