"""A load taken back: what it touched is judged again, as if it had never come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from crmlab.errors import WrongParameter
from crmlab.intake import engines
from crmlab.intake.customer_base import loading, store
from crmlab.intake.customer_base.attribute_loads import change_attributes
from crmlab.intake.customer_base.loading import Change, LoadRefused
from crmlab.intake.customer_base.store import ask

LEAST = 8
"""Digits of a fingerprint that may stand for it."""


@dataclass(frozen=True)
class Listed:
    """A load of the base's list, standing or withdrawn; its counts are what it does as judged now.

    `fingerprint` is the SHA-256 of the content. Of a load that was withdrawn the counts are those
    of before, and `withdrawn_on` and `reason` say when and why.
    """

    load: int
    kind: str
    loaded_on: dt.date
    source: str
    fingerprint: str
    records: int
    added: int
    known: int
    superseded: int
    erased: int
    withdrawn_on: dt.date | None
    reason: str | None

    def as_dict(self) -> dict[str, object]:
        """The load in the types of JSON."""
        days = (self.loaded_on, self.withdrawn_on)
        loaded_on, withdrawn_on = (day.isoformat() if day else None for day in days)
        return asdict(self) | {"loaded_on": loaded_on, "withdrawn_on": withdrawn_on}


@dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal did: the `records` of a load are as if never read.

    The base had `before` rows and has `after`; rows of `judged_again` later loads were judged once
    more, because the load had brought or corrected the same.
    """

    load: int
    withdrawn_on: dt.date
    source: str
    reason: str
    records: int
    before: int
    after: int
    judged_again: int

    def as_dict(self) -> dict[str, object]:
        """The withdrawal in the types of JSON."""
        return asdict(self) | {"withdrawn_on": self.withdrawn_on.isoformat()}


@dataclass(frozen=True)
class _Kind:
    """A table of the base, and SQL of what decides between its rows (of `told`)."""

    table: str
    matter: str
    money: str
    place: str
    ready: str
    change: Callable[[duckdb.DuckDBPyConnection, int, dt.date, dt.date | None], Change]


KINDS = {
    "rows": _Kind(
        table="rows",
        # Rows with a key are compared by it, others by all that they say.
        matter="coalesce(told.key, told.content)",
        money="told.amount",
        place="known.load AS load, known.record AS record, known.line AS line",
        ready="base_incoming_again",
        change=loading.change_rows,
    ),
    "attributes": _Kind(
        table="attributes",
        matter="(told.customer_id, told.valid_from, map_keys(told.facts))",
        money="CAST(0 AS DECIMAL(38, 4))",
        place="known.load AS load, known.record AS record",
        ready="base_told_again",
        change=change_attributes,
    ),
}


def listed(connection: duckdb.DuckDBPyConnection) -> list[Listed]:
    """All loads of an attached base, the withdrawn ones too, in their order."""
    return [Listed(**row) for row in ask(connection, engines.statement("base_loads"))]


def find(connection: duckdb.DuckDBPyConnection, folder: Path, named: str) -> Listed:
    """The standing load of this number, or of a content whose fingerprint begins so.

    Raises LoadRefused if there is none, or more than one.
    """
    loads = listed(connection)
    digits = named.strip().casefold()
    found = [one for one in loads if str(one.load) == digits]
    if not found and len(digits) >= LEAST:
        found = [one for one in loads if one.fingerprint.startswith(digits)]
    standing = [one for one in found if one.withdrawn_on is None]
    if len(standing) == 1:
        return standing[0]
    if standing:
        many = ", ".join(str(one.load) for one in standing)
        raise LoadRefused(f"'{named}' is loads {many} of the base in '{folder}'. Name one of them.")
    if found:
        last = found[-1]
        raise LoadRefused(f"Load {last.load} was withdrawn on {last.withdrawn_on} already.")
    raise LoadRefused(
        f"The base in '{folder}' has no load '{named}'. Give its number, or the first {LEAST} "
        "digits of its fingerprint or more: crmlab base loads"
    )


