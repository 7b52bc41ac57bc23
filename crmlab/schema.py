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

PLACES = (
    Column("decile", "integer", "", "tenth of the customers by value, 1 the most valuable"),
    Column("group", "text", "", "group by recency and frequency, such as R3F3, or one-time"),
    Column("cohort", "text", "", "period of the first occasion, such as 1997-03 or 1997Q1"),
    Column("channel", "text", "", "by which they were won; no column where nothing tells it"),
)
"""Where a customer belongs: the reports' tables of value by these are sums of residual_clv."""

STAGES = (
    Column("stage", "text", "", "of the customer's life, by crmlab.customers.stages.STAGES"),
    Column("stage_before", "text", "", "a quarter earlier, or not_yet; no column if unknown"),
)

VALUES = (
    Column("margin", "number", "share", "share of net spend that is left of what they buy"),
    Column("expected_margin", "number", "money", "discounted expected margin to the horizon"),
    Column("cost_to_serve", "number", "money", "discounted cost of occasions and of active time"),
    Column("retention_spending", "number", "money", "discounted spending on keeping them"),
    Column("residual_to_infinity", "number", "money", "net value without end; missing at rate 0"),
    Column("tail", "number", "money", "of that, what lies beyond the horizon"),
    Column("lower", "number", "money", "95 % prediction interval of the realised value, from"),
    Column("upper", "number", "money", "to; residual_clv is the value's mean, and may lie outside"),
    Column("p_negative", "number", "probability", "of a realised value below 0"),
    Column("days_since_last", "number", "days", "from the last occasion to observation_end"),
    Column("mean_gap_days", "number", "days", "mean time between occasions; missing for one"),
    Column("reason", "text", "", "why the value is what it is, in the report's language"),
)
"""What a valuation adds: residual_clv is expected_margin less the two costs."""

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
