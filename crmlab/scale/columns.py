"""Which columns of a table play which role, and whether their types can be taken as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crmlab.errors import MissingColumn, UnreadableSource
from crmlab.intake.engines import quote
from crmlab.schema import SUMMARY

WHOLE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|BYTE|SHORT|LONG")
DECIMAL = re.compile(r"DECIMAL\(\d+, ?(\d+)\)")
FLOAT = re.compile(r"DOUBLE|FLOAT|REAL")
DAY = re.compile(r"DATE|TIMESTAMP(_S|_MS|_NS|_NTZ)?")
INSTANT = re.compile(r"TIMESTAMP WITH TIME ZONE|TIMESTAMPTZ|TIMESTAMP_LTZ")
TEXT = re.compile(r"VARCHAR|STRING|CHAR\(\d+\)|VARCHAR\(\d+\)")
ID = re.compile(f"{WHOLE.pattern}|{TEXT.pattern}|UUID")
MOST_DECIMALS = 4
"""As many as the gate carries."""

GIVEN = ("frequency", "recency", "T", "monetary_value")
"""What a table must have beside the customer to be a summary."""

OF_LOG = tuple(column.name for column in SUMMARY if column.name != "log_gaps")
"""What the summary of a log has."""

CSV_TYPES = {"customer_id": "VARCHAR", "date": "DATE", "amount": "DECIMAL(18, 4)"}
"""Types of a CSV's columns where none are declared, in DuckDB's words."""

OWN = "Cast it where it comes from, or read the file through the gate: crmlab check FILE"


@dataclass(frozen=True)
class LogColumns:
    """The columns of a log: who bought, when, and for how much."""

    customer_id: str = "customer_id"
    date: str = "date"
    amount: str = "amount"


def is_summary(types: Mapping[str, str]) -> bool:
    """Whether a table with these columns is a summary rather than a log."""
    have = {name.casefold() for name in types}
    return all(name.casefold() in have for name in GIVEN)


def log_parts(name: str, types: Mapping[str, str], columns: LogColumns) -> dict[str, str]:
    """What fills the statements about a log: quoted columns and units of money.

    `types` are the types of its columns by name. Raises MissingColumn, or UnreadableSource for a
    type that has to be read through the gate first.
    """
    given = {role: getattr(columns, role) for role in ("customer_id", "date", "amount")}
    for role, column in given.items():
        if column not in types:
            raise MissingColumn(name, role, column, types)
    _check_id(name, given["customer_id"], types)
    _check_date(name, given["date"], types[given["date"]])
    decimals = _decimals(name, given["amount"], types[given["amount"]])
    quoted = {role: quote(column) for role, column in given.items()}
    return {
        **quoted,
        "no_customer": _no_customer(given["customer_id"], types),
        "units": f"{10.0**decimals:.1f}",
    }


def summary_parts(name: str, types: Mapping[str, str], customer_id: str) -> dict[str, str]:
    """What fills the statements about a summary. Raises as log_parts."""
    if customer_id not in types:
        raise MissingColumn(name, "customer_id", customer_id, types)
    _check_id(name, customer_id, types)
    spend = "spend_frequency" if "spend_frequency" in types else "frequency"
    more = [c for c in kept(types) if c not in ("customer_id", "spend_frequency", *GIVEN)]
    return {
        "customer_id": quote(customer_id),
        "no_customer": _no_customer(customer_id, types),
        "spend_frequency": spend,
        "others": "".join(f",\n    {column}" for column in more),
    }


def kept(types: Iterable[str]) -> list[str]:
    """The columns of a summary that customers keep beside their scores, in the schema's order."""
    have = {*types, "customer_id", "spend_frequency"}
    return [column.name for column in SUMMARY if column.name in have]


def _check_id(name: str, column: str, types: Mapping[str, str]) -> None:
    if not ID.fullmatch(types[column]):
        found = f"column '{column}' is {types[column]}, which no customer id should be"
        raise UnreadableSource(name, found, "Keep ids as whole numbers or text from the start.")


def _check_date(name: str, column: str, kind: str) -> None:
    if INSTANT.fullmatch(kind):
        found = (
            f"column '{column}' holds instants ({kind}), and their day depends on where one stands"
        )
        remedy = "Cast them to dates in the time zone in which the business keeps its days."
        raise UnreadableSource(name, found, remedy)
    if not DAY.fullmatch(kind):
        raise UnreadableSource(name, f"column '{column}' is {kind}, not a date", f"{OWN}.")


def _decimals(name: str, column: str, kind: str) -> int:
    """Decimals of an amount that are carried. Money in floats has those of the gate."""
    if WHOLE.fullmatch(kind):
        return 0
    found = DECIMAL.fullmatch(kind)
    if found:
        return min(int(found[1]), MOST_DECIMALS)
    if FLOAT.fullmatch(kind):
        return MOST_DECIMALS
    raise UnreadableSource(name, f"column '{column}' is {kind}, not a number", f"{OWN}.")


def _no_customer(column: str, types: Mapping[str, str]) -> str:
    quoted = quote(column)
    empty = f" OR trim({quoted}) = ''" if TEXT.fullmatch(types[column]) else ""
    return f"{quoted} IS NULL{empty}"
