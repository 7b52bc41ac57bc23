"""What a reader of figures should know of the rows behind them, up to an end of observation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from crmlab.intake import engines
from crmlab.intake.engines import Bench
from crmlab.intake.findings import Finding

ENOUGH = 100
"""Customers, below which one who stands out says nothing."""

REGULAR, REGULARS = 0.5, 30
"""Coefficient of variation of the times between purchases, and of how many customers it is told."""


def find(bench: Bench) -> list[Finding]:
    """Flags of the tables records and occasions, at the bench's end of observation."""
    found = _ask(bench, "flags_customers")
    rhythm = _ask(bench, "flags_rhythm")
    return [
        *_same_day(bench, found),
        *_giant(found),
        *_far_off(_ask(bench, "flags_spend"), found),
        *_won_at_once(found),
        *_truncated(found),
        *_regular(rhythm),
        *_short(rhythm, found),
        *_gap(_ask(bench, "trading_days")),
    ]


def _ask(bench: Bench, name: str, **parts: str) -> dict[str, Any]:
    (row,) = bench.ask(engines.fill(engines.statement(name), **parts))
    return row


def _same_day(bench: Bench, found: Mapping[str, Any]) -> list[Finding]:
    """Much of what customers come back for happens on the same day, which is one occasion."""
    roles = {row["column_name"] for row in bench.ask("DESCRIBE records")}
    same_day, repeats = found["rows"] - found["occasions"], found["rows"] - found["customers"]
    if {"product", "quantity"} & roles:  # a row is a line of an order, and no purchase
        if "transaction_id" not in roles:
            return []
        orders = _ask(bench, "flags_same_day")
        same_day, repeats = orders["same_day"], orders["repeats"]
    share = same_day / repeats if repeats else 0.0
    return [Finding("same_day", {"share": share})] if share > 0.2 else []


def _giant(found: Mapping[str, Any]) -> list[Finding]:
    """One customer with more than 5 % of the rows, or 50 times what frequent ones buy."""
    many = found["most_rows"] > 0.05 * found["rows"]
    often = found["most_occasions"] > 50 * found["usual_occasions"]
    if found["customers"] < ENOUGH or not (many or often):
        return []
    share = float(found["giant_money"] / found["money"]) if found["money"] else 0.0
    return [Finding("giant_customer", {"rows": found["most_rows"], "share": share})]


def _far_off(spend: Mapping[str, Any], found: Mapping[str, Any]) -> list[Finding]:
    """Days of spend so far from the others that they may be errors, and what they weigh."""
    if not spend["rows"]:
        return []
    share = float(spend["money"] / found["money"]) if found["money"] else 0.0
    return [Finding("far_off", {"rows": spend["rows"], "money": spend["money"], "share": share})]


def _won_at_once(found: Mapping[str, Any]) -> list[Finding]:
    """Everybody's history is equally long."""
    same = found["first_days"] == 1 and found["customers"] > 1
    return [Finding("one_first_day", {"customers": found["customers"]})] if same else []


def _truncated(found: Mapping[str, Any]) -> list[Finding]:
    """Far more first purchases in the first 30 days than in the next: many bought before."""
    first, following = found["won_first"], found["won_next"]
    if found["customers"] < ENOUGH or found["days"] < 90 or first <= 1.5 * following:
        return []
    return [Finding("left_truncated", {"share": first / found["customers"], "customers": first})]


def _regular(rhythm: Mapping[str, Any]) -> list[Finding]:
    """Purchases as regular as bills, which purchase models do not expect."""
    if rhythm["customers"] < REGULARS or rhythm["variation"] >= REGULAR:
        return []
    figures = {"variation": round(rhythm["variation"], 2), "customers": rhythm["customers"]}
    return [Finding("regular_buyers", figures)]


def _short(rhythm: Mapping[str, Any], found: Mapping[str, Any]) -> list[Finding]:
    """A history shorter than twice the usual wait between two purchases."""
    if rhythm["repeaters"] < REGULARS or found["days"] >= 2 * rhythm["wait"]:
        return []
    return [Finding("short_history", {"days": found["days"], "wait": round(rhythm["wait"])})]


def _gap(found: Mapping[str, Any]) -> list[Finding]:
    """A time without any purchase in the middle, far longer than usual."""
    usual = max(found["usual"], 1.0)
    if found["days"] < 30 or found["longest"] <= max(7, 5 * usual):
        return []
    first: dt.date = found["longest_from"]
    figures = {"days": found["longest"] - 1, "first": first, "last": found["longest_until"]}
    return [Finding("gap", figures)]
