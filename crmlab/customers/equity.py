"""Customer equity and its parts: to the cent, whatever it is split by."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crmlab.models.special import Counts

CENTS = 100


def cents(values: ArrayLike, total: int | None = None) -> Counts:
    """Amounts as whole cents that add up to the rounded total (largest remainders are raised).

    No amount moves by a cent or more; sums of the result, by any grouping, add up exactly. `total`
    in cents, where it is known from what the amounts are themselves sums of. Raises ValueError for
    an amount that is missing or infinite.
    """
    exact = np.asarray(values, dtype=float) * CENTS
    if not np.isfinite(exact).all():
        raise ValueError("an amount is missing or infinite")
    whole = np.floor(exact)
    rounded = int(np.rint(np.sum(exact))) if total is None else total
    raised = rounded - int(whole.sum())
    order = np.argsort(whole - exact, kind="stable")  # largest remainder first, ties as they come
    out: Counts = whole.astype(np.int64)
    out[order[: max(raised, 0)]] += 1
    return out


def sums(values: pd.Series, by: pd.Series) -> pd.Series:
    """Money by group, each to the cent and within a cent of its sum, adding up to the total."""
    exact = values.groupby(by, observed=True, sort=True).sum()
    whole = cents(exact, int(cents(values[by.notna()]).sum()))
    return pd.Series(whole / CENTS, index=exact.index, name=values.name)


def parts(values: pd.Series, by: pd.Series) -> pd.DataFrame:
    """Equity by group: customers, residual_clv (to the cent, adding up to the total), each, share.

    `values` are residual_clv of all customers, `by` the group of each; customers without one are
    the group 'unknown'.
    """
    group = by.reindex(values.index)
    if group.isna().any():
        group = group.astype(object).where(group.notna(), "unknown")
    money = sums(values, group)
    table = pd.DataFrame({"customers": group.groupby(group, observed=True).size()})
    total = equity(values)
    table["residual_clv"] = money
    table["value_each"] = money / table["customers"]
    table["share"] = money / total if total else np.nan
    return table.rename_axis(by.name)


def equity(values: ArrayLike) -> float:
    """The total to the cent."""
    return float(cents(values).sum()) / CENTS
