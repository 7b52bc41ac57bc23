"""What a reader of figures should know of the rows behind them, up to an end of observation."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from crmlab.intake import engines
from crmlab.intake.crowd import Crowd
from crmlab.intake.customer_days import Packing
from crmlab.intake.engines import Bench
from crmlab.intake.findings import Finding

ENOUGH = 100
"""Customers, below which one who stands out says nothing."""

LOOKED_AT = 200_000
"""Rows from which the usual spend is told."""

FEW_LINES = 2
"""Rows of a day below which a far-off spend shows in one of them, so that few need adding up."""

FAR_ROWS = "SEMI JOIN far_rows ON used.{customer} = far_rows.customer AND used.date = far_rows.date"

REGULAR, REGULARS = 0.5, 30
"""Coefficient of variation of the times between purchases, and of how many customers it is told."""


def find(bench: Bench, crowd: Crowd, used: Mapping[str, Any], packing: Packing) -> list[Finding]:
    """Flags of the bench's table used, at its end of observation; `used` is the account of it."""
    days = (bench.asked["observation_end"] - used["first_date"]).days
    return [
        *_same_day(bench, crowd, used, packing),
        *_giant(bench, crowd, used),
        *_far_off(bench, crowd, used, packing),
        *_won_at_once(crowd),
        *_truncated(crowd, days),
        *_regular(crowd),
        *_short(crowd, days),
        *_gap(_ask(bench, "trading_days")),
    ]


def _ask(bench: Bench, name: str, **parts: object) -> dict[str, Any]:
    filled = {part: str(value) for part, value in parts.items()}
    (row,) = bench.ask(engines.fill(engines.statement(name), **filled))
    return row


def _same_day(
    bench: Bench, crowd: Crowd, used: Mapping[str, Any], packing: Packing
) -> list[Finding]:
    """Much of what customers come back for happens on the same day, which is one occasion."""
    roles = {row["column_name"] for row in bench.ask("DESCRIBE records")}
    same_day, repeats = used["records"] - crowd.occasions, used["records"] - crowd.customers
    if {"product", "quantity"} & roles:  # a row is a line of an order, and no purchase
        if "transaction_id" not in roles:
            return []
        orders = _ask(bench, "flags_same_day", customer=packing.customer)
        same_day, repeats = orders["same_day"], orders["repeats"]
    share = same_day / repeats if repeats else 0.0
    return [Finding("same_day", {"share": share})] if share > 0.2 else []


def _giant(bench: Bench, crowd: Crowd, used: Mapping[str, Any]) -> list[Finding]:
    """One customer with more than 5 % of the rows, or 50 times what frequent ones buy."""
    many = crowd.most_rows > 0.05 * used["records"]
    often = crowd.most_occasions > 50 * crowd.usual_occasions
    if crowd.customers < ENOUGH or not (many or often):
        return []
    giant = _ask(bench, "flags_giant", busiest=crowd.busiest)
    share = float(giant["money"] / used["money"]) if used["money"] else 0.0
    return [Finding("giant_customer", {"rows": crowd.most_rows, "share": share})]


def _far_off(
    bench: Bench, crowd: Crowd, used: Mapping[str, Any], packing: Packing
) -> list[Finding]:
    """Days of spend so far from the others that they may be errors, and what they weigh.

    What is usual is taken from one in so many customers, chosen by a hash of their ids, so that
    some 200,000 rows are looked at.
    """
    one_in = 1 + used["records"] // LOOKED_AT
    found = bench.ask(engines.fill(engines.statement("flags_middle"), one_in=str(one_in)))
    if not found or not found[0]["deviation"]:
        return []
    centre, deviation = found[0]["centre"], found[0]["deviation"]
    # A little nearer than what is far off, which the second statement tells.
    low, high = (repr(math.exp(centre + sign * 7.999 * deviation)) for sign in (-1, 1))
    most = {"rows_a_day": str(crowd.rows_a_day), "low": low, "high": high}
    who = {"customer": packing.customer}
    among = ""
    if used["records"] < FEW_LINES * crowd.occasions:
        bench.lay("far_rows", engines.fill(engines.statement("flags_far_rows"), **who, **most))
        among = engines.fill(FAR_ROWS, **who)
    middle = {"centre": repr(centre), "deviation": repr(deviation)}
    spend = _ask(bench, "flags_spend", **middle, **who, among=among)
    if not spend["rows"]:
        return []
    share = float(spend["money"] / used["money"]) if used["money"] else 0.0
    return [Finding("far_off", {"rows": spend["rows"], "money": spend["money"], "share": share})]


def _won_at_once(crowd: Crowd) -> list[Finding]:
    """Everybody's history is equally long."""
    same = np.count_nonzero(crowd.by_first) == 1 and crowd.customers > 1
    return [Finding("one_first_day", {"customers": crowd.customers})] if same else []


def _truncated(crowd: Crowd, days: int) -> list[Finding]:
    """Far more first purchases in the first 30 days than in the next: many bought before."""
    first, following = crowd.won(0, 30), crowd.won(30, 60)
    if crowd.customers < ENOUGH or days < 90 or first <= 1.5 * following:
        return []
    return [Finding("left_truncated", {"share": first / crowd.customers, "customers": first})]


def _regular(crowd: Crowd) -> list[Finding]:
    """Purchases as regular as bills, which purchase models do not expect."""
    if len(crowd.variation) < REGULARS or np.median(crowd.variation) >= REGULAR:
        return []
    variation = round(float(np.median(crowd.variation)), 2)
    return [Finding("regular_buyers", {"variation": variation, "customers": len(crowd.variation)})]


def _short(crowd: Crowd, days: int) -> list[Finding]:
    """A history shorter than twice the usual wait between two purchases."""
    if len(crowd.wait) < REGULARS or days >= 2 * np.median(crowd.wait):
        return []
    return [Finding("short_history", {"days": days, "wait": round(float(np.median(crowd.wait)))})]


def _gap(found: Mapping[str, Any]) -> list[Finding]:
    """A time without any purchase in the middle, far longer than usual."""
    usual = max(found["usual"], 1.0)
    if found["days"] < 30 or found["longest"] <= max(7, 5 * usual):
        return []
    first: dt.date = found["longest_from"]
    figures = {"days": found["longest"] - 1, "first": first, "last": found["longest_until"]}
    return [Finding("gap", figures)]
