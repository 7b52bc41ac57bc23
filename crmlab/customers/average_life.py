"""How long a customer stays on average, by method, each with what it assumes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.scenarios import annual_retention


def average_life(base: FittedBase, horizon_years: float) -> pd.DataFrame:
    """Average life of a customer in years, by method. Indexed by method; columns: years, assumes.

    observed_span: first to last purchase; assumes nobody buys again ('nobody_returns').
    observed_tenure: first purchase to the end of observation; 'nobody_has_left'.
    restricted_mean: of a new customer, until leaving or the horizon; 'model_to_horizon'.
    model_mean: the same without end; 'model_for_ever', inf where a few stay for ever.
    one_over_churn: 1 / (1 - annual retention) of those active now; 'all_alike', so that those who
    stay anyway make up for those who leave at once.
    remaining: of those active now, until leaving or the horizon; 'model_to_horizon'.
    """
    model, year, summary = base.purchases.model, base.year, base.summary
    alive = model.p_alive(**base.history)
    ahead = model.expected_life(horizon_years * year, **base.history)
    rows = {
        "observed_span": (float(summary["recency"].mean()) / year, "nobody_returns"),
        "observed_tenure": (float(summary["T"].mean()) / year, "nobody_has_left"),
        "restricted_mean": (_new(model, horizon_years * year) / year, "model_to_horizon"),
        "model_mean": (_new(model, np.inf) / year, "model_for_ever"),
        "one_over_churn": (_years_at(annual_retention(base)), "all_alike"),
        "remaining": (float(ahead.sum() / alive.sum()) / year, "model_to_horizon"),
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["years", "assumes"])
    return table.rename_axis("method")


def _new(model: Any, horizon: float) -> float:
    return float(model.expected_life(horizon, frequency=0, recency=0.0, T=0.0))


def _years_at(retention: float) -> float:
    return 1 / (1 - retention) if retention < 1 else float("inf")
