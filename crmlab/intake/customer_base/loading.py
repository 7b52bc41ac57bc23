"""One load: what is new is added, what is known stays, what is corrected is kept as past."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from crmlab.errors import AccountDoesNotBalance, DataError, WrongParameter
from crmlab.intake import customer_days, duplicates, engines, refusals
from crmlab.intake.account import Tally
from crmlab.intake.customer_base import incoming, lines, store
from crmlab.intake.customer_base.store import About, ask
from crmlab.intake.meaning import Meaning
from crmlab.schema import FAULTS


class LoadRefused(DataError):
    """A file that does not fit the base; nothing of it was taken."""


@dataclass(frozen=True)
class Unusable:
    """Rows of one file that cannot be used, by reason, and where the first stands."""

    reason: str
    rows: int
    first: str


@dataclass(frozen=True)
class Load:
    """What one load did, in rows: records = added + known + erased (+ set_aside, of attributes).

    `known` the base held already; `superseded` are rows of earlier loads that this one corrected;
    `erased` are of people who were erased and are not taken again. Rows of purchases that cannot
    be used are kept as they are, counted with the others, and told once, by the load that brings
    them: `unusable`. Rows of attributes are `set_aside`. Where `repeated`, the same file had been
    loaded before as load `load`, and nothing was changed.
    """

    load: int
    loaded_on: dt.date
    source: str
    records: int
    added: int
    known: int
    superseded: int
    erased: int
    set_aside: int = 0
    repeated: bool = False
    unusable: tuple[Unusable, ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any], *, repeated: bool = False) -> Load:
        """The load that a row of base.loads tells of."""
        ours = ("repeated", "unusable")
        names = [field.name for field in fields(cls) if field.name not in ours]
        return cls(**{name: row[name] for name in names}, repeated=repeated)

    def as_dict(self) -> dict[str, object]:
        """The load in the types of JSON."""
        return asdict(self) | {"loaded_on": self.loaded_on.isoformat()}


@dataclass(frozen=True)
class Origin:
    """What is loaded: its name, the SHA-256 of its content, and how it was read, in words."""

    source: str
    fingerprint: str
    reading: str
    loaded_on: dt.date


@dataclass(frozen=True)
class Says:
    """What a load says of all its rows: their roles, the currency, and what free days are."""

    roles: tuple[str, ...] = ()
    currency: str | None = None
    zero_amount: str = "ignore"


@dataclass(frozen=True)
class Sums:
    """The money that a load brought, and of it what was known already or was refused, in full."""

    money: Decimal = Decimal(0)
    known_money: Decimal = Decimal(0)
    erased_money: Decimal = Decimal(0)


FEW, VERY_FEW, MOSTLY = 20, 3, 0.5
"""Faulty rows that a file may have whatever the limits, as one of a quiet day is no broken file:
so many, if they are less than half of it; and so many, if they are more."""


def refuse_faults(connection: duckdb.DuckDBPyConnection, source: str, meaning: Meaning) -> None:
    """Raise UntrustedSource for a file of which too much cannot be used, or whose keys are none.

    Returns are not judged here: what they take back may have come in an earlier load.
    """
    connection.execute("CREATE TABLE set_aside (record BIGINT, reason VARCHAR)")
    (read,) = ask(connection, engines.statement("account_read"))
    days = customer_days.find(connection)
    found, _ = duplicates.judge(connection, source, meaning, read["records"], days)
    for refusal in found:
        if refusal.code == "key_conflict":
            raise refusal
    rows = ask(connection, engines.statement("faults"))
    faulty = sum(row["rows"] for row in rows if row["reason"] in FAULTS)
    if faulty > (VERY_FEW if faulty >= MOSTLY * read["records"] else FEW):
        for refusal in refusals.limits(connection, source, read, meaning):
            raise refusal


def unusable(connection: duckdb.DuckDBPyConnection) -> tuple[Unusable, ...]:
    """The rows that cannot be used, by reason, most first."""
    sql = (
        "SELECT reason, count(*) AS rows FROM records WHERE reason IS NOT NULL "
        "GROUP BY reason ORDER BY rows DESC, reason"
    )
    found = ask(connection, sql)
    return tuple(
        Unusable(row["reason"], row["rows"], refusals.first_fault(connection, row["reason"]))
        for row in found
    )


def take_rows(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    about: About,
    origin: Origin,
    says: Says,
) -> Load:
    """Bring the tables records, source_rows and source_faults into the attached base.

    Raises LoadRefused, or AccountDoesNotBalance if a row would be neither used nor accounted for.
    """
    incoming.gather(connection)
    _refuse_other_roles(folder, about, says.roles)
    _refuse_other_currency(folder, about, says.currency)
    number = next_load(connection, origin)
    records, money = store.count(connection, "incoming"), _money(connection, "incoming")
    erased = incoming.drop_erased(connection, about, "incoming")
    erased_money = money - _money(connection, "incoming")
    _hide_lines(connection, about)
    with store.transaction(connection):
        if not about.roles:
            connection.execute(engines.statement("base_rows_table"))
        change = change_rows(connection, number, origin.loaded_on)
        known_money = _money(connection, "incoming JOIN held USING (content) WHERE nth <= copies")
        counts = (records, change.added, change.known, change.superseded, erased)
        done = Load(number, origin.loaded_on, origin.source, *counts)
        note_load(connection, "rows", done, origin, says, Sums(money, known_money, erased_money))
        check_balance(connection, origin.source)
    return done


@dataclass(frozen=True)
class Change:
    """How many rows were new, were known, and were superseded."""

    added: int
    known: int
    superseded: int


def change_rows(
    connection: duckdb.DuckDBPyConnection,
    load: int,
    loaded_on: dt.date,
    again_from: dt.date | None = None,
) -> Change:
    """Judge the table incoming in the attached base: end what it corrects, add what is new.

    `again_from` is the day of a withdrawal that has the rows judged once more.
    """
    # The engine writes to one database in a transaction, and to temporary tables beside it.
    connection.execute(engines.statement("base_known"))
    connection.execute(engines.statement("base_superseded"))
    when = {"load": load, "loaded_on": loaded_on}
    again = when | {"again_from": again_from}
    superseded = store.changed(connection, engines.statement("base_end_rows"), when)
    known = store.changed(connection, engines.statement("base_add_known"), {"load": load})
    added = store.changed(connection, engines.statement("base_add_rows"), again)
    return Change(added, known, superseded)


def next_load(connection: duckdb.DuckDBPyConnection, origin: Origin) -> int:
    """The number of this load. Raises WrongParameter for a day before that of the last one."""
    last = store.last(connection)
    if last["day"] is not None and origin.loaded_on < last["day"]:
        expected = f"a day not before that of the last load or withdrawal, {last['day']}"
        raise WrongParameter("loaded_on", str(origin.loaded_on), expected)
    return int(last["load"]) + 1


def repeated(connection: duckdb.DuckDBPyConnection, origin: Origin, kind: str) -> Load | None:
    """The load that brought the same content already, if there is one.

    Raises LoadRefused if it was read in another way then: what it held would be taken twice.
    """
    found = ask(
        connection,
        "SELECT * FROM base.loads WHERE fingerprint = $fingerprint AND kind = $kind "
        "ORDER BY load LIMIT 1",
        fingerprint=origin.fingerprint,
        kind=kind,
    )
    if not found:
        return None
    (row,) = found
    if row["reading"] != origin.reading:
        raise LoadRefused(
            f"'{origin.source}' is in the base already, as load {row['load']}, but was read "
            f"otherwise then: {row['reading']}. Now: {origin.reading}. Taken again it would count "
            "twice. To read it anew, load all files into a new base: --base FOLDER"
        )
    return Load.of(row, repeated=True)


Balance = dict[str, Tally]
"""What was `read`, and what became of it: in rows and money, each counted apart."""


def check_balance(
    connection: duckdb.DuckDBPyConnection, source: str, as_of: dt.date = store.NOW
) -> Balance:
    """What the loads that stood on a day read, and what had become of it then.

    Raises AccountDoesNotBalance if rows or money do not add up.
    """
    parts = {"rows": store.rows_then(), "loads": store.then("loads")}
    sql = engines.fill(engines.statement("base_balance"), **parts)
    found = ask(connection, sql, as_of=as_of)
    balance = {row["name"]: Tally(int(row["rows"]), row["money"]) for row in found}
    rest = [tally for name, tally in balance.items() if name not in ("read", "live")]
    if balance["read"] != sum(rest, balance["live"]):
        raise AccountDoesNotBalance(source, balance["read"], balance["live"], sum(rest, Tally()))
    return balance


def _hide_lines(connection: duckdb.DuckDBPyConnection, about: About) -> None:
    digests = incoming.erased(connection)
    if digests:
        lines.hide(
            connection, "incoming", about, lambda one: incoming.digest(about, one) in digests
        )


def is_used(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether anything stands in the attached base."""
    return bool(store.count(connection, "base.loads") + store.count(connection, "base.objections"))


