"""Attributes in a base: loaded, corrected and read as purchases are."""

from __future__ import annotations

import datetime as dt

import duckdb
import pandas as pd

from crmlab.intake import engines
from crmlab.intake.attribute_table import AttributeAccount
from crmlab.intake.customer_base import incoming, loading, store
from crmlab.intake.customer_base.loading import Change, Load, Origin, Says, Sums
from crmlab.intake.customer_base.store import About, ask


def take_attributes(
    connection: duckdb.DuckDBPyConnection, about: About, origin: Origin, account: AttributeAccount
) -> Load:
    """Bring the table attribute_rows into the attached base; raises as take_rows does.

    A row is known by its customer, its day and the names of what it tells; told otherwise, the
    later load is right.
    """
    number = loading.next_load(connection, origin)
    connection.execute(engines.statement("base_told"))
    erased = incoming.drop_erased(connection, about, "told")
    with store.transaction(connection):
        change = change_attributes(connection, number, origin.loaded_on)
        set_aside = sum(account.set_aside.values())
        # What the table says twice is known the second time.
        known = account.read - change.added - erased - set_aside
        counts = (account.read, change.added, known, change.superseded, erased, set_aside)
        done = Load(number, origin.loaded_on, origin.source, *counts)
        loading.note_load(connection, "attributes", done, origin, Says(), Sums())
    return done


def change_attributes(
    connection: duckdb.DuckDBPyConnection,
    load: int,
    loaded_on: dt.date,
    again_from: dt.date | None = None,
) -> Change:
    """Judge the table told in the attached base, as loading.change_rows judges purchases."""
    connection.execute(engines.statement("base_told_otherwise"))
    connection.execute(engines.statement("base_told_known"))
    when = {"load": load, "loaded_on": loaded_on}
    again = when | {"again_from": again_from}
    superseded = store.changed(connection, engines.statement("base_end_attributes"), when)
    known = store.changed(connection, engines.statement("base_add_told"), {"load": load})
    added = store.changed(connection, engines.statement("base_add_attributes"), again)
    return Change(added, known, superseded)


def attributes_known(
    connection: duckdb.DuckDBPyConnection, as_of: dt.date | None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Attributes as they were known on a day, and their names; people kept out are not in it.

    Columns customer_id, valid_from and facts. What a row does not tell is as it was before.
    """
    asked = {"as_of": as_of or store.NOW}
    rows = ask(connection, _then("base_attribute_names"), **asked)
    names = tuple(str(row["name"]) for row in rows)
    lasting = ", ".join(
        f"{engines.literal(name)}: {LASTING.format(engines.literal(name))}" for name in names
    )
    sql = _then("base_attributes_known", facts=lasting)
    return connection.execute(sql, asked).df(), names


LASTING = (
    "(last_value(CASE WHEN map_contains(facts, {0}) THEN {{'text': facts[{0}]}} END IGNORE NULLS) "
    "OVER sofar).text"
)


def fingerprint(connection: duckdb.DuckDBPyConnection, as_of: dt.date | None) -> str:
    """SHA-256 of all that is told of customers, as it was known on a day."""
    asked = {"as_of": as_of or store.NOW}
    (row,) = ask(connection, _then("base_attribute_fingerprint"), **asked)
    return str(row["digest"])


def _then(statement: str, **parts: str) -> str:
    """A statement that selects from the attributes as they were judged on the day $as_of."""
    return engines.fill(engines.statement(statement), attributes=store.then("attributes"), **parts)
