"""The gate: what each row says, why a row is set aside, and the account of them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb
import pandas as pd

from crmlab.errors import AccountDoesNotBalance, NoUsableRows
from crmlab.intake import engines
from crmlab.schema import REASONS

BLANKS = " \t\r\n\u00a0\u202f"
"""Stripped from both ends of every field; the last two are spaces that do not break a line."""

EXAMPLES = 3
"""Rows that the account shows of each reason."""


@dataclass(frozen=True)
class Tally:
    """A count of rows, their money (exact, in the source's currency) and their customers."""

    records: int = 0
    money: Decimal = Decimal("0.00")
    customers: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.records + other.records,
            self.money + other.money,
            self.customers + other.customers,
        )

    def as_dict(self) -> dict[str, int | str]:
        """The tally in the types of JSON, money as text."""
        return asdict(self) | {"money": str(self.money)}


class Example(NamedTuple):
    """A row that was set aside, in its source's own words. `record` counts the rows from 1."""

    record: int
    customer_id: str | None
    date: str | None
    amount: str | None


@dataclass(frozen=True)
class Account:
    """What was read = what is used + what is set aside by reason: rows, money and customers.

    `sales` and `returns` are the positive and the negative amounts read; returns are set aside.
    An amount that cannot be read counts as no money. A customer is set aside only if every row
    is, and then under the first of their reasons. `first_date` and `last_date` are of used rows.
    An account that does not balance cannot be made: raises AccountDoesNotBalance.
    """

    source: str
    observation_end: dt.date
    zero_amount: str
    read: Tally
    used: Tally
    set_aside: Mapping[str, Tally]
    occasions: int
    first_date: dt.date
    last_date: dt.date
    examples: Mapping[str, list[Example]]
    sales: Decimal
    returns: Decimal

    def __post_init__(self) -> None:
        if not self.balanced:
            raise AccountDoesNotBalance(self.source, self.read, self.used, self.set_aside_total)

    @property
    def set_aside_total(self) -> Tally:
        """All that is set aside, whatever the reason."""
        return sum(self.set_aside.values(), Tally())

    @property
    def balanced(self) -> bool:
        """Whether rows, money and customers read are those used plus those set aside."""
        return self.read == self.used + self.set_aside_total

    def table(self) -> pd.DataFrame:
        """One row each for read, used and every reason; columns records, money, customers."""
        lines = {"read": self.read, "used": self.used, **self.set_aside}
        columns = ["records", "money", "customers"]
        frame = pd.DataFrame([astuple(t) for t in lines.values()], list(lines), columns)
        return frame.astype({"money": float}).rename_axis("rows")

    def as_dict(self) -> dict[str, object]:
        """The account in the types of JSON. It holds no row and no customer's id."""
        return {
            "source": self.source,
            "observation_end": self.observation_end.isoformat(),
            "zero_amount": self.zero_amount,
            "read": self.read.as_dict(),
            "used": self.used.as_dict(),
            "set_aside": {reason: tally.as_dict() for reason, tally in self.set_aside.items()},
            "sales": str(self.sales),
            "returns": str(self.returns),
            "occasions": self.occasions,
            "first_date": self.first_date.isoformat(),
            "last_date": self.last_date.isoformat(),
            "balanced": self.balanced,
        }


@dataclass(frozen=True)
class Readable:
    """What a source holds, and the first and last day of the rows that can be read."""

    tally: Tally
    first_date: dt.date
    last_date: dt.date


def convert(connection: duckdb.DuckDBPyConnection, source: str) -> Readable:
    """Make the table records from source_rows: the same rows in their types.

    Raises NoUsableRows if not one row has a customer, a date and an amount.
    """
    connection.execute(engines.statement("records"), {"blanks": BLANKS})
    (read,) = engines.fetch_rows(connection, engines.statement("account_read"), {})
    if read["first_date"] is None:
        ever = {"observation_end": dt.date.max, "zero_amount": "ignore"}
        raise _no_usable_rows(connection, source, read["records"], ever)
    return Readable(_tally(read), read["first_date"], read["last_date"])


def account(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    observation_end: dt.date,
    zero_amount: str,
) -> Account:
    """The account of the table records up to and including `observation_end`.

    What was read, used and set aside is counted by three statements that do not share a total.
    Raises NoUsableRows if no row is used.
    """
    asked = {"observation_end": observation_end, "zero_amount": zero_amount}
    (read,) = engines.fetch_rows(connection, engines.statement("account_read"), {})
    (used,) = engines.fetch_rows(connection, engines.statement("account_used", "occasions"), asked)
    if not used["occasions"]:
        raise _no_usable_rows(connection, source, read["records"], asked)
    return Account(
        source=source,
        observation_end=observation_end,
        zero_amount=zero_amount,
        read=_tally(read),
        used=_tally(used),
        set_aside=_set_aside(connection, asked),
        occasions=used["occasions"],
        first_date=used["first_date"],
        last_date=used["last_date"],
        examples=_examples(connection, asked),
        sales=_money(read["sales"]),
        returns=_money(read["returns"]),
    )


def _set_aside(
    connection: duckdb.DuckDBPyConnection, asked: Mapping[str, object]
) -> dict[str, Tally]:
    rows = engines.statement("account_set_aside", "occasions", "judged")
    customers = engines.statement("account_lost_customers", "occasions", "judged", "lost_customers")
    tallies = dict.fromkeys(REASONS, Tally())
    for row in engines.fetch_rows(connection, rows, asked):
        tallies[row["reason"]] += _tally(row | {"customers": 0})
    for row in engines.fetch_rows(connection, customers, {**asked, "reasons": list(REASONS)}):
        tallies[row["reason"]] += Tally(customers=row["customers"])
    return tallies


def _no_usable_rows(
    connection: duckdb.DuckDBPyConnection, source: str, records: int, asked: Mapping[str, object]
) -> NoUsableRows:
    """The refusal, with how many rows each reason took and the first of them."""
    counts = {reason: tally.records for reason, tally in _set_aside(connection, asked).items()}
    first = {
        reason: f"record {rows[0].record}: {_culprit(reason, rows[0])}"
        for reason, rows in _examples(connection, asked).items()
        if rows
    }
    return NoUsableRows(source, records, counts, first)


def _culprit(reason: str, row: Example) -> str:
    """The field that is to blame, as it stands in the source."""
    if reason.startswith("date") or reason == "after_end":
        return f"date {row.date!r}"
    return f"customer {row.customer_id!r}" if reason == "no_customer" else f"amount {row.amount!r}"


def _examples(
    connection: duckdb.DuckDBPyConnection, asked: Mapping[str, object]
) -> dict[str, list[Example]]:
    sql = engines.statement("examples", "occasions", "judged")
    examples: dict[str, list[Example]] = {reason: [] for reason in REASONS}
    for row in engines.fetch_rows(connection, sql, {**asked, "limit": EXAMPLES}):
        examples[row.pop("reason")].append(Example(**row))
    return examples


def _tally(row: Mapping[str, Any]) -> Tally:
    return Tally(int(row["records"]), _money(row["money"]), row["customers"])


def _money(value: Decimal | int) -> Decimal:
    """The amount with two decimals, or with more if it has more."""
    cents = round(Decimal(value), 2)
    return cents if cents == value else Decimal(value)
