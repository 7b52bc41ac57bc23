"""A relation whose columns have types of their own (Parquet, Arrow) as a table of text rows."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from crmlab.errors import UnreadableSource
from crmlab.intake import engines

FLOATS = ("FLOAT", "DOUBLE")


def load(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    parameters: Mapping[str, str],
    places: tuple[int, int, int],
    name: str,
) -> None:
    """Make source_rows from `relation`; `places` are customer_id, date and amount in it.

    Raises UnreadableSource for instants with a time zone: their day depends on where one stands.
    """
    connection.execute(engines.statement("float_text"))
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}", parameters).fetchall()
    columns = [(column, kind) for column, kind, *_ in described]
    customer_id, date, amount = (columns[i] for i in places)
    _refuse_instants(*date, name)
    if customer_id[1] in FLOATS:
        _refuse_lost_digits(connection, relation, parameters, customer_id[0], name)
    sql = engines.fill(
        engines.statement("typed"),
        customer_id=_as_text(*customer_id),
        date=_as_text(*date),
        amount=_as_text(*amount),
        relation=relation,
    )
    connection.execute(sql, parameters)


def _refuse_instants(column: str, kind: str, name: str) -> None:
    if kind.endswith("WITH TIME ZONE"):
        raise UnreadableSource(
            name,
            f"column '{column}' holds instants with a time zone",
            "Turn them into days of your time zone, in pandas for example: "
            "frame['date'].dt.tz_convert('Europe/Madrid').dt.date",
        )


def _refuse_lost_digits(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    parameters: Mapping[str, str],
    column: str,
    name: str,
) -> None:
    """Two long identifiers can be one floating-point number: two customers would become one."""
    sql = engines.fill(
        engines.statement("lost_digits"), customer_id=engines.quote(column), relation=relation
    )
    (row,) = connection.execute(sql, parameters).fetchall()
    if row[0]:
        raise UnreadableSource(
            name,
            f"column '{column}' holds {row[0]} identifiers as floating-point numbers that cannot "
            f"be whole and exact (first: {row[1]})",
            "Read it as text, in pandas for example: dtype={'" + column + "': str}.",
        )


def _as_text(column: str, kind: str) -> str:
    quoted = engines.quote(column)
    return f"float_text({quoted})" if kind in FLOATS else f"CAST({quoted} AS VARCHAR)"
