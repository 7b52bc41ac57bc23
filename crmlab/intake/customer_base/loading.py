"""One load: what is new is added, what is known stays, what is corrected is kept as past."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import duckdb

from crmlab.errors import AccountDoesNotBalance, DataError, WrongParameter
from crmlab.intake import customer_days, duplicates, engines, refusals
from crmlab.intake.customer_base import incoming, lines, store
from crmlab.intake.customer_base.store import About, ask, listed
from crmlab.intake.meaning import Meaning
from crmlab.schema import FAULTS


class LoadRefused(DataError):
    """A file that does not fit the base; nothing of it was taken."""


@dataclass(frozen=True)
class Load:
    """What one load did, in rows: records = added + known + erased (+ set_aside, of attributes).

    `known` the base held already; `superseded` are rows of earlier loads that this one corrected;
    `erased` are of people who were erased and are not taken again. Rows of purchases that cannot
    be used are kept as they are; rows of attributes are `set_aside`. Where `repeated`, the same
    file had been loaded before as load `load`, and nothing was changed.
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
class First:
    """What the first load that says it settles for all: the currency, and what free days are."""

    currency: str | None
    zero_amount: str


FEW = 20
"""Faulty rows that a file may have whatever its size: one of a quiet day is no broken file."""


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
    if sum(row["rows"] for row in rows if row["reason"] in FAULTS) > FEW:
        for refusal in refusals.limits(connection, source, read, meaning):
            raise refusal


def take_rows(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    about: About,
    origin: Origin,
    first: First,
) -> Load:
    """Bring the tables records, source_rows and source_faults into the attached base.

    Raises LoadRefused, or AccountDoesNotBalance if a row would be neither used nor accounted for.
    """
    incoming.gather(connection)
    _refuse_other_roles(connection, folder, about)
    _refuse_other_currency(folder, about, first.currency)
    number = next_load(connection, origin)
    records = _count(connection, "incoming")
    erased = incoming.drop_erased(connection, about, "incoming")
    _hide_lines(connection, about)
    # The engine writes to one database in a transaction: what is in memory is made before it.
    connection.execute(engines.statement("base_known"))
    connection.execute(engines.statement("base_superseded"))
    superseded = _count(connection, "superseded")
    with store.transaction(connection):
        added = _change(connection, about, number, origin, first)
        known = records - erased - added
        counts = (records, added, known, superseded, erased)
        done = Load(number, origin.loaded_on, origin.source, *counts)
        note_load(connection, "rows", done, origin)
        check_balance(connection, origin.source)
    return done


def _change(
    connection: duckdb.DuckDBPyConnection,
    about: About,
    number: int,
    origin: Origin,
    first: First,
) -> int:
    """End what is superseded, add what is new; how many rows are new."""
    columns = listed(incoming.row_columns(connection))
    if not about.roles:
        connection.execute(engines.fill(engines.statement("base_rows_table"), columns=columns))
        roles = list(incoming.roles_of(connection))
        connection.execute(
            "UPDATE base.about SET roles = $roles, zero_amount = $zero_amount",
            {"roles": roles, "zero_amount": first.zero_amount},
        )
    if about.currency is None:
        connection.execute("UPDATE base.about SET currency = $name", {"name": first.currency})
    when = {"load": number, "loaded_on": origin.loaded_on}
    connection.execute(engines.statement("base_end_rows"), when)
    add = engines.fill(engines.statement("base_add_rows"), columns=columns)
    return int(connection.execute(add, when).fetchall()[0][0])


def next_load(connection: duckdb.DuckDBPyConnection, origin: Origin) -> int:
    """The number of this load. Raises WrongParameter for a day before that of the last one."""
    (last,) = ask(connection, "SELECT max(load) AS load, max(loaded_on) AS day FROM base.loads")
    if last["day"] is not None and origin.loaded_on < last["day"]:
        expected = f"a day not before that of the last load, {last['day']}"
        raise WrongParameter("loaded_on", str(origin.loaded_on), expected)
    return int(last["load"] or 0) + 1


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
    names = [field.name for field in fields(Load) if field.name != "repeated"]
    return Load(**{name: row[name] for name in names}, repeated=True)


def check_balance(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, int]:
    """Rows ever read, and what became of them, counted apart; or raise AccountDoesNotBalance."""
    (row,) = ask(connection, engines.statement("base_balance"))
    counts = {name: int(value) for name, value in row.items()}
    if counts["read"] != sum(counts.values()) - counts["read"]:
        kept, rest = counts["live"], sum(counts.values()) - counts["read"] - counts["live"]
        raise AccountDoesNotBalance(source, counts["read"], kept, rest)
    return counts


def _hide_lines(connection: duckdb.DuckDBPyConnection, about: About) -> None:
    digests = incoming.erased(connection)
    if digests:
        lines.hide(
            connection, "incoming", about, lambda one: incoming.digest(about, one) in digests
        )


def is_used(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether anything was ever put into the attached base."""
    return bool(_count(connection, "base.loads") + _count(connection, "base.objections"))


def _refuse_other_roles(connection: duckdb.DuckDBPyConnection, folder: Path, about: About) -> None:
    """Rows told by other columns than those in the base cannot be compared with them."""
    roles = incoming.roles_of(connection)
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


def note_load(connection: duckdb.DuckDBPyConnection, kind: str, done: Load, origin: Origin) -> None:
    """Write a load into the list of loads."""
    values: dict[str, object] = {**asdict(done), **asdict(origin), "kind": kind}
    del values["repeated"]
    connection.execute(engines.statement("base_note_load"), values)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
