"""Rows that are there twice: by their key, if they have one, or by all that they say."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from crmlab.errors import UntrustedSource
from crmlab.intake import engines
from crmlab.intake.customer_days import CustomerDays, Keys, repeated
from crmlab.intake.findings import Finding
from crmlab.intake.meaning import Meaning

MANY = 0.01
"""Share of rows that equal another, without a key, that nobody should pass over."""


def judge(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    meaning: Meaning,
    records: int,
    days: CustomerDays,
) -> tuple[list[UntrustedSource], list[Finding]]:
    """Add rows that are there twice to set_aside; what speaks against the source, and a flag.

    A transaction's id is the key of a row, unless rows are lines of orders (they have a product
    or a quantity). With a key, equal rows are set aside; without, only where the user says so.
    """
    names = [name for name, *_ in connection.execute("DESCRIBE records").fetchall()]
    columns = [name for name in names if name not in ("record", "customer", "reason")]
    keyed = "transaction_id" in names and not {"product", "quantity"} & set(names)
    _find(connection, records, ", ".join(columns), days)
    ((rows,),) = connection.execute("SELECT count(*) FROM duplicates").fetchall()
    if meaning.duplicates == "keep":
        return [], _flag(rows, records)
    refusals = _conflicts(connection, source, columns) if keyed else []
    if keyed or meaning.duplicates == "drop":
        reason = "duplicate_key" if keyed else "duplicate_row"
        connection.execute(engines.statement("duplicates_set_aside"), {"reason": reason})
        return refusals, []
    if rows > MANY * records:
        refusals.append(_many(source, rows, records))
    return refusals, _flag(rows, records)


def _find(
    connection: duckdb.DuckDBPyConnection, records: int, columns: str, days: CustomerDays
) -> None:
    """Make the table duplicates. Hashes are compared sorted, far quicker than in a table."""
    _keep(connection, "repeated_days", days.repeated)
    sql = engines.fill(engines.statement("duplicate_candidates"), key=days.packing.key)
    connection.execute(sql)
    bench, space = engines.Bench(connection, {}), np.empty(records, dtype=np.uint64)
    again = [np.empty(0, dtype=np.uint64)]
    for part in range(days.packing.parts):
        where = days.packing.is_in(part)
        contents = bench.fill(space, f"SELECT hash({columns}) FROM candidates WHERE {where}")
        contents.sort()
        again.append(repeated(contents))
    _keep(connection, "repeated_contents", np.concatenate(again))
    connection.execute(engines.fill(engines.statement("duplicates"), columns=columns))
    connection.execute(
        "DROP VIEW candidates; DROP TABLE repeated_days; DROP TABLE repeated_contents"
    )


def _keep(connection: duckdb.DuckDBPyConnection, table: str, keys: Keys) -> None:
    """Make a table of keys."""
    connection.register("given", pa.table({"key": keys}))
    connection.execute(f"CREATE TABLE {table} AS FROM given")
    connection.unregister("given")


def _flag(rows: int, records: int) -> list[Finding]:
    return [Finding("duplicates", {"rows": rows, "share": rows / records})] if rows else []


def _conflicts(
    connection: duckdb.DuckDBPyConnection, source: str, columns: list[str]
) -> list[UntrustedSource]:
    content = ", ".join(name for name in columns if name != "transaction_id")
    sql = engines.fill(engines.statement("key_conflicts"), columns=content)
    (found,) = engines.fetch_rows(connection, sql, {})
    if not found["keys"]:
        return []
    return [
        UntrustedSource(
            source,
            "key_conflict",
            f"{found['keys']:,} transaction ids stand on several rows that say different things "
            f"(first: {found['first']!r}), so they are no key",
            "If rows are lines of an order, name their product: --set product=NAME; if they are "
            "right as they are: --set duplicates=keep",
        )
    ]


def _many(source: str, rows: int, records: int) -> UntrustedSource:
    return UntrustedSource(
        source,
        "duplicates",
        f"{rows:,} of {records:,} rows ({rows / records:.1%}) say just what another row says, and "
        "nothing tells whether they are purchases of their own",
        "Say so: --set duplicates=keep or --set duplicates=drop; or name the column that tells "
        "transactions apart: --set transaction_id=NAME",
    )