def withdraw(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    load: Listed,
    day: dt.date,
    reason: str,
) -> Withdrawal:
    """Take a load out of the attached base; what it was known to say before `day` is kept as past.

    Raises WrongParameter for a day before that of the last load or withdrawal, or no reason.
    """
    last = store.last(connection)
    if day < last["day"]:
        expected = f"a day not before that of the last load or withdrawal, {last['day']}"
        raise WrongParameter("withdrawn_on", str(day), expected)
    if not reason.strip():
        raise WrongParameter("reason", reason, "why it is withdrawn, in words")
    kind = KINDS[load.kind]
    numbered = {"load": load.load, "day": day, "withdrawal": last["withdrawal"] + 1}
    with store.transaction(connection):
        before = _live(connection, kind)
        _keep_as_past(connection, kind, numbered)
        again = _judge_again(connection, kind, load.load, day)
        _run(connection, "base_tally", kind, {}, name="after")
        connection.execute(engines.statement("base_recount"), {"load": load.load})
        note = engines.statement("base_note_withdrawal")
        connection.execute(note, {**numbered, "reason": reason.strip()})
        loading.check_balance(connection, str(folder))
        after = _live(connection, kind)
    told = (load.load, day, load.source, reason.strip(), load.records)
    return Withdrawal(*told, before, after, again)


def _keep_as_past(
    connection: duckdb.DuckDBPyConnection, kind: _Kind, numbered: dict[str, object]
) -> None:
    """Copy what is about to change, and take the load out of the list."""
    which = {"load": numbered["load"]}
    _run(connection, "base_touched", kind, which)
    _run(connection, "base_tally", kind, {}, name="before")
    _widen(connection, kind.table)
    _run(connection, "base_past", kind, {k: v for k, v in numbered.items() if k != "load"})
    connection.execute(engines.statement("base_past_loads"), numbered)
    connection.execute("DELETE FROM base.loads WHERE load = $load", which)
    when = {"load": numbered["load"], "day": numbered["day"]}
    connection.execute(engines.statement("base_loads_again"), when)
    if kind.table == "rows":
        connection.execute(engines.statement("base_past_destroyed"), numbered)
        connection.execute("DELETE FROM base.destroyed WHERE until IS NULL AND load = $load", which)
        connection.execute(engines.statement("base_undo_destroyed"), when)


def _widen(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Give a table of the past the columns that the table has now."""
    there = {name for name, _ in store.columns_of(connection, f"base.past_{table}")}
    for name, kind in store.columns_of(connection, f"base.{table}"):
        if name not in there:
            column = engines.quote(name)
            connection.execute(f"ALTER TABLE base.past_{table} ADD COLUMN {column} {kind}")


def _judge_again(
    connection: duckdb.DuckDBPyConnection, kind: _Kind, load: int, day: dt.date
) -> int:
    """Undo what was decided from the load on, and decide it without; how many loads had a say."""
    which = {"load": load}
    _run(connection, "base_again", kind, which)
    _run(connection, "base_undo_known", kind, which)
    _run(connection, "base_undo_new", kind, which)
    _run(connection, "base_undo_ended", kind, which | {"day": day})
    later = ask(
        connection,
        "SELECT load, loaded_on FROM base.loads AS loads "
        "SEMI JOIN again ON loads.load = again.load ORDER BY load",
    )
    for one in later:
        connection.execute(engines.statement(kind.ready), {"load": one["load"]})
        kind.change(connection, one["load"], one["loaded_on"], day)
    return len(later)


def _run(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    kind: _Kind,
    parameters: Mapping[str, object],
    **parts: str,
) -> None:
    known = {"table": kind.table, "matter": kind.matter, "place": kind.place, "money": kind.money}
    sql = engines.fill(engines.statement(statement), **known, **parts)
    connection.execute(sql, parameters)


def _live(connection: duckdb.DuckDBPyConnection, kind: _Kind) -> int:
    return store.count(connection, f"base.{kind.table} WHERE known_until IS NULL")
