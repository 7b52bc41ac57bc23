"""What a load brings, made ready in memory before the base is touched."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from crmlab.intake import engines
from crmlab.intake.customer_base.keys import Key
from crmlab.intake.customer_base.store import About, columns_of, listed

PLACES = ("record", "line", "customer")
"""Columns that say where a row stood or whose it is in short, and not what it says."""


def roles_of(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """The roles that the source maps, in its order."""
    return tuple(name for name, _ in columns_of(connection, "source_rows") if name not in PLACES)


def row_columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The columns of a converted row, in order."""
    return [name for name, _ in columns_of(connection, "records") if name not in PLACES]


def pseudonymise(connection: duckdb.DuckDBPyConnection, key: Key) -> None:
    """Put pseudonyms in the place of ids wherever they stand: in rows, texts and raw lines."""
    replace(connection, key, "records", "customer_id")
    connection.execute("UPDATE records SET customer = hash(customer_id)")
    replace(connection, key, "source_texts", "customer_id")
    replace(connection, key, "source_faults", "text")


def replace(connection: duckdb.DuckDBPyConnection, key: Key, table: str, column: str) -> None:
    """Put pseudonyms in the place of what a column holds."""
    found = connection.execute(f"SELECT DISTINCT {column} FROM {table} WHERE trim({column}) != ''")
    texts = [text for (text,) in found.fetchall()]
    names = {"old": texts, "new": key.pseudonyms(texts)}
    connection.register("names", pa.table(names, pa.schema(dict.fromkeys(names, pa.string()))))
    connection.execute(
        f"UPDATE {table} SET {column} = names.new FROM names WHERE {table}.{column} = names.old"
    )
    connection.unregister("names")


def gather(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table incoming of records, source_rows and source_faults."""
    names = row_columns(connection)
    texts = (
        f"{engines.literal(role)}: source_rows.{engines.quote(role)}"
        for role in roles_of(connection)
    )
    sql = engines.fill(
        engines.statement("base_incoming"),
        columns=listed(names, "records."),
        texts=", ".join(texts),
        content=_written([*names, "original"]),
        key=_key(names),
    )
    connection.execute(sql)


def drop_erased(connection: duckdb.DuckDBPyConnection, about: About, table: str) -> int:
    """Take out the rows of people who were erased, and say how many they were."""
    digests = erased(connection)
    if not digests:
        return 0
    found = connection.execute(f"SELECT DISTINCT customer_id FROM {table}").fetchall()
    ids = [one for (one,) in found if one is not None and digest(about, one) in digests]
    gone = connection.execute(
        f"DELETE FROM {table} WHERE customer_id IN (SELECT unnest($ids))", {"ids": ids}
    )
    return int(gone.fetchall()[0][0])


def erased(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The digests of people who were erased."""
    found = connection.execute("SELECT digest FROM base.erasures").fetchall()
    return frozenset(text for (text,) in found)


def digest(about: About, customer_id: str) -> str:
    """A hash of an id, as the base knows it, under the base's own secret: its record of erasure."""
    return hmac.new(about.secret, customer_id.encode(), hashlib.sha256).hexdigest()


def _written(names: Sequence[str]) -> str:
    """SQL that writes columns one after the other, so that no two contents are written alike."""
    texts = (f"CAST({engines.quote(name)} AS VARCHAR)" for name in names)
    return " || ".join(f"coalesce(strlen({text}) || ':' || {text}, '-')" for text in texts)


def _key(names: list[str]) -> str:
    """SQL of the key: the transaction, and the product where there is one."""
    if "transaction_id" not in names:
        return "CAST(NULL AS UHUGEINT)"
    parts = [name for name in ("transaction_id", "product") if name in names]
    return f"CASE WHEN transaction_id IS NOT NULL THEN md5_number({_written(parts)}) END"
