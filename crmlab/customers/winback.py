"""Whom to win back: by what is gained, not by how probably they are gone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.fitted_base import FittedBase

HARDLY = 1e-9  # below that probability of being active a customer's value if active is not told


def win_back(
    base: FittedBase,
    values: pd.Series,
    *,
    success: float | pd.Series | None = None,
    cost: float = 0.0,
) -> pd.DataFrame:
    """Customers by the expected gain of bringing them back, the highest first.

    `values` are residual_clv. value_if_active is a customer's value were they known to be active
    (residual_clv / p_alive); at_stake the difference to the value now. `success` is the share, of
    those who have left, whom an attempt brings back, one for all or one a customer. With it
    expected_gain = success x at_stake - cost, of an attempt that costs `cost`, and only gains above
    0 are listed; without it, the order is by at_stake. break_even_success is the share at which an
    attempt pays. Columns: p_alive, residual_clv, value_if_active, at_stake, break_even_success,
    expected_gain (missing without `success`).
    """
    alive = pd.Series(base.purchases.model.p_alive(**base.history), index=values.index)
    known = alive > HARDLY
    if_active = values.where(known) / alive.where(known)
    at_stake = if_active - values
    gain = at_stake * (np.nan if success is None else success) - cost
    table = pd.DataFrame(
        {
            "p_alive": alive,
            "residual_clv": values,
            "value_if_active": if_active,
            "at_stake": at_stake,
            "break_even_success": cost / at_stake.where(at_stake > 0),
            "expected_gain": gain,
        }
    )
    worth = table["at_stake"] > 0 if success is None else table["expected_gain"] > 0
    by = "at_stake" if success is None else "expected_gain"
    return table[worth].sort_values(by, ascending=False, kind="stable")
