"""A relation whose columns have types of their own (Parquet, Arrow) as a table of text rows."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from crmlab.errors import UnreadableSource
from crmlab.intake import engines


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


def _as_text(column: str, kind: str) -> str:
    quoted = engines.quote(column)
    return f"float_text({quoted})" if kind in ("FLOAT", "DOUBLE") else f"CAST({quoted} AS VARCHAR)"