def was_used(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether anything was ever put into the attached base, though it may be withdrawn."""
    return is_used(connection) or bool(store.last(connection)["load"])


def _refuse_other_roles(folder: Path, about: About, roles: tuple[str, ...]) -> None:
    """Rows told by other columns than those in the base cannot be compared with them."""
    if about.roles and sorted(roles) != sorted(about.roles):
        more = [role for role in roles if role not in about.roles]
        fewer = [role for role in about.roles if role not in roles]
        what = [f"it also has {', '.join(more)}"] if more else []
        what += [f"it lacks {', '.join(fewer)}"] if fewer else []
        raise LoadRefused(
            f"The base in '{folder}' holds {', '.join(about.roles)}; this file does not fit: "
            f"{'; '.join(what)}. Map the same columns, or load it into another base: --base FOLDER"
        )


def _refuse_other_currency(folder: Path, about: About, currency: str | None) -> None:
    """Money of several currencies has no sum, in one file or in many."""
    if None not in (currency, about.currency) and currency != about.currency:
        raise LoadRefused(
            f"The base in '{folder}' holds amounts in {about.currency}, this file in {currency}. "
            "Turn them into one currency first, or load it into another base: --base FOLDER"
        )


def note_load(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    done: Load,
    origin: Origin,
    says: Says,
    sums: Sums,
) -> None:
    """Write a load into the list of loads."""
    parts = (done, origin, says, sums)
    values: dict[str, object] = {k: v for part in parts for k, v in asdict(part).items()}
    del values["repeated"], values["unusable"]
    values |= {"kind": kind, "roles": list(says.roles)}
    connection.execute(engines.statement("base_note_load"), values)


def _money(connection: duckdb.DuckDBPyConnection, rows: str) -> Decimal:
    sql = f"SELECT coalesce(sum(amount), 0) AS money FROM {rows}"
    money: Decimal = ask(connection, sql)[0]["money"]
    return money
