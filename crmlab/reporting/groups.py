"""Names of the recency-frequency groups, with their limits, as people would say them."""

from __future__ import annotations

import math

import pandas as pd

from crmlab.customers.segments import ONE_TIME
from crmlab.reporting.language import Language, count
from crmlab.reporting.pages import FEW, Table


def group_names(limits: pd.DataFrame, language: Language) -> dict[str, str]:
    """The words for each group, such as '2–3 repeats, last purchase 0–41 days ago'."""
    out = {}
    for group, row in limits.iterrows():
        if group == ONE_TIME:
            out[str(group)] = language.text("group.one_time")
            continue
        low, high = row["frequency_low"], row["frequency_high"]
        times = "times_more" if high == math.inf else "times_one" if low == high else "times"
        days = "days_more" if row["recency_high"] == math.inf else "days"
        out[str(group)] = ", ".join(
            (
                language.text(f"group.{times}", low=count(low), high=count(_finite(high))),
                language.text(
                    f"group.{days}",
                    low=count(row["recency_low"]),
                    high=count(_finite(row["recency_high"])),
                ),
            )
        )
    return out


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def of_many(table: pd.DataFrame, column: str) -> list[float]:
    """Money by group, missing where it would be that of a few customers."""
    shown = table[column].where(table["customers"] >= FEW)
    return [float(value) for value in shown]


def groups_table(
    key: str, table: pd.DataFrame, names: dict[str, str], language: Language, kinds: dict[str, str]
) -> Table:
    """A table by group with the groups' names first and the total last."""
    frame = table.assign(name=[names[str(g)] for g in table.index]).reset_index(drop=True)
    total = frame.drop(columns="name").sum()
    if "value_each" in frame:
        total["value_each"] = total["residual_clv"] / total["customers"]
    if "risk_share" in frame:
        total["risk_share"] = total["value_at_risk"] / total["residual_clv"]
    if "active_share" in frame:
        total["active_share"] = total["expected_active"] / total["customers"]
    if "life_each" in frame:
        total["life_each"] = (frame["life_each"] * frame["customers"]).sum() / total["customers"]
    last = {**total.to_dict(), "name": language.text("word.total")}
    frame = pd.concat([frame, pd.DataFrame([last])], ignore_index=True)
    return Table(key, frame, {"name": "plain", **kinds}, total=True)
