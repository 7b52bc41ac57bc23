"""A Parquet file as a table of text rows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crmlab.errors import UnreadableSource
from crmlab.intake import engines, typed
from crmlab.intake.columns import Mapping
from crmlab.intake.loaded import Rows, digest
from crmlab.intake.reading import Reading

MAGIC = b"PAR1"


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    mapping: Mapping,
    reading: Reading,
) -> Rows:
    """Read the file into source_rows, all as text.

    `name` is what messages call the file. Raises MissingColumn, or UnreadableSource for a file
    that is damaged or whose dates are instants with a time zone.
    """
    schema = _schema(path, name)
    places = mapping.locate(schema.names, name)
    typed.refuse_wide({schema.names[i]: schema.types[i] for i in places.values()}, name)
    relation, parameters = "read_parquet($path)", {"path": engines.one_file(path)}
    try:
        exact = typed.load(
            connection, relation, parameters, places, name, time_zone=reading.time_zone
        )
    except duckdb.Error as error:
        raise _damaged(name, error) from error
    return Rows(digest(path), exact)


def names(path: Path, name: str) -> list[str]:
    """The names of its columns: pyarrow tells them as they are; DuckDB renames those that differ
    by case alone."""
    return list(_schema(path, name).names)


def _schema(path: Path, name: str) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except pa.ArrowException as error:
        raise _damaged(name, error) from error
    except OSError as error:
        if error.errno is not None:  # the system's own; pyarrow's have no number
            raise
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> UnreadableSource:
    found = f"its Parquet is damaged ({engines.first_line(error)})"
    return UnreadableSource(name, found, "Write it again; it may be cut short.")
