"""What makes a whole source untrusted: signs, ids, shares set aside, an end that lies too late."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import duckdb

from crmlab.errors import UntrustedSource
from crmlab.intake import engines
from crmlab.intake.dialect import excerpt
from crmlab.intake.meaning import Meaning
from crmlab.schema import FAULTS

MOSTLY = 0.5
"""Share of negative amounts beyond which they are taken for sales with the sign turned."""

FEW_REPEATS, MANY_ROWS = 0.01, 1_000
"""Ids that repeat on a smaller share of more rows than these are no ids of customers."""

SILENCE, TRADING_DAYS = 5, 30
"""An end later than so many times the usual gap is not believed, given so many days of trade."""

OPTIONS = {
    "field_count": "Look at the lines; a field that holds the delimiter needs quotes.",
    "date_unreadable": "Look at date_order, date_system and the column: --set date=NAME",
    "date_out_of_range": "Dates are read from 1900 to 2200; look at date_system.",
    "amount_unreadable": "Look at decimal and the column: --set amount=NAME",
    "duplicate_key": "If they are purchases of their own: --set duplicates=keep",
    "return_without_purchase": "If the purchases lie before the source begins, or returns are "
    "not to count: --set returns=drop",
}
"""What would change each reason."""


def signs(source: str, found: Mapping[str, Any]) -> list[UntrustedSource]:
    """Sales that are written as negative amounts."""
    both = found["negative"] + found["positive"]
    share = found["negative"] / both if both else 0.0
    if share <= MOSTLY:
        return []
    return [
        UntrustedSource(
            source,
            "amounts_sign",
            f"{share:.0%} of its amounts are negative",
            "If sales are written so: --set amounts_sign=reversed",
        )
    ]


def unique_ids(source: str, found: Mapping[str, Any], meaning: Meaning) -> list[UntrustedSource]:
    """Ids of customers that hardly ever repeat, as numbers of orders do."""
    rows, ids = found["named"], found["customers"]
    if "unique_ids" in meaning.accept or rows <= MANY_ROWS or rows - ids >= FEW_REPEATS * rows:
        return []
    return [
        UntrustedSource(
            source,
            "unique_ids",
            f"its {rows:,} rows have {ids:,} customer ids, so that hardly one repeats: they are "
            "rather numbers of orders",
            "Name the column that says who bought: --set customer_id=NAME; if these are customers: "
            "--set accept=unique_ids",
        )
    ]


def limits(
    connection: duckdb.DuckDBPyConnection, source: str, read: Mapping[str, Any], meaning: Meaning
) -> list[UntrustedSource]:
    """More faulty rows, or money in them, than the source may have."""
    rows = engines.fetch_rows(connection, engines.statement("faults"), {})
    whole = {"rows": read["records"], "money": read["sales"] - read["returns"]}
    faults = sorted(
        (row for row in rows if row["reason"] in FAULTS), key=lambda row: -_share(row, whole)
    )
    if not faults:
        return []
    every = {name: sum(row[name] for row in faults) for name in ("rows", "money")}
    shares = {"reason_limit": _share(faults[0], whole), "limit": _share(every, whole)}
    broken = {name: share for name, share in shares.items() if share > getattr(meaning, name)}
    if not broken:
        return []
    first = first_fault(connection, faults[0]["reason"])
    return [_too_many(source, faults[0], every["rows"], broken, first)]


def _share(part: Mapping[str, Any], whole: Mapping[str, Any]) -> float:
    """Share of rows or of money, whichever is larger."""
    by_money = float(part["money"] / whole["money"]) if whole["money"] else 0.0
    return max(float(part["rows"] / whole["rows"]), by_money)


def first_fault(connection: duckdb.DuckDBPyConnection, reason: str) -> str:
    """Where the first row with a fault stands, and what a date or an amount says there."""
    column = reason.partition("_")[0]
    names = {name for name, *_ in connection.execute("DESCRIBE source_rows").fetchall()}
    shown = column in ("date", "amount") and column in names
    said = f"source_rows.{engines.quote(column)}" if shown else "NULL"
    sql = engines.fill(engines.statement("first_fault"), said=said)
    (row,) = engines.fetch_rows(connection, sql, {"reason": reason})
    place = f"record {row['record']}" if row["line"] is None else f"line {row['line']}"
    return f"{place}: {column} {excerpt(row['said'] or '')}" if shown else place


def _too_many(
    source: str, worst: Mapping[str, Any], rows: int, broken: Mapping[str, float], first: str
) -> UntrustedSource:
    reason = worst["reason"]
    settings = " ".join(
        f"--set {name}={min(1.0, math.ceil(100 * share) / 100):g}" for name, share in broken.items()
    )
    return UntrustedSource(
        source,
        reason,
        f"{rows:,} rows, {max(broken.values()):.1%} of all or of their money, cannot be used; "
        f"most ({worst['rows']:,}) for {reason} (first: {first})",
        f"{OPTIONS.get(reason, 'Correct them').removesuffix('.')}; or do without: {settings}",
    )


def late_end(
    connection: duckdb.DuckDBPyConnection, source: str, end: dt.date, meaning: Meaning
) -> list[UntrustedSource]:
    """An end of observation long after the last purchase, as when the last load failed."""
    (found,) = engines.fetch_rows(
        connection, engines.statement("trading_days"), {"observation_end": dt.date.max}
    )
    if found["days"] < TRADING_DAYS or "late_end" in meaning.accept:
        return []
    silent, usual = (end - found["last"]).days, max(found["usual"], 1.0)
    if silent <= SILENCE * usual:
        return []
    return [
        UntrustedSource(
            source,
            "late_end",
            f"its last purchase was on {found['last']}, {silent} days before the end of "
            f"observation ({end}); hardly ever before was there none for more than {usual:.0f}: "
            "data seem to be missing",
            f"Load the rest, or --set observation_end={found['last']}; if nobody bought: "
            "--set accept=late_end",
        )
    ]
