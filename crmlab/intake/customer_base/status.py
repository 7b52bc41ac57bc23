"""What a base holds, and how all that was ever loaded into it adds up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from crmlab.errors import AccountDoesNotBalance
from crmlab.intake import engines
from crmlab.intake.customer_base import loading, store
from crmlab.intake.customer_base.store import ask

WORTH_TELLING = 20
"""Rows that a stretch of empty days would usually have had: by chance it is empty once in 5e8."""


@dataclass(frozen=True)
class Gap:
    """Days without a row, first and last included, and the rows that they would usually have."""

    first_date: dt.date
    last_date: dt.date
    usual_rows: int


@dataclass(frozen=True)
class Status:
    """The account of a base over all loads that stand, in rows and money, and who is in it.

    `balance` says of the rows `read` how many are `live`, `superseded` by a correction, `known`
    before they came again, of erased people and `refused` when they came again, or `destroyed`;
    `money` says the same in money, exactly. Of the live rows `usable` can be used as they stand:
    their positive amounts are `gross`, their negative ones `returns`, and `net` is the sum;
    `set_aside` counts the others by reason. Usable rows are judged further when the base is read.
    An amount that cannot be read is no money. `objections`, `blocked` and `erased` are of today,
    whatever day is asked. An account that does not balance cannot be made: raises
    AccountDoesNotBalance.
    """

    folder: Path
    as_of: dt.date | None
    loads: int
    attribute_loads: int
    withdrawn_loads: int
    last_loaded_on: dt.date | None
    first_date: dt.date | None
    last_date: dt.date | None
    customers: int
    attributes: int
    balance: Mapping[str, int]
    money: Mapping[str, Decimal]
    usable: int
    gross: Decimal
    returns: Decimal
    set_aside: Mapping[str, int]
    set_aside_money: Mapping[str, Decimal]
    objections: int
    blocked: int
    erased: int
    gaps: tuple[Gap, ...]
    key_name: str | None
    rewrite: bool

    def __post_init__(self) -> None:
        read = (self.balance["read"], self.money["read"])
        used = (self.usable, self.net)
        aside = (sum(self.set_aside.values()), sum(self.set_aside_money.values()))
        live = (self.balance["live"], self.money["live"])
        if _parts(self.balance, self.money) != read or live != _both(used, aside):
            raise AccountDoesNotBalance(str(self.folder), read, used, aside)

    @property
    def net(self) -> Decimal:
        """Money of the usable rows: gross, less returns."""
        return self.gross + self.returns

    def as_dict(self) -> dict[str, object]:
        """The status in the types of JSON, money as text. It holds no customer's id."""
        plain: dict[str, object] = {"folder": str(self.folder)}
        plain |= {name: _day(getattr(self, name)) for name in DAYS}
        plain |= {name: str(getattr(self, name)) for name in ("gross", "returns", "net")}
        plain |= {name: _texts(getattr(self, name)) for name in ("money", "set_aside_money")}
        gaps = [{**asdict(gap), **_days(gap)} for gap in self.gaps]
        return asdict(self) | plain | {"gaps": gaps}

    def table(self) -> pd.DataFrame:
        """One row a fact, in words; columns `value` and, where there is any, `money`."""
        about = {
            "folder": self.folder,
            "as known on": self.as_of or "today",
            "ids": f"pseudonyms (key {self.key_name})" if self.key_name else "as in the files",
            "loads": self.loads,
            "  withdrawn": self.withdrawn_loads,
            "last load": self.last_loaded_on or "none",
            "purchases from": self.first_date or "none",
            "purchases to": self.last_date or "none",
            "customers": self.customers,
        }
        people: dict[str, object] = {
            "days without a row": "; ".join(map(_told, self.gaps)) or "none that is unusual",
            "attributes": self.attributes,
            "objections": self.objections,
            "people blocked": self.blocked,
            "people erased": self.erased,
        }
        if self.rewrite:
            people["unfinished"] = "an erasure was cut short; crmlab base tidy ends it"
        rows, money = self._account()
        values = {**about, **rows, **people}
        told = {"value": list(values.values()), "money": [money.get(name) for name in values]}
        return pd.DataFrame(told, index=list(values), dtype=object)

    def _account(self) -> tuple[dict[str, object], dict[str, Decimal]]:
        """Rows and money of what was read, line by line."""
        rows: dict[str, object] = {}
        money = {}
        for name, label in LABELS.items():
            rows[label], money[label] = self.balance[name], self.money[name]
            if name == "live":
                rows["    can be used"], money["    can be used"] = self.usable, self.net
                rows["      gross"], money["      gross"] = "", self.gross
                rows["      returns"], money["      returns"] = "", self.returns
                for reason, number in self.set_aside.items():
                    line = f"    set aside: {reason}"
                    rows[line], money[line] = number, self.set_aside_money[reason]
        return rows, money


