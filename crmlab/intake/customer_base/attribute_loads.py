"""Attributes in a base: loaded, corrected and read as purchases are."""

from __future__ import annotations

import datetime as dt

import duckdb
import pandas as pd

from crmlab.intake import engines
from crmlab.intake.attribute_table import AttributeAccount
from crmlab.intake.customer_base import incoming, loading, store
from crmlab.intake.customer_base.loading import Load, Origin
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
    connection.execute(engines.statement("base_told_otherwise"))
    ((superseded,),) = connection.execute("SELECT count(*) FROM otherwise").fetchall()
    when = {"load": number, "loaded_on": origin.loaded_on}
    with store.transaction(connection):
        connection.execute(engines.statement("base_end_attributes"), when)
        added = int(
            connection.execute(engines.statement("base_add_attributes"), when).fetchall()[0][0]
        )
        set_aside = sum(account.set_aside.values())
        known = account.read - added - erased - set_aside
        counts = (account.read, added, known, superseded, erased, set_aside)
        done = Load(number, origin.loaded_on, origin.source, *counts)
        loading.note_load(connection, "attributes", done, origin)
    return done


def attributes_known(
    connection: duckdb.DuckDBPyConnection, as_of: dt.date | None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Attributes as they were known on a day, and their names; people kept out are not in it.

    Columns customer_id, valid_from and facts. What a row does not tell is as it was before.
    """
    asked = {"as_of": as_of or dt.date.max}
    rows = ask(connection, engines.statement("base_attribute_names"), **asked)
    names = tuple(str(row["name"]) for row in rows)
    lasting = ", ".join(
        f"{engines.literal(name)}: {LASTING.format(engines.literal(name))}" for name in names
    )
    sql = engines.fill(engines.statement("base_attributes_known"), facts=lasting)
    return connection.execute(sql, asked).df(), names


LASTING = (
    "(last_value(CASE WHEN map_contains(facts, {0}) THEN {{'text': facts[{0}]}} END IGNORE NULLS) "
    "OVER sofar).text"
)


def fingerprint(connection: duckdb.DuckDBPyConnection, as_of: dt.date | None) -> str:
    """SHA-256 of all that is told of customers, as it was known on a day."""
    asked = {"as_of": as_of or dt.date.max}
    (row,) = ask(connection, engines.statement("base_attribute_fingerprint"), **asked)
    return str(row["digest"])
