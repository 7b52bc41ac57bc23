"""A Parquet file as a table of text rows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crmlab.errors import UnreadableSource
from crmlab.intake import engines, typed
from crmlab.intake.columns import Columns

MAGIC = b"PAR1"


def load(connection: duckdb.DuckDBPyConnection, path: Path, name: str, columns: Columns) -> None:
    """Read the file into source_rows, all as text.

    `name` is what messages call the file. Raises MissingColumn, or UnreadableSource for a file
    that is damaged or whose dates are instants with a time zone.
    """
    try:
        # pyarrow tells the names as they are; DuckDB renames those that differ by case alone.
        names = pq.read_schema(path).names
        places = columns.locate(names, name)
        relation, parameters = "read_parquet($path)", {"path": engines.one_file(path)}
        typed.load(connection, relation, parameters, places, name)
    except (pa.ArrowException, duckdb.Error) as error:
        found = f"its Parquet is damaged ({engines.first_line(error)})"
        raise UnreadableSource(name, found, "Write it again; it may be cut short.") from error
