"""People who object, and people who are erased: blocked first, then destroyed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from crmlab.errors import DataError
from crmlab.intake import engines
from crmlab.intake.customer_base import lines, store
from crmlab.intake.customer_base.incoming import digest
from crmlab.intake.customer_base.store import About, ask

TABLES = ("rows", "past_rows", "attributes", "past_attributes", "objections", "blocks")
"""Where people stand in a base."""


class UnknownPerson(DataError):
    """An id that the base does not hold."""

    def __init__(self, folder: Path, what: str, remedy: str) -> None:
        self.folder = folder
        super().__init__(f"The base in '{folder}' holds nobody {what}. {remedy}")


@dataclass(frozen=True)
class Objections:
    """A change of the list: how many were named, how many of them changed, how many the base knows.

    `standing` are the objections that stand now.
    """

    named: int
    changed: int
    known: int
    standing: int


@dataclass(frozen=True)
class Erasure:
    """What an erasure did, 'blocked' or 'destroyed', to how many rows."""

    stage: str
    on: dt.date
    rows: int
    attributes: int

    def as_dict(self) -> dict[str, object]:
        """The erasure in the types of JSON; it does not say who."""
        return asdict(self) | {"on": self.on.isoformat()}


def object_to(
    connection: duckdb.DuckDBPyConnection, ids: Sequence[str], since: dt.date
) -> Objections:
    """Put people on the list of those who object to being scored; known here or not."""
    with store.transaction(connection):
        changed = _changed(connection, "base_object", ids, since)
    return _told(connection, ids, changed)


def withdraw(
    connection: duckdb.DuckDBPyConnection, ids: Sequence[str], today: dt.date
) -> Objections:
    """Take people off that list; that they were on it is kept."""
    with store.transaction(connection):
        changed = _changed(connection, "base_withdraw", ids, today)
    return _told(connection, ids, changed)


def block(
    connection: duckdb.DuckDBPyConnection, folder: Path, customer_id: str, today: dt.date
) -> Erasure:
    """Keep a person out of every run, as-of runs too, from now on. Twice is the same as once.

    Raises UnknownPerson for an id of which there is nothing.
    """
    found = _holdings(connection, customer_id)
    if not sum(found.values()):
        raise UnknownPerson(folder, "of this id", "Give it exactly as in the files.")
    with store.transaction(connection):
        connection.execute(
            engines.statement("base_block"), {"customer_id": customer_id, "today": today}
        )
    rows = found["live"] + found["ended"]
    return Erasure("blocked", _blocked_on(connection, customer_id) or today, rows, found["facts"])


def destroy(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    about: About,
    customer_id: str,
    today: dt.date,
) -> Erasure:
    """Delete all there is of a blocked person, past included, and write the file anew without it.

    Leaves the day, the number of rows and a keyed digest, by which a later load is recognised.
    Raises UnknownPerson for somebody who was not blocked before.
    """
    blocked_on = _blocked_on(connection, customer_id)
    if blocked_on is None:
        remedy = "Block first, then destroy: crmlab base erase --id ID, then with --destroy."
        raise UnknownPerson(folder, "blocked under this id", remedy)
    found = _holdings(connection, customer_id)
    record = {
        "digest": digest(about, customer_id),
        "blocked_on": blocked_on,
        "destroyed_on": today,
        "live": found["live"],
        "ended": found["ended"],
        "attributes": found["facts"],
    }
    who = {"customer_id": customer_id}
    with store.transaction(connection):
        connection.execute(engines.statement("base_sum_destroyed"), who)
        for table in ("rows", "attributes"):
            forget = engines.fill(engines.statement("base_forget"), table=table)
            connection.execute(forget, who)
        for table in TABLES:
            connection.execute(f"DELETE FROM base.{table} WHERE customer_id = $customer_id", who)
        for table in ("base.rows", "base.past_rows"):
            lines.hide(connection, table, about, lambda one: one == customer_id)
        connection.execute(engines.statement("base_note_erasure"), record)
        connection.execute("UPDATE base.about SET rewrite = true")
    store.rewrite(connection, folder)
    return Erasure("destroyed", today, found["live"] + found["ended"], found["facts"])


def _holdings(connection: duckdb.DuckDBPyConnection, customer_id: str) -> dict[str, int]:
    """Rows of a person: live, past, and attributes."""
    (row,) = ask(connection, engines.statement("base_holdings"), customer_id=customer_id)
    return row


def _blocked_on(connection: duckdb.DuckDBPyConnection, customer_id: str) -> dt.date | None:
    sql = "SELECT min(blocked_on) AS day FROM base.blocks WHERE customer_id = $customer_id"
    (row,) = ask(connection, sql, customer_id=customer_id)
    day: dt.date | None = row["day"]
    return day


def _changed(
    connection: duckdb.DuckDBPyConnection, statement: str, ids: Sequence[str], day: dt.date
) -> int:
    sql = engines.statement(statement)
    return int(connection.execute(sql, {"ids": list(ids), "day": day}).fetchall()[0][0])


def _told(connection: duckdb.DuckDBPyConnection, ids: Sequence[str], changed: int) -> Objections:
    (row,) = ask(connection, engines.statement("base_objections"), ids=list(ids))
    return Objections(len(set(ids)), changed, row["known"], row["standing"])
