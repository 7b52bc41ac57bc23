"""How long ago a customer bought, how long they usually wait, and how overdue they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.units import days_per


def own_gap(summary: pd.DataFrame) -> pd.Series:
    """Typical gap between a customer's occasions, in the summary's time unit.

    The mean of the customer's own gaps and one gap typical of the base (the median, over repeat
    buyers, of their mean gap): (recency + typical) / (frequency + 1). So one-time buyers have the
    base's gap, and one short gap does not make a rhythm. Missing where nobody bought again.
    """
    repeat = summary[summary["frequency"] > 0]
    typical = float((repeat["recency"] / repeat["frequency"]).median()) if len(repeat) else np.nan
    return ((summary["recency"] + typical) / (summary["frequency"] + 1)).rename("own_gap")


def overdue(summary: pd.DataFrame) -> pd.Series:
    """Time since the last occasion as a multiple of the customer's own gap."""
    return ((summary["T"] - summary["recency"]) / own_gap(summary)).rename("overdue")


def days_since_last(customers: pd.DataFrame, unit: str) -> pd.Series:
    """Whole days from a customer's last occasion to the end of observation."""
    days = (customers["T"] - customers["recency"]) * days_per(unit)
    return pd.Series(np.rint(days).astype(np.int64), index=customers.index)
