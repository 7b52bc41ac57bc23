"""Customer equity and its parts: to the cent, whatever it is split by."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crmlab.customers.segments import decile
from crmlab.models.special import Counts

CENTS = 100


def cents(values: ArrayLike) -> Counts:
    """Amounts as whole cents that add up to the rounded total (largest remainders are raised).

    No amount moves by a cent or more; sums of the result, by any grouping, add up exactly. Raises
    ValueError for an amount that is missing or infinite.
    """
    exact = np.asarray(values, dtype=float) * CENTS
    if not np.isfinite(exact).all():
        raise ValueError("an amount is missing or infinite")
    whole = np.floor(exact)
    raised = int(np.rint(np.sum(exact))) - int(whole.sum())
    order = np.argsort(whole - exact, kind="stable")  # largest remainder first, ties as they come
    out: Counts = whole.astype(np.int64)
    out[order[: max(raised, 0)]] += 1
    return out


def parts(values: pd.Series, by: pd.Series) -> pd.DataFrame:
    """Equity by group: customers, residual_clv (to the cent, adding up to the total), each, share.

    `values` are residual_clv of all customers, `by` the group of each; customers without one are
    the group 'unknown'.
    """
    group = by.reindex(values.index)
    if group.isna().any():
        group = group.astype(object).where(group.notna(), "unknown")
    money = pd.Series(cents(values), index=values.index)
    grouped = money.groupby(group, observed=True, sort=True)
    table = pd.DataFrame({"customers": grouped.size(), "residual_clv": grouped.sum()})
    total = int(money.sum())
    table["value_each"] = table["residual_clv"] / table["customers"] / CENTS
    table["share"] = table["residual_clv"] / total if total else np.nan
    table["residual_clv"] = table["residual_clv"] / CENTS
    return table.rename_axis(by.name)


def equity(values: ArrayLike) -> float:
    """The total to the cent."""
    return float(cents(values).sum()) / CENTS


def groupings(
    summary: pd.DataFrame, values: pd.Series, *, channel: pd.Series | None = None,
    segment: pd.Series | None = None, cohort: str = "M",
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Equity by decile, cohort (period of the first occasion), channel and segment where given."""
    first = summary["first_date"].dt.to_period(cohort).rename("cohort")
    by = {"decile": decile(summary.assign(residual_clv=values)), "cohort": first}
    more = {"channel": channel, "segment": segment}
    by |= {name: given.rename(name) for name, given in more.items() if given is not None}
    return {name: parts(values, group) for name, group in by.items()}
