"""Customer equity taken apart by cohort and by channel: tables whose rows make the total."""

from __future__ import annotations

import pandas as pd

from crmlab.customers.equity import parts
from crmlab.customers.places import places
from crmlab.customers.study import Study
from crmlab.reporting.language import Language, Quantity, plain
from crmlab.reporting.pages import Table

KINDS = {"customers": "count", "residual_clv": "cents", "value_each": "money", "share": "share"}
ROWS = 12  # on a page


def equity_tables(study: Study, language: Language, *, period: str) -> tuple[Table, ...]:
    """Equity by cohort, and by channel where nothing hides how customers were won."""
    where, value = places(study, period), study.customers["residual_clv"]
    cohorts = parts(value, where["cohort"])
    names = [Quantity(cohort, "period") for cohort in cohorts.index]
    tables = [_table("equity_by_cohort", "cohort", cohorts, names, language)]
    if "channel" in where:
        channels = parts(value, where["channel"]).sort_values(
            "residual_clv", ascending=False, kind="stable"
        )
        unknown = plain(language.text("word.unknown"))
        names = [unknown if name == "unknown" else plain(name) for name in channels.index]
        tables.append(_table("equity_by_channel", "channel", channels, names, language))
    return tuple(tables)


def _table(
    key: str, by: str, table: pd.DataFrame, names: list[Quantity], language: Language
) -> Table:
    frame = with_total(table.reset_index(drop=True))
    frame.insert(0, by, [*names, plain(language.text("word.total"))])
    return Table(key, frame, {by: "quantity", **KINDS}, total=True, rows=ROWS)


def with_total(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of equity and their sum as the last; a mean is the sum's own."""
    total = table.sum()
    for name in ("residual_clv", "value_at_risk"):
        if name in table:
            total[name] = round(total[name], 2)
    if "value_each" in table:
        total["value_each"] = total["residual_clv"] / total["customers"]
    return pd.concat([table, total.to_frame().T], ignore_index=True)
