"""What a clean log holds, and what makes it one that has to be looked at first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crmlab.errors import NoUsableRows, UntrustedSource

REMEDY = (
    "This way takes a log as it is and drops nothing silently. See what is wrong with it: crmlab "
    "check FILE; set the rows aside there, or mend them where they come from"
)

UNUSABLE = {
    "no_customer": "no customer",
    "no_date": "no date",
    "no_amount": "no amount",
    "amount_not_carried": "an amount that is not finite or too large to be carried exactly",
    "date_out_of_range": "a date before 1900 or after 2200",
    "no_frequency": "a frequency that is no whole number of 0 or more",
    "no_history": "a recency or T that is missing, below 0, or a recency above T",
    "no_spend": "repeat occasions but no mean spend above 0",
}
"""What a row can have that cannot be used, by the name of its count."""


@dataclass(frozen=True)
class Account:
    """How many rows were read, and what became of them.

    `after_end` lie after the end of observation and are left out; `returns` are negative amounts,
    which lowered the purchases of their own day. Of a summary, only `records` is known.
    """

    records: int
    after_end: int = 0
    returns: int = 0
    first_date: dt.date | None = None
    last_date: dt.date | None = None


def of_log(name: str, found: Mapping[str, Any]) -> Account:
    """The account of a log from its counts. Raises UntrustedSource, or NoUsableRows."""
    _refuse(name, found)
    records, late = int(found["records"]), int(found["after_end"] or 0)
    if records == late:
        reasons = {"after_end": late} if late else {}
        raise NoUsableRows(name, records, reasons, {"after_end": f"from {found['first_date']} on"})
    first, last = _day(found["first_date"]), _day(found["last_date"])
    return Account(records, late, int(found["returns"]), first, last)


def of_summary(name: str, found: Mapping[str, Any]) -> Account:
    """The account of a summary from its counts. Raises UntrustedSource, or NoUsableRows."""
    _refuse(name, found)
    if not found["records"]:
        raise NoUsableRows(name, 0, {})
    return Account(int(found["records"]))


def refuse_days(name: str, found: Mapping[str, Any], most_units: int) -> None:
    """Refuse days that netting cannot settle, and days of more money than can be carried.

    `found` are the counts of log_days.sql. Raises UntrustedSource.
    """
    below, most = int(found["below_zero"]), int(found["most_units"])
    if below:
        told = (
            f"on {below:,} days customers gave back more than they bought, so purchases of other "
            "days have to be found for these returns"
        )
        remedy = "crmlab check FILE tells which; read_transactions matches them (returns=net)"
        raise UntrustedSource(name, "return_without_purchase", told, remedy)
    if most >= most_units:
        told = "what a customer spent on a day is too large to be carried exactly"
        raise UntrustedSource(name, "amount_not_carried", told, "Give amounts in a larger unit")


def _refuse(name: str, found: Mapping[str, Any]) -> None:
    faults = {key: int(found[key] or 0) for key in UNUSABLE if key in found}
    if faults.get("no_amount"):  # those are not carried either
        faults["amount_not_carried"] -= faults["no_amount"]
    some = [key for key, rows in faults.items() if rows]
    if some:
        told = ", ".join(f"{faults[key]:,} with {UNUSABLE[key]}" for key in some)
        of_all = f"of {int(found['records']):,} rows {told}"
        raise UntrustedSource(name, some[0], of_all, REMEDY)


def _day(value: Any) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else dt.date.fromisoformat(str(value))
