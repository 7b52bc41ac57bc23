"""The tables that flow between the wings: column names, types, units and meaning."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column of a table. `unit` is '' for a plain number or text."""

    name: str
    type: str
    unit: str
    meaning: str


SUMMARY = (
    Column("customer_id", "text", "", "the customer, exactly as in the source"),
    Column("frequency", "integer", "occasions", "occasions after the first"),
    Column("recency", "number", "time unit", "from the first to the last occasion"),
    Column("T", "number", "time unit", "from the first occasion to the end of observation"),
    Column("spend_frequency", "integer", "occasions", "repeat occasions with positive spend"),
    Column("monetary_value", "number", "money", "mean net spend of those; missing without any"),
    Column("first_value", "number", "money", "net spend of the first occasion"),
    Column("first_date", "date", "", "day of the first occasion"),
    Column("last_date", "date", "", "day of the last occasion"),
    Column("total_value", "number", "money", "net spend of all occasions"),
    Column("log_gaps", "number", "", "sum of ln(gap / time unit) over the gaps between occasions"),
)

SCORES = (
    Column("p_alive", "number", "probability", "of not having dropped out by observation_end"),
    Column("expected_purchases", "number", "occasions", "expected in the next 52 weeks"),
    Column("det", "number", "occasions", "expected to the horizon, discounted"),
    Column("survival_next_quarter", "number", "probability", "of staying a quarter, if active now"),
    Column("expected_life", "number", "time unit", "expected active time to the horizon"),
    Column("expected_spend", "number", "money", "posterior mean spend an occasion"),
    Column("residual_clv", "number", "money", "discounted expected margin to the horizon"),
    Column("value_at_risk", "number", "money", "residual_clv or 0, x (1 - survival_next_quarter)"),
)

REASONS = (
    "erased",
    "blocked",
    "objected",
    "field_count",
    "control_char",
    "summary_row",
    "no_customer",
    "placeholder_id",
    "date_unreadable",
    "date_out_of_range",
    "amount_unreadable",
    "amount_not_finite",
    "duplicate_key",
    "duplicate_row",
    "before_start",
    "after_end",
    "return_without_purchase",
    "return_dropped",
    "net_zero_day",
    "zero_amount",
)
"""Why a row is set aside; a row has the first reason that fits, in this order."""

FAULTS = (
    "field_count",
    "control_char",
    "date_unreadable",
    "date_out_of_range",
    "amount_unreadable",
    "amount_not_finite",
    "duplicate_key",
    "return_without_purchase",
)
"""Reasons that speak against the source: many such rows and it is refused."""
