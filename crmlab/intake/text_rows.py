"""The table source_texts, which a reader fills, as the rows of a source: the view source_rows."""

from __future__ import annotations

import duckdb

from crmlab.intake import engines


def number(connection: duckdb.DuckDBPyConnection, lines_before: int | None = None) -> None:
    """Make source_rows of texts alone: records count from 1 in the order in which they came.

    Each is a line of the file, after `lines_before` others; of None, rows have no line.
    """
    line = "CAST(NULL AS BIGINT)" if lines_before is None else f"rowid + 1 + {lines_before}"
    connection.execute(engines.fill(engines.statement("numbered_rows"), line=line))


def show(connection: duckdb.DuckDBPyConnection) -> None:
    """Make source_rows of texts that come with their record and line."""
    connection.execute("CREATE VIEW source_rows AS FROM source_texts")