DAYS = ("as_of", "last_loaded_on", "first_date", "last_date")

LABELS = {
    "read": "rows read",
    "live": "  in the base",
    "known": "  known already",
    "superseded": "  superseded by a correction",
    "refused": "  of erased people: refused",
    "destroyed": "  of erased people: destroyed",
}
"""Parts of the account as people read them."""


def status(connection: duckdb.DuckDBPyConnection, folder: Path, day: dt.date | None) -> Status:
    """The status of an attached base on a day (None: now). Raises AccountDoesNotBalance."""
    as_of = day or store.NOW
    about = store.read_about(connection, folder, as_of)
    assert about is not None  # it is open
    known = store.rows_then()
    held = {"loads": store.then("loads"), "attributes": store.then("attributes")}
    (counts,) = ask(connection, engines.fill(engines.statement("base_status"), **held), as_of=as_of)
    (rows,) = _ask(connection, "base_period", known, as_of)
    aside = _ask(connection, "base_set_aside", known, as_of)
    gaps = _ask(connection, "base_gaps", known, as_of, expected=WORTH_TELLING)
    balance = loading.check_balance(connection, str(folder), as_of)
    return Status(
        folder=folder,
        as_of=day,
        balance={name: tally.records for name, tally in balance.items()},
        money={name: exact(tally.money) for name, tally in balance.items()},
        gross=exact(rows.pop("gross")),
        returns=exact(rows.pop("returns")),
        set_aside={row["reason"]: row["rows"] for row in aside},
        set_aside_money={row["reason"]: exact(row["money"]) for row in aside},
        gaps=tuple(Gap(**gap) for gap in gaps),
        key_name=about.key_name,
        rewrite=about.rewrite,
        **counts,
        **rows,
    )


def exact(money: Decimal) -> Decimal:
    """An amount with two decimals, or with more if it has more."""
    cents = round(money, 2)
    return cents if cents == money else money


def _ask(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    rows: str,
    as_of: dt.date,
    **more: object,
) -> list[dict[str, Any]]:
    sql = engines.fill(engines.statement(statement), rows=rows)
    return ask(connection, sql, as_of=as_of, **more)


def _parts(rows: Mapping[str, int], money: Mapping[str, Decimal]) -> tuple[int, Decimal]:
    """All parts but `read`, added up."""
    return (
        sum(n for name, n in rows.items() if name != "read"),
        sum((m for name, m in money.items() if name != "read"), Decimal(0)),
    )


def _both(one: tuple[int, Decimal], other: tuple[int, Decimal | int]) -> tuple[int, Decimal]:
    return one[0] + other[0], one[1] + other[1]


def _texts(money: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: str(amount) for name, amount in money.items()}


def _told(gap: Gap) -> str:
    days = f"{gap.first_date}" if gap.first_date == gap.last_date else ""
    days = days or f"{gap.first_date} to {gap.last_date}"
    return f"{days} (usually {gap.usual_rows:,} rows)"


def _days(gap: Gap) -> dict[str, str]:
    return {"first_date": gap.first_date.isoformat(), "last_date": gap.last_date.isoformat()}


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
