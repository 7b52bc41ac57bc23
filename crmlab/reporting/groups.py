"""Names of the recency-frequency groups, with their limits, as people would say them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from crmlab.customers import lifecycle, segments
from crmlab.customers.study import Study
from crmlab.reporting.holders import with_total
from crmlab.reporting.language import Language, count, money, plain, share
from crmlab.reporting.pages import Finding, Table, say
from crmlab.reporting.privacy import withheld

NEGLIGIBLE = 0.001  # of the equity: value at risk below it is not worth a finding


def group_names(limits: pd.DataFrame, language: Language) -> dict[str, str]:
    """The words for each group, such as '2–3 repeats, last purchase 0–41 days ago'."""
    out = {}
    for group, row in limits.iterrows():
        if group == segments.ONE_TIME:
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
    shown = table[column].where(~withheld(table["customers"]))
    return [float(value) for value in shown]


def risk_by_group(study: Study, language: Language) -> tuple[pd.DataFrame, dict[str, str]]:
    """Who is active and what is at risk, by recency-frequency group; and the groups' names."""
    group, limits = segments.rf_groups(study.customers, study.assumptions.unit)
    return lifecycle.active_by(study.customers, group), group_names(limits, language)


def risk_part(table: pd.DataFrame, group: object) -> float:
    """The share of all value at risk that is a group's; missing where there is none to the cent."""
    total = float(table["value_at_risk"].sum())
    return float(table.loc[group, "value_at_risk"]) / total if total else np.nan


def hardly_at_risk(study: Study) -> bool:
    """Whether the value at risk is too small a part of the equity to say where it lies."""
    customers = study.customers
    worth = abs(float(customers["residual_clv"].sum()))
    return float(customers["value_at_risk"].sum()) < NEGLIGIBLE * worth


def where_risk_lies(study: Study, language: Language) -> list[Finding]:
    """The group with the most value at risk; its money only where it is not that of a few.

    Nothing where hardly any value is at risk.
    """
    if hardly_at_risk(study):
        return []
    table, names = risk_by_group(study, language)
    top = table["value_at_risk"].idxmax()
    row, who = table.loc[top], plain(names[str(top)])
    if withheld(table["customers"])[top]:
        found = say("finding.risk_few", name=who, customers=count(row["customers"]))
        return [Finding(found, say("decision.risk"))]
    found = say(
        "finding.risk", name=who, risk=money(row["value_at_risk"]),
        share=share(risk_part(table, top)),
        customers=count(row["customers"]),
    )  # fmt: skip
    return [Finding(found, say("decision.risk"))]


def groups_table(
    key: str, table: pd.DataFrame, names: dict[str, str], language: Language, kinds: dict[str, str]
) -> Table:
    """A table by group with the groups' names first and the total last; keys beside its money."""
    frame = with_total(table.reset_index(drop=True))
    if "risk_share" in frame:
        worth = frame["residual_clv"].where(frame["residual_clv"] > 0)
        frame["risk_share"] = frame["value_at_risk"] / worth
    if "active_share" in frame:
        frame["active_share"] = frame["expected_active"] / frame["customers"]
    if "life_each" in frame:
        each = np.average(table["life_each"], weights=table["customers"])
        frame.loc[frame.index[-1], "life_each"] = each
    word = language.text("word.total")
    frame["name"] = [*(names[str(g)] for g in table.index), word]
    frame["group_key"] = [*table.index.astype(str), word]
    more = {"group_key": "plain"} if "residual_clv" in kinds else {}
    return Table(key, frame, {"name": "plain", **kinds}, total=True, more=more)
