"""Lists of customers to act on: person by person, so in a file of their own and on no page."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from crmlab.customers.single_outcomes import outcomes
from crmlab.customers.study import Study
from crmlab.customers.unprofitable import unprofitable
from crmlab.customers.value import reasons, value_customers
from crmlab.customers.winback import win_back

LISTED = 1000  # customers to win back
OWNER_ONLY = 0o600


def to_act_on(study: Study, *, seed: int = 1997) -> pd.DataFrame:
    """Whom to win back and who costs more than they bring, each with the reasons.

    Columns: list ('win_back' or 'unprofitable'), customer_id, residual_clv, those of
    crmlab.customers.value.reasons, value_if_active and at_stake (win_back), and of the unprofitable
    p_negative (of the realised value) and the changes that would mend it, each alone.
    """
    why = reasons(study.base)
    back = win_back(study.base, study.customers["residual_clv"]).head(LISTED)
    gained = back[["residual_clv", "value_if_active", "at_stake"]]
    parts = [gained.join(why).assign(list="win_back")]
    if study.economics.may_lose:
        valued = value_customers(study.base, study.economics)
        bad = valued.index[valued["residual_clv"] < 0]
        if len(bad):
            # Of all customers, so that each has the figure that customers.parquet tells.
            drawn = outcomes(study.base, study.economics, seed=seed)
            listed = unprofitable(valued, why.loc[bad].join(drawn["p_negative"]))
            parts.append(listed.assign(list="unprofitable"))
    table = pd.concat([part.reset_index() for part in parts], ignore_index=True)
    first = ["list", "customer_id"]
    return table[[*first, *(name for name in table.columns if name not in first)]]


def write_actions(study: Study, path: Path, *, seed: int = 1997) -> None:
    """Write the lists as Parquet that only its owner may read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, OWNER_ONLY)
        to_act_on(study, seed=seed).to_parquet(file, index=False)
